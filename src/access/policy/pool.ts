/**
 * Equal parts of policies are kept once. A decision over hundreds of statements waits for memory more than it
 * calculates, and statements repeat each other: `ecr:*`, `arn:aws:ecr:`, a condition on aws:SecureTransport.
 */

const maxEntries = 10_000;
const maxKeyCharacters = 256;

/**
 * Answers what `make` made before for the same key, or makes it. What is pooled is never changed, and depends on
 * nothing but its key. A full pool starts anew, so that nobody can fill it for good.
 */
export function poolOf<Value>(): (key: string, make: (key: string) => Value) => Value {
  const pool = new Map<string, Value>();
  return (key, make) => {
    const known = pool.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    if (pool.size === maxEntries) pool.clear();
    if (key.length <= maxKeyCharacters) pool.set(key, value);
    return value;
  };
}
