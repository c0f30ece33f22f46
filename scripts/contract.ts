/**
 * Makes a contract of an AWS service from its botocore service model: what the server must know to read inputs and
 * write outputs, and nothing else. Run by hand when the model has changed, or the list of what is kept of it:
 *
 *   bun scripts/contract.ts [--keep NAMES.txt] SERVICE_MODEL.json [SUPPLEMENT.json …] > src/wire/aws/contract/NAME.json
 *
 * The services whose operations are not all kept have their list beside the contract, as `iam-kept.txt`: one name a
 * line, `#` before a reason. A model may be gzipped, as botocore ships it. A supplement has the form of a service model
 * and adds operations that the SDKs have and botocore's model has not yet.
 * The answer has one line for each operation and shape, in alphabetical order, so that a change reads well as a diff.
 */
import { argv, exit, stdout } from "node:process";
import { parseArgs } from "node:util";

type Reference = { shape: string; locationName?: string; resultWrapper?: string };

/** A shape of a botocore service model; only the keys that a contract keeps or is made from. */
type ModelShape = {
  type: string;
  required?: readonly string[];
  members?: Readonly<Record<string, Reference>>;
  member?: Reference;
  key?: Reference;
  value?: Reference;
  flattened?: boolean;
  enum?: readonly string[];
  pattern?: string;
  min?: number;
  max?: number;
  sensitive?: boolean;
  union?: boolean;
  exception?: boolean;
  error?: { code: string; httpStatusCode: number };
  /** An exception that is the server's fault. */
  fault?: boolean;
};

type ModelOperation = {
  input?: Reference;
  output?: Reference;
  errors?: readonly Reference[];
  authtype?: string;
};

type Metadata = {
  apiVersion: string;
  protocol: string;
  endpointPrefix: string;
  signingName?: string;
  jsonVersion?: string;
  targetPrefix?: string;
  xmlNamespace?: string;
};

type Model = {
  metadata?: Metadata;
  operations: Readonly<Record<string, ModelOperation>>;
  shapes: Readonly<Record<string, ModelShape>>;
};

/** Stands for the input or the output that an operation does not have: an empty structure. Smithy 2.0, "unit type". */
const unit = "Unit";

/** What there is on the wire and a contract cannot say: better no contract than one that is wrong. */
const unsaid = ["location", "timestampFormat", "xmlAttribute", "xmlNamespace", "streaming", "eventstream"];

function checkSayable(name: string, entry: object): void {
  const found = unsaid.filter((key) => key in entry);
  if (found.length > 0) throw new Error(`${name} has ${found.join(", ")}, which a contract cannot say`);
}

/** The members whose names on the wire are not their own. */
function wireNames(members: Readonly<Record<string, Reference>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, { locationName = name }]) =>
      locationName === name ? [] : [[name, locationName]],
    ),
  );
}

/** The error code on the wire, where it is not the shape's name, and the status, where it is not 400. */
function compactError(name: string, { error, fault }: ModelShape): Record<string, unknown> {
  if (error) return { error: { code: error.code, status: error.httpStatusCode } };
  return fault ? { error: { code: name, status: 500 } } : {};
}

/** `shape` without prose, and with names in place of references. */
function compactShape(name: string, shape: ModelShape): Record<string, unknown> {
  const { type, required, members, member, key, value, enum: values, pattern, min, max, exception } = shape;
  for (const entry of [shape, ...Object.values(members ?? {})]) checkSayable(name, entry);
  const names = wireNames(members ?? {});
  return {
    type,
    ...(exception && { exception }),
    ...compactError(name, shape),
    ...(shape.union && { union: true }),
    ...(required && required.length > 0 && { required }),
    ...(members && {
      members: Object.fromEntries(
        Object.entries(members).map(([memberName, reference]) => [memberName, reference.shape]),
      ),
    }),
    ...(Object.keys(names).length > 0 && { names }),
    ...(member && { member: member.shape }),
    ...(member?.locationName && { memberName: member.locationName }),
    ...(key && { key: key.shape }),
    ...(key?.locationName && { keyName: key.locationName }),
    ...(value && { value: value.shape }),
    ...(value?.locationName && { valueName: value.locationName }),
    ...(shape.flattened && { flattened: true }),
    ...(values && { enum: values }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(pattern !== undefined && { pattern }),
    ...(shape.sensitive && { sensitive: true }),
  };
}

function compactOperation({ input, output, errors, authtype }: ModelOperation): Record<string, unknown> {
  return {
    input: input?.shape ?? unit,
    output: output?.shape ?? unit,
    ...(output?.resultWrapper && { resultWrapper: output.resultWrapper }),
    ...(authtype === "none" && { unsigned: true }),
    errors: (errors ?? []).map((error) => error.shape).sort(),
  };
}

/** What tells a request to this service from one to another. */
function compactService(metadata: Metadata): Record<string, unknown> {
  const { apiVersion, protocol, jsonVersion, endpointPrefix, signingName = endpointPrefix } = metadata;
  const { targetPrefix, xmlNamespace } = metadata;
  if (protocol === "json") return { protocol, apiVersion, jsonVersion, signingName, targetPrefix };
  if (protocol === "query") return { protocol, apiVersion, signingName, xmlNamespace };
  throw new Error(`The protocol ${protocol} is not one that a contract can say`);
}

/** Puts `addition` into `into`. The same name may come twice when it says the same thing. */
function addEntries(into: Map<string, string>, addition: readonly (readonly [string, unknown])[]): void {
  for (const [name, entry] of addition) {
    const text = JSON.stringify(entry);
    if (into.has(name) && into.get(name) !== text) {
      throw new Error(`${name} is defined twice: ${into.get(name)} and ${text}`);
    }
    into.set(name, text);
  }
}

function referencesOf(shape: ModelShape): string[] {
  const references = [...Object.values(shape.members ?? {}), shape.member, shape.key, shape.value];
  return references.flatMap((reference) => (reference === undefined ? [] : [reference.shape]));
}

/** The names of all shapes that the inputs, outputs and errors of `operations` lead to. */
function reachableShapes(
  operations: readonly ModelOperation[],
  shapes: ReadonlyMap<string, ModelShape>,
): ReadonlySet<string> {
  const waiting = operations.flatMap(({ input, output, errors }) =>
    [input, output, ...(errors ?? [])].flatMap((reference) =>
      reference === undefined ? [] : [reference.shape],
    ),
  );
  const reached = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue;
    const shape = shapes.get(name);
    if (shape === undefined) throw new Error(`The shape ${name} is used and not defined`);
    reached.add(name);
    waiting.push(...referencesOf(shape));
  }
  return reached;
}

function linesOf(entries: ReadonlyMap<string, string>): string {
  const names = [...entries.keys()].sort();
  return names.map((name) => `    ${JSON.stringify(name)}: ${entries.get(name)}`).join(",\n");
}

/** `model` with those of its operations that `kept` names, or with all of them. */
function keepOperations(model: Model, kept: ReadonlySet<string> | undefined): Model {
  if (kept === undefined) return model;
  const operations = Object.entries(model.operations).filter(([name]) => kept.has(name));
  return { ...model, operations: Object.fromEntries(operations) };
}

/** The contract's text. The first model names the service, all of them add operations and shapes. */
function contractText(models: readonly Model[]): string {
  const metadata = models[0]?.metadata;
  if (metadata === undefined) throw new Error("The first model has no metadata");

  const operations = new Map<string, string>();
  const shapes = new Map<string, string>();
  const modelOperations = models.flatMap((model) => Object.values(model.operations));
  const modelShapes = new Map(models.flatMap((model) => Object.entries(model.shapes)));
  const reachable = reachableShapes(modelOperations, modelShapes);
  for (const model of models) {
    addEntries(
      operations,
      Object.entries(model.operations).map(([name, operation]) => [name, compactOperation(operation)]),
    );
    addEntries(
      shapes,
      Object.entries(model.shapes)
        .filter(([name]) => reachable.has(name))
        .map(([name, shape]) => [name, compactShape(name, shape)]),
    );
  }
  if (modelOperations.some(({ input, output }) => !input || !output)) {
    addEntries(shapes, [[unit, { type: "structure", members: {} }]]);
  }
  const service = JSON.stringify(compactService(metadata));
  return `{\n  "service": ${service},\n  "operations": {\n${linesOf(operations)}\n  },\n  "shapes": {\n${linesOf(shapes)}\n  }\n}\n`;
}

async function readModel(path: string): Promise<Model> {
  const bytes = await Bun.file(path).bytes();
  return JSON.parse(new TextDecoder().decode(path.endsWith(".gz") ? Bun.gunzipSync(bytes) : bytes));
}

/** The names in a list of operations; each has to be one of the models'. */
async function readKept(path: string, models: readonly Model[]): Promise<ReadonlySet<string>> {
  const lines = (await Bun.file(path).text()).split("\n").map((line) => line.replace(/#.*/, "").trim());
  const kept = new Set(lines.filter((line) => line !== ""));
  const known = new Set(models.flatMap((model) => Object.keys(model.operations)));
  const unknown = [...kept].filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`${path} names what no model has: ${unknown.join(", ")}`);
  return kept;
}

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  options: { keep: { type: "string" } },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error("usage: bun scripts/contract.ts [--keep NAMES.txt] SERVICE_MODEL.json [SUPPLEMENT.json …]");
  exit(2);
}
const models = await Promise.all(positionals.map(readModel));
const kept = values.keep === undefined ? undefined : await readKept(values.keep, models);
stdout.write(contractText(models.map((model) => keepOperations(model, kept))));
