/**
 * Equal parts of policies are kept once. A decision over hundreds of statements waits for memory more than it
 * calculates, and statements repeat each other: `ecr:*`, `arn:aws:ecr:`, `aws:SourceIp`.
 */

const maxEntries = 10_000;
const maxKeyCharacters = 256;

/** What `make` gives for a text, which is immutable: the same for the same text, and made anew after many others. */
export function pooled<Value>(make: (text: string) => Value): (text: string) => Value {
  const pool = new Map<string, Value>();
  return (text) => {
    const known = pool.get(text);
    if (known !== undefined) return known;
    const value = make(text);
    if (pool.size === maxEntries) pool.clear();
    if (text.length <= maxKeyCharacters) pool.set(text, value);
    return value;
  };
}
