/** Values that conditions compare other than as text: numbers, dates, addresses, bytes. Each reader answers undefined
 * when the text is none of its kind. */

/** The number sign × 0.digits × 10^exponent, with neither leading nor trailing zeros; zero has no digits. */
type Decimal = { sign: 1 | -1; digits: string; exponent: number };

/** A number of any size, exactly. Exponents have at most six digits, as nothing here is larger. */
export function readDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/.exec(text);
  const [, minus, whole = "", fraction = "", power = "0"] = match ?? [];
  if (match === null || whole + fraction === "") return undefined;
  const all = whole + fraction;
  const leading = all.search(/[1-9]/);
  if (leading === -1) return { sign: 1, digits: "", exponent: 0 };
  let end = all.length;
  while (all[end - 1] === "0") end -= 1;
  return {
    sign: minus === "-" ? -1 : 1,
    digits: all.slice(leading, end),
    exponent: whole.length - leading + Number(power),
  };
}

/** Negative, zero or positive, as `a` is smaller than, equal to or greater than `b`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  if (a.digits === "" || b.digits === "") return signOf(a) - signOf(b);
  if (a.sign !== b.sign) return a.sign - b.sign;
  if (a.exponent !== b.exponent) return a.sign * (a.exponent - b.exponent);
  // Digits behind "0." compare as text: what is shorter and otherwise equal is smaller.
  if (a.digits === b.digits) return 0;
  return a.digits < b.digits ? -a.sign : a.sign;
}

function signOf({ sign, digits }: Decimal): number {
  return digits === "" ? 0 : sign;
}

const isoDate =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?$/i;

/**
 * Milliseconds since the epoch of a date in one of the W3C forms of ISO 8601 (UTC unless it says otherwise), or of
 * seconds since the epoch. Four digits are a year.
 */
export function readDate(text: string): number | undefined {
  const match = isoDate.exec(text);
  if (match === null)
    return /^\d{5,15}(?:\.\d{1,9})?$|^\d{1,3}$/.test(text) ? Number(text) * 1000 : undefined;
  const [, year, month = "1", day = "1", hour = "0", minute = "0", second = "0", fraction = "0", zone = "Z"] =
    match;
  const wholeMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const date = new Date(wholeMs);
  // Date.UTC takes the 31st of February for a day in March, and years before 100 for those after 1900.
  const isReal =
    date.getUTCFullYear() === Number(year) &&
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day) &&
    date.getUTCHours() === Number(hour) &&
    date.getUTCMinutes() === Number(minute);
  return isReal ? wholeMs + Number(fraction) * 1000 - offsetMs(zone) : undefined;
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60_000;
}

/**
 * An address as four signed words of 32 bits, as JavaScript's bit operators have them; IPv4 is `::ffff:a.b.c.d`, as
 * sockets that take both families report it.
 */
export type Address = readonly [number, number, number, number];
/** Only the bits of `mask` are compared. */
export type AddressRange = { words: Address; mask: Address };

const addressGroups = 8;
const mapped = [0, 0, 0, 0, 0, 0xffff];

export function readAddress(text: string): Address | undefined {
  const groups = text.includes(":") ? readIpv6(text) : readIpv4(text);
  if (groups === undefined) return undefined;
  const word = (at: number) => ((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0);
  return [word(0), word(2), word(4), word(6)];
}

/** CIDR form; without a prefix length it is the one address. Bits behind the prefix count as zeros. */
export function readAddressRange(text: string): AddressRange | undefined {
  const [address = "", prefix, more] = text.split("/");
  const words = readAddress(address);
  if (words === undefined || more !== undefined) return undefined;
  const own = address.includes(":") ? 128 : 32;
  if (prefix === undefined) return { words, mask: maskOf(128) };
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > own) return undefined;
  return { words, mask: maskOf(Number(prefix) + 128 - own) };
}

function maskOf(bits: number): Address {
  // A shift by 32 would be one by 0.
  const word = (before: number) => (bits <= before ? 0 : -1 << Math.max(0, before + 32 - bits));
  return [word(0), word(32), word(64), word(96)];
}

/** The last word first: it is where most addresses differ, IPv4's above all. */
export function isInRange(address: Address, { words, mask }: AddressRange): boolean {
  return (
    ((address[3] ^ words[3]) & mask[3]) === 0 &&
    ((address[2] ^ words[2]) & mask[2]) === 0 &&
    ((address[1] ^ words[1]) & mask[1]) === 0 &&
    ((address[0] ^ words[0]) & mask[0]) === 0
  );
}

function readIpv4(text: string): readonly number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1) ?? [];
  // A leading zero would be octal to some readers.
  if (match === null || bytes.some((byte) => Number(byte) > 255 || /^0\d/.test(byte))) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number);
  return [...mapped, a * 256 + b, c * 256 + d];
}

function readIpv6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)([\d.]*\.[\d.]*)$/.exec(text);
  if (dotted) {
    const tail = readIpv4(dotted[2] ?? "")?.slice(-2);
    if (!tail) return undefined;
    return readIpv6(`${dotted[1]}${tail.map((group) => group.toString(16)).join(":")}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = addressGroups - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  if (![...head, ...tail].every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  return groups.map((group) => Number.parseInt(group, 16));
}

/** Bytes in base 64, in the one form that they have there. */
export function readBase64(text: string): string | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64").toString("base64");
}

/** `true` or `false` in any case. */
export function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === "true" || lower === "false" ? lower === "true" : undefined;
}
