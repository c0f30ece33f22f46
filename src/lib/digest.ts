/** Content digests: OCI image specification 1.1, "Digests". */

export type Algorithm = "sha256" | "sha512";

const hexDigits: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };
const form = /^(sha256|sha512):([0-9a-f]+)$/;

/** The algorithm of a digest that this registry knows, or undefined for anything else. */
export function digestAlgorithm(digest: string): Algorithm | undefined {
  const match = form.exec(digest);
  const algorithm = match?.[1] as Algorithm | undefined;
  return algorithm !== undefined && match?.[2]?.length === hexDigits[algorithm] ? algorithm : undefined;
}

export function isDigest(value: string): boolean {
  return digestAlgorithm(value) !== undefined;
}

/** The digest of `bytes`, such as `sha256:e3b0c442…`. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): string {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(bytes).digest("hex")}`;
}
