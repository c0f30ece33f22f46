/** Advice about single conditions. */
import { echo } from "../../lib/text.ts";
import type { Advise } from "./advice.ts";
import { conditionKey } from "./condition-keys.ts";
import type { Condition } from "./conditions.ts";

export function adviceOnCondition(
  { operator, key, wanted }: Condition,
  { effect, advise }: { effect: "Allow" | "Deny"; advise: Advise },
): void {
  const path = `.Condition.${operator}.${echo(key)}`;
  const known = conditionKey(key);
  if (known === "never") {
    advise({
      code: "unknown-key",
      path,
      text: `'${echo(key)}' never has a value here, so that this condition ${outcomeWithout(operator, wanted)}`,
    });
  } else if (known !== "unknown")
    adviseOnSets({ operator, key, path }, { effect, values: known.values, advise });
  adviseOnOperator({ operator, key, wanted, path }, advise);
}

/** What becomes of a condition whose key has no value. */
function outcomeWithout(operator: string, wanted: readonly string[]): string {
  const always = "always holds";
  const never = "never holds, and neither does its statement apply";
  if (operator.endsWith("Null")) return wanted.some((text) => text.toLowerCase() === "true") ? always : never;
  if (/IfExists$|^ForAllValues:/.test(operator)) return always;
  return !operator.startsWith("ForAnyValue:") && operator.includes("Not") ? always : never;
}

type Place = { operator: string; key: string; path: string };

/** IAM user guide, "Single-valued vs. multivalued context keys". */
function adviseOnSets(
  { operator, key, path }: Place,
  { effect, values, advise }: { effect: "Allow" | "Deny"; values: "one" | "many"; advise: Advise },
): void {
  const set = /^ForA(?:ll|ny)Values?/.exec(operator)?.[0];
  if (values === "one" && set !== undefined) {
    const consequence =
      effect === "Allow" && set === "ForAllValues"
        ? "; a request without a value passes, which permits too much"
        : "";
    advise({
      code: "set-operator",
      path,
      text: `'${echo(key)}' has one value at most; leave out ${set}${consequence}`,
    });
  }
  if (values === "many" && set === undefined && operator !== "Null")
    advise({
      code: "no-set-operator",
      path,
      text: `'${echo(key)}' can have several values; say ForAnyValue:${operator} or ForAllValues:${operator}`,
    });
}

function adviseOnOperator(
  { operator, key, wanted, path }: Place & { wanted: readonly string[] },
  advise: Advise,
): void {
  const advice = (text: string) => advise({ code: "operator", path, text });
  if (/String(?:Not)?Equals/.test(operator)) {
    const wild = wanted.find((text) => /[*?]/.test(text.replace(/\$\{[^}]*\}/g, "")));
    if (wild !== undefined)
      advice(
        `In '${echo(wild)}' the wildcard means itself, as this operator compares exactly; StringLike or StringNotLike knows wildcards`,
      );
  }
  if (/Arn(?:Not)?(?:Equals|Like)/.test(operator)) {
    const strange = wanted.find((text) => text !== "*" && !text.includes("${") && text.split(":").length < 6);
    if (strange !== undefined)
      advice(`'${echo(strange)}' does not have the six parts of an ARN and matches none`);
  }
  if (/^aws:(?:vpc)?sourceip$/i.test(key) && !/IpAddress|Null/.test(operator))
    advice(`'${echo(key)}' is an address; IpAddress and NotIpAddress know ranges and every way to write one`);
}
