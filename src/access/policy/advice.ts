/** What can be said about a policy that is accepted. */

export type AdviceCode =
  | "allow-not-principal"
  | "always-denied"
  | "deleted-identity"
  | "deputy"
  | "grants-nothing"
  | "never-applies"
  | "no-set-operator"
  | "not-principal-account"
  | "older-version"
  | "operator"
  | "public"
  | "set-operator"
  | "unknown-key";

export type Advice = {
  code: AdviceCode;
  /** 1 for the first. */
  statement: number;
  /** From the document down, such as `Statement[0].Action`. */
  path: string;
  text: string;
};

/** Says something about a statement; `path` is what follows the statement. */
export type Advise = (advice: Omit<Advice, "statement">) => void;
