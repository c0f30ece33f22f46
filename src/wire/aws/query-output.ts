/** The output of an operation, and its errors, to XML, in the Query protocol (Smithy 2.0, "AWS Query protocol"). */
import { percentEncoded } from "../../lib/text.ts";
import {
  type Contract,
  type ListShape,
  type MapShape,
  type QueryService,
  type StructureShape,
  shapeOf,
} from "./contract/contract.ts";
import { encode } from "./shape.ts";

/** An error as it leaves: the code of its exception on the wire, such as `NoSuchEntity`. */
type QueryError = { code: string; message: string; status: number; detail?: string | undefined };

/**
 * Shapes whose text comes out URL-encoded: IAM does so with every policy, also with a role's trust policy (IAM API,
 * GetRolePolicy: "returned by this operation are URL-encoded compliant with RFC 3986"). In inputs they are plain.
 */
const urlEncodedShapes: ReadonlySet<string> = new Set(["policyDocumentType"]);

/**
 * The answer to `operation` with `output`, which has its output's shape; anything else is a defect of ours and throws a
 * plain error. Policies are given as they are and come out URL-encoded. Times come out in whole seconds, as IAM's do.
 */
export function encodeQuery<OperationName extends string>(
  contract: Contract<OperationName, QueryService>,
  operation: OperationName,
  output: unknown,
  requestId: string,
): string {
  const { output: shapeName, resultWrapper } = contract.operations[operation];
  const json = encode(contract, shapeName, output ?? {});
  const result =
    resultWrapper === undefined ? "" : elements(contract, { name: resultWrapper, shapeName, json });
  const metadata = element("ResponseMetadata", element("RequestId", escapeXml(requestId)));
  return envelope(contract, `${operation}Response`, `${result}${metadata}`);
}

/** The answer that refuses a request to the service of `contract`. */
export function encodeQueryError(
  contract: Contract<string, QueryService>,
  { code, message, status, detail }: QueryError,
  requestId: string,
): string {
  const members = [
    element("Type", status < 500 ? "Sender" : "Receiver"),
    element("Code", escapeXml(code)),
    element("Message", escapeXml(message)),
    detail === undefined ? "" : element("Detail", escapeXml(detail)),
  ];
  const error = element("Error", members.join(""));
  return envelope(contract, "ErrorResponse", `${error}${element("RequestId", escapeXml(requestId))}`);
}

function envelope(contract: Contract<string, QueryService>, name: string, content: string): string {
  return `<${name} xmlns="${contract.service.xmlNamespace}">${content}</${name}>`;
}

function element(name: string, content: string): string {
  return content === "" ? `<${name}/>` : `<${name}>${content}</${name}>`;
}

/** A value on its way out: `json` is what `encode` has made of it, so its type is that of its shape. */
type Place = { name: string; shapeName: string; json: unknown };

/** The element of a value. A flattened collection has one for each of its items, and none of its own. */
function elements(contract: Contract, { name, shapeName, json }: Place): string {
  const shape = shapeOf(contract, shapeName);
  switch (shape.type) {
    case "structure":
      return element(name, memberElements(contract, shape, json as Readonly<Record<string, unknown>>));
    case "list":
      return listElements(contract, { shape, name, items: json as readonly unknown[] });
    case "map":
      return mapElements(contract, { shape, name, entries: json as Readonly<Record<string, unknown>> });
    case "timestamp":
      return element(name, dateTime(json as number));
    default: {
      const text = String(json);
      return element(name, escapeXml(urlEncodedShapes.has(shapeName) ? percentEncoded(text) : text));
    }
  }
}

function memberElements(
  contract: Contract,
  { members, names = {} }: StructureShape,
  json: Readonly<Record<string, unknown>>,
): string {
  return Object.entries(json)
    .map(([member, value]) =>
      elements(contract, { name: names[member] ?? member, shapeName: members[member] ?? "", json: value }),
    )
    .join("");
}

function listElements(
  contract: Contract,
  { shape, name, items }: { shape: ListShape; name: string; items: readonly unknown[] },
): string {
  const itemName = shape.flattened ? name : (shape.memberName ?? "member");
  const content = items
    .map((json) => elements(contract, { name: itemName, shapeName: shape.member, json }))
    .join("");
  return shape.flattened ? content : element(name, content);
}

function mapElements(
  contract: Contract,
  { shape, name, entries }: { shape: MapShape; name: string; entries: Readonly<Record<string, unknown>> },
): string {
  const { key: keyShape, keyName = "key", value: valueShape, valueName = "value" } = shape;
  const content = Object.entries(entries).map(([key, json]) => {
    const sides =
      elements(contract, { name: keyName, shapeName: keyShape, json: key }) +
      elements(contract, { name: valueName, shapeName: valueShape, json });
    return element(shape.flattened ? name : "entry", sides);
  });
  return shape.flattened ? content.join("") : element(name, content.join(""));
}

/** `2026-01-01T00:00:00Z`: what has begun of a second does not count, so nothing is said to last longer than it does. */
function dateTime(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().replace(".000Z", "Z");
}

/** XML 1.0, 2.11: a parser makes a line feed of a carriage return that is written as itself. */
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\r": "&#xD;",
};

/** XML 1.0, 2.2: characters that no document can hold, not even by number. They are left out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(unwritable, "")
    .replace(/[&<>\r]/g, (character) => entities[character] ?? character);
}
