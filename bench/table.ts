/** Samples of both registries, and the table of their medians. */
import type { Program } from "./registries.ts";

export type Measure = {
  label: string;
  unit: string;
  /** Which way is good. */
  better: "more" | "less";
};

export type Results = {
  add: (measure: Measure, program: Program, value: number) => void;
  /** Markdown. A row in which `peer` is ahead of `own` says so. */
  table: (own: Program, peer: Program) => string;
};

export function makeResults(): Results {
  const rows = new Map<string, { measure: Measure; samples: Map<Program, number[]> }>();
  return {
    add: (measure, program, value) => {
      const row = rows.get(measure.label) ?? { measure, samples: new Map() };
      rows.set(measure.label, row);
      row.samples.set(program, [...(row.samples.get(program) ?? []), value]);
    },
    table: (own, peer) => {
      const lines = [...rows.values()].map(({ measure, samples }) => {
        const [ours, theirs] = [own, peer].map((program) => median(samples.get(program) ?? []));
        return line(measure, ours ?? Number.NaN, theirs ?? Number.NaN);
      });
      return aligned([["", "unit", own.name, peer.name, "ratio", ""], ...lines]);
    },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function line({ label, unit, better }: Measure, ours: number, theirs: number): string[] {
  const isBehind = better === "more" ? ours < theirs : ours > theirs;
  return [label, unit, figure(ours), figure(theirs), (ours / theirs).toFixed(2), isBehind ? "behind" : ""];
}

/** Three digits that mean something. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toString();
  return value.toPrecision(3);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0), 3),
  );
  const isNumber = (column: number) => column >= 2 && column <= 4;
  const cells = (row: readonly string[]) =>
    row.map((cell, column) =>
      isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    );
  const rule = widths.map((width, column) =>
    isNumber(column) ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
  );
  const [head = [], ...body] = rows;
  return [cells(head), rule, ...body.map(cells)].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
