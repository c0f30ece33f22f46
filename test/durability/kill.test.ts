/** A server that is killed at any moment keeps every promise that it made, and nothing that it left blocks the next. */
import { expect, test } from "bun:test";
import { seedFor } from "../support/durability.ts";
import { soak } from "./soak.ts";

const kills = 12;

test(`${kills} kills while clients push lose nothing that was answered, and what was interrupted can be repeated`, async () => {
  const report = await soak({ kills, seed: seedFor("kills while clients push") });
  expect(report.kills).toBe(kills);
  // A run in which nothing was interrupted or resumed has shown nothing.
  expect(report.interrupted).toBeGreaterThan(kills);
  expect(report.answered).toBeGreaterThan(kills * 20);
  console.log(`kills while clients push: ${JSON.stringify(report)}`);
}, 120_000);
