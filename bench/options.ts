/** What `npm run bench -- …` takes. */

export type Options = {
  /** Bytes of one large layer. */
  sizeBytes: number;
  rounds: number;
  /** Seconds of one run of requests against one manifest. */
  requestSeconds: number;
  /** Images of the repository that manifests are read from. */
  imagesInRepository: number;
  /** Small images that are pushed one after the other. */
  smallImages: number;
  /** Starts of each kind. */
  starts: number;
  /** Repositories of the filled data folder, each with an image and a tag. */
  repositories: number;
  /** Groups of measurements to run. */
  only: ReadonlySet<Group>;
};

const groups = ["layers", "manifests", "images", "starts", "policies"] as const;
export type Group = (typeof groups)[number];

const usage = `npm run bench -- [options]
  --size SIZE       one large layer, such as 128MiB or 1GiB (1GiB)
  --rounds N        rounds, each with both registries; the table shows medians (3)
  --seconds N       length of one run of manifest requests (5)
  --only GROUP      one of ${groups.join(", ")}; may be repeated (all)
  --quick           128MiB, one round, short runs: under 40 seconds, for a first look`;

const unitBytes = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Ends the process with the usage when it cannot understand the arguments. */
export function readOptions(args: readonly string[]): Options {
  const isQuick = args.includes("--quick");
  const options = isQuick
    ? {
        sizeBytes: 128 * unitBytes.MiB,
        rounds: 1,
        requestSeconds: 1,
        imagesInRepository: 200,
        smallImages: 20,
        starts: 3,
        repositories: 1_000,
      }
    : {
        sizeBytes: unitBytes.GiB,
        rounds: 3,
        requestSeconds: 5,
        imagesInRepository: 2_000,
        smallImages: 100,
        starts: 7,
        repositories: 10_000,
      };
  const only = new Set<Group>();
  const rest = args.filter((argument) => argument !== "--quick");
  for (let at = 0; at < rest.length; at += 2) {
    const [flag, value = ""] = rest.slice(at, at + 2);
    if (flag === "--size") options.sizeBytes = bytes(value);
    else if (flag === "--rounds") options.rounds = count(value);
    else if (flag === "--seconds") options.requestSeconds = count(value);
    else if (flag === "--only") only.add(groups.find((group) => group === value) ?? refuse(value));
    else refuse(flag ?? "");
  }
  return { ...options, only: only.size > 0 ? only : new Set(groups) };
}

function bytes(value: string): number {
  const match = /^(\d+)(KiB|MiB|GiB)$/.exec(value);
  if (!match) return refuse(value);
  return Number(match[1]) * unitBytes[match[2] as keyof typeof unitBytes];
}

function count(value: string): number {
  return /^[1-9]\d{0,3}$/.test(value) ? Number(value) : refuse(value);
}

function refuse(argument: string): never {
  console.error(`Cannot understand '${argument}'.\n\n${usage}`);
  process.exit(2);
}
