/**
 * Makes a contract of an AWS service from its botocore service model: what the server must know to read inputs and
 * write outputs, and nothing else. Run by hand when the model has changed:
 *
 *   bun scripts/contract.ts SERVICE_MODEL.json [SUPPLEMENT.json …] > src/wire/aws/contract/ecr.json
 *
 * A supplement has the form of a service model and adds operations that the SDKs have and botocore's model has not yet.
 * The answer has one line for each operation and shape, in alphabetical order, so that a change reads well as a diff.
 */
import { argv, exit, stdout } from "node:process";

type Reference = { shape: string };

/** A shape of a botocore service model; only the keys that a contract keeps or is made from. */
type ModelShape = {
  type: string;
  required?: readonly string[];
  members?: Readonly<Record<string, Reference>>;
  member?: Reference;
  key?: Reference;
  value?: Reference;
  enum?: readonly string[];
  pattern?: string;
  min?: number;
  max?: number;
  exception?: boolean;
};

type ModelOperation = { input?: Reference; output?: Reference; errors?: readonly Reference[] };

type Model = {
  metadata?: { apiVersion: string; jsonVersion: string; signingName: string; targetPrefix: string };
  operations: Readonly<Record<string, ModelOperation>>;
  shapes: Readonly<Record<string, ModelShape>>;
};

/** `shape` without prose, and with names in place of references. */
function compactShape(shape: ModelShape): Record<string, unknown> {
  const { type, required, members, member, key, value, enum: values, pattern, min, max, exception } = shape;
  return {
    type,
    ...(exception && { exception }),
    ...(required && required.length > 0 && { required }),
    ...(members && {
      members: Object.fromEntries(
        Object.entries(members).map(([name, reference]) => [name, reference.shape]),
      ),
    }),
    ...(member && { member: member.shape }),
    ...(key && { key: key.shape }),
    ...(value && { value: value.shape }),
    ...(values && { enum: values }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(pattern !== undefined && { pattern }),
  };
}

function compactOperation(name: string, operation: ModelOperation): Record<string, unknown> {
  if (operation.input === undefined || operation.output === undefined) {
    throw new Error(`The operation ${name} has no input or no output shape, which a contract cannot say`);
  }
  return {
    input: operation.input.shape,
    output: operation.output.shape,
    errors: (operation.errors ?? []).map((error) => error.shape).sort(),
  };
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

/** The contract's text. The first model names the service, all of them add operations and shapes. */
function contractText(models: readonly Model[]): string {
  const metadata = models[0]?.metadata;
  if (metadata === undefined) throw new Error("The first model has no metadata");
  const { apiVersion, jsonVersion, signingName, targetPrefix } = metadata;

  const operations = new Map<string, string>();
  const shapes = new Map<string, string>();
  const modelShapes = new Map(models.flatMap((model) => Object.entries(model.shapes)));
  const reachable = reachableShapes(
    models.flatMap((model) => Object.values(model.operations)),
    modelShapes,
  );
  for (const model of models) {
    addEntries(
      operations,
      Object.entries(model.operations).map(([name, operation]) => [name, compactOperation(name, operation)]),
    );
    addEntries(
      shapes,
      Object.entries(model.shapes)
        .filter(([name]) => reachable.has(name))
        .map(([name, shape]) => [name, compactShape(shape)]),
    );
  }
  const service = JSON.stringify({ apiVersion, jsonVersion, signingName, targetPrefix });
  return `{\n  "service": ${service},\n  "operations": {\n${linesOf(operations)}\n  },\n  "shapes": {\n${linesOf(shapes)}\n  }\n}\n`;
}

const paths = argv.slice(2);
if (paths.length === 0) {
  console.error("usage: bun scripts/contract.ts SERVICE_MODEL.json [SUPPLEMENT.json …]");
  exit(2);
}
const models: Model[] = await Promise.all(paths.map((path) => Bun.file(path).json()));
stdout.write(contractText(models));
