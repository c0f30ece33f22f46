/** Runs Terraform in a folder, as the user of the cloud. */
import { join } from "node:path";
import type { Cloud } from "./cloud.ts";

const commandDeadlineMs = 10 * 60_000;

/** The only settings of the person at the machine that take part: where the provider is, and what is logged. */
const ofPerson = ["TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_PATH"];

export type Command = {
  run(...args: readonly string[]): Promise<{ code: number; stdout: string; output: string }>;
  /** What it printed on standard output. Throws with everything that it printed when the exit code is not 0. */
  succeed(...args: readonly string[]): Promise<string>;
  /** The values of the outputs by name, those that are sensitive among them. */
  outputs(): Promise<Record<string, unknown>>;
};

export function terraformIn(cwd: string, { program, cloud }: { program: string; cloud: Cloud }): Command {
  const env = environment(cwd, cloud);
  const run: Command["run"] = async (...args) => {
    const child = Bun.spawn([program, ...args, "-no-color"], {
      cwd,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: commandDeadlineMs,
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { code: await child.exited, stdout, output: `${stdout}${stderr}` };
  };
  const succeed: Command["succeed"] = async (...args) => {
    const { code, stdout, output } = await run(...args);
    if (code === 0) return stdout;
    throw new Error(`terraform ${args.join(" ")}\nended with ${code}:\n${withoutProgress(output)}`);
  };
  return {
    run,
    succeed,
    outputs: async () => {
      const outputs = JSON.parse(await succeed("output", "-json")) as Record<string, { value: unknown }>;
      return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
    },
  };
}

function environment(cwd: string, { server, keys, buildRoleArn, externalId }: Cloud): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && (!/^(?:AWS|TF)_/.test(name) || ofPerson.includes(name)),
  );
  return {
    ...(Object.fromEntries(own) as Record<string, string>),
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    // Files that are not there, in place of those of the person.
    AWS_CONFIG_FILE: join(cwd, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(cwd, "credentials"),
    CHECKPOINT_DISABLE: "1",
    TF_INPUT: "0",
    TF_IN_AUTOMATION: "1",
    TF_VAR_lading: server.url,
    TF_VAR_build_role_arn: buildRoleArn,
    TF_VAR_external_id: externalId,
  };
}

/** Without the lines that say what is being read or written just now, which hide those that matter. */
function withoutProgress(output: string): string {
  return output
    .split("\n")
    .filter((line) => !/^\S+: .*(?:\.\.\.|complete after )/.test(line))
    .join("\n");
}
