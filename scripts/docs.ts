/**
 * Writes the parts of docs/ that are made from the program's tables: `bun scripts/docs.ts`. `test/docs.test.ts` fails
 * while they are out of step.
 */
import { resolve } from "node:path";
import { environmentName, type SettingName, settings } from "../src/config.ts";
import { type FaultName, fault, faultNames } from "../src/lib/faults.ts";
import { notOffered } from "../src/wire/aws/operation.ts";
import { services } from "../src/wire/aws/services.ts";
import { awsErrors, ociErrors } from "../src/wire/errors.ts";

const begin = (name: string) => `<!-- made from the program: ${name} -->`;
const end = "<!-- end -->";

/** What stands between the markers of each document: file, name of the part, text. */
export const parts: readonly { file: string; name: string; text: () => string }[] = [
  { file: "docs/configuration.md", name: "settings", text: settingsTable },
  { file: "docs/errors.md", name: "errors", text: errorsTable },
  { file: "docs/compatibility.md", name: "operations", text: operationsTable },
];

/** `document` with the part `name` replaced by `text`. Throws when the document has no place for it. */
export function withPart(document: string, name: string, text: string): string {
  const from = document.indexOf(begin(name));
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`There is no '${begin(name)}' … '${end}' in the document`);
  return `${document.slice(0, from + begin(name).length)}\n${text}\n${document.slice(to)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function settingsTable(): string {
  const rows = (Object.keys(settings) as SettingName[]).map((name) => {
    const setting = settings[name];
    const fallback = "default" in setting ? `\`${setting.default}\`` : "";
    return [`\`--${setting.flag} ${setting.value}\``, `\`${environmentName(name)}\``, fallback, setting.help];
  });
  return table(["flag", "environment", "default", "meaning"], rows);
}

function errorsTable(): string {
  const rows = faultNames.map((name) => {
    const oci = ociErrors[name];
    const aws = awsErrors[name];
    return [name, `${oci.status} ${oci.code}`, `${aws.status} ${aws.name}`, sentence(name)];
  });
  return table(["fault", "registry door", "AWS door", "sentence"], rows);
}

function operationsTable(): string {
  const rows = services.flatMap(({ contract, row }) => {
    const { signingName } = contract.service;
    const names = Object.keys(contract.operations);
    const offered = names.filter((name) => row(name) !== notOffered);
    // Of a service that only begins, the offered operations are enough.
    const shown = signingName === "ecr" ? names : offered;
    const shownRows = shown.map((name) => [
      signingName,
      name,
      row(name) === notOffered ? "not offered" : "yes",
    ]);
    return names.length > shown.length
      ? [...shownRows, [signingName, "all others", "not offered"]]
      : shownRows;
  });
  return table(["service", "operation", "offered"], rows);
}

/** The sentence with placeholders for what a case fills in. */
function sentence(name: FaultName): string {
  const placeholders = new Proxy({}, { get: (_, member) => placeholder(String(member)) });
  const make = fault as (name: FaultName, values: object) => Error;
  return make(name, placeholders).message;
}

function placeholder(member: string) {
  const text = `‹${member}›`;
  return { toString: () => text, join: () => text, length: 2 };
}

if (import.meta.main) {
  for (const { file, name, text } of parts) {
    const path = resolve(import.meta.dir, "..", file);
    await Bun.write(path, withPart(await Bun.file(path).text(), name, text()));
  }
}
