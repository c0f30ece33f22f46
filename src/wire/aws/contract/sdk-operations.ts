/** The operations of an AWS service with the types of their inputs and outputs, derived from the commands of its SDK. */

/** What an instance of each command has, and what tells its input and its output. */
type CommandOf<Input, Output> = {
  readonly input: Input;
  resolveMiddleware(...rest: never[]): (...rest: never[]) => Promise<{ output: Output }>;
};

/** `$Command` is the SDK's own base of all commands. */
type OperationNameOf<ExportName> = ExportName extends "$Command"
  ? never
  : ExportName extends `${infer Name}Command`
    ? Name
    : never;

/**
 * An input as `decode` (`shape.ts`) leaves it: the SDK types a required member as `T | undefined`, because its caller may
 * forget it; behind the decoder it is there.
 */
type Decoded<T> = T extends Uint8Array | Date
  ? T
  : T extends readonly (infer Item)[]
    ? Decoded<Item>[]
    : T extends object
      ? { [Key in keyof T]: undefined extends T[Key] ? DecodedMember<T, Key> : Decoded<T[Key]> }
      : T;

type DecodedMember<T, Key extends keyof T> =
  object extends Pick<T, Key>
    ? Decoded<Exclude<T[Key], undefined>> | undefined
    : Decoded<Exclude<T[Key], undefined>>;

type OperationOf<CommandClass> = CommandClass extends new (
  ...input: never[]
) => CommandOf<infer Input, infer Output>
  ? { input: Decoded<Input>; output: Omit<Output, "$metadata"> }
  : never;

/** The operations by name; `Sdk` is the type of an SDK's module: `OperationsOf<typeof sdk>["CreateUser"]["input"]`. */
export type OperationsOf<Sdk> = {
  [ExportName in keyof Sdk as OperationNameOf<ExportName>]: OperationOf<Sdk[ExportName]>;
};
