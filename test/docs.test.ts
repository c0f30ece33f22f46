import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { parts, withPart } from "../scripts/docs.ts";

for (const { file, name, text } of parts) {
  test(`${file} tells the ${name} that the program has; 'bun scripts/docs.ts' writes them`, async () => {
    const document = await Bun.file(resolve(import.meta.dir, "..", file)).text();
    expect(document).toBe(withPart(document, name, text()));
  });
}

test("help names every flag and its environment variable", async () => {
  const program = resolve(import.meta.dir, "../bin/lading");
  const help = await new Response(Bun.spawn([program, "serve", "--help"]).stdout).text();
  const flags = [...(parts[0]?.text() ?? "").matchAll(/`(--[a-z-]+) [A-Z:]+` \| `(LADING_[A-Z_]+)`/g)];
  expect(flags.length).toBeGreaterThan(8);
  for (const [, flag = "", environment = ""] of flags) {
    expect(help).toContain(flag);
    expect(help).toContain(environment);
  }
});
