/**
 * What `npm test` runs: `bun test/run.ts [patterns]`. Without patterns it runs every test there is. The last line says
 * `N passed, N failed`, with `, N skipped` if any were, and the exit code is 0 only if tests ran and none failed.
 */
import { ensurePackages } from "./support/packages.ts";
import { runTests } from "./support/test-run.ts";

const shownFailures = 30;

const { missing } = await ensurePackages();
if (missing.length > 0) console.log(`Not installed: ${missing.join(", ")}. The tests that need them say so.`);

const patterns = process.argv.slice(2);
const { passed, failed, skipped, failures } = await runTests({
  patterns: patterns.length > 0 ? patterns : ["./src", "./test"],
  write: (text) => process.stdout.write(text),
});

if (failed > 0) console.log("\nFailed:");
for (const failure of failures.slice(0, shownFailures)) console.log(`\n${failure}`);
if (failures.length > shownFailures) console.log(`\nand ${failures.length - shownFailures} more; see above`);

console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
