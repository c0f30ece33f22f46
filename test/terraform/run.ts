/**
 * `npm run test:terraform`: what Terraform's AWS provider has for a registry, made, changed and destroyed against a server
 * of its own, with a plan after each that has to be empty. Terraform and the provider come from who runs it
 * (`TF_CLI_CONFIG_FILE` can name a mirror), so this is no part of `npm test`. The exit code is 0 when all of it held, 1
 * when something did not, and 2 when there is no Terraform or no provider.
 */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../support/server.ts";
import { checkDestroyed, checkOutputs, checkVersions, prepare } from "./cloud.ts";
import { type Command, terraformIn } from "./terraform.ts";

/** More than the versions that a policy can have, so that the provider has to delete old ones. */
const lastStep = 6;

process.exitCode = await main();

async function main(): Promise<0 | 1 | 2> {
  const program = Bun.which("terraform");
  if (program === null) {
    console.error(
      "There is no terraform on the PATH; https://developer.hashicorp.com/terraform/install has it.",
    );
    return 2;
  }
  await using server = await start();
  await using folder = await copyConfiguration();
  const cloud = await prepare(server);
  const terraform = terraformIn(folder.path, { program, cloud });
  const { code, output } = await terraform.run("init", "-input=false");
  if (code !== 0) {
    console.error(`${output}\nThe provider cannot be installed. TF_CLI_CONFIG_FILE can name a mirror of it.`);
    return 2;
  }
  try {
    for (const [step, change] of ["makes everything", "changes everything"].entries()) {
      const variable = `-var=step=${step + 1}`;
      await say(change, () => terraform.succeed("apply", "-auto-approve", variable));
      // The exit code of a plan that is not empty is 2.
      await say("plans nothing after that", () => terraform.succeed("plan", "-detailed-exitcode", variable));
      await say("reads what is there", async () => checkOutputs(cloud, step + 1, await terraform.outputs()));
    }
    await say("changes a policy again and again", () => changePolicy(terraform));
    await checkVersions(cloud, lastStep);
    await say("destroys everything", () => terraform.succeed("destroy", "-auto-approve"));
    await checkDestroyed(cloud);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
  console.log("All of it held.");
  return 0;
}

async function changePolicy(terraform: Command): Promise<void> {
  for (let step = 3; step <= lastStep; step++) {
    const only = ["-target=aws_iam_policy.versions", "-refresh=false"];
    await terraform.succeed("apply", "-auto-approve", `-var=step=${step}`, ...only);
  }
}

async function say(what: string, run: () => Promise<unknown>): Promise<void> {
  const begun = Bun.nanoseconds();
  await run();
  console.log(`Terraform ${what} (${Math.round((Bun.nanoseconds() - begun) / 1e9)} s)`);
}

/** The configuration in a temporary folder, for Terraform writes its state beside it. */
async function copyConfiguration(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "lading-terraform-"));
  const files = (await readdir(import.meta.dir)).filter((name) => name.endsWith(".tf"));
  for (const name of files) await cp(join(import.meta.dir, name), join(path, name));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
