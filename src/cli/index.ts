/** The `lading` command. */
import { Command, CommanderError, Option } from "commander";
import { version } from "../../package.json";
import { environmentName, readConfig, type SettingName, settings, UsageError } from "../config.ts";
import { addAnswers } from "./answers.ts";
import { exportAudit } from "./audit.ts";
import { scrub } from "./scrub.ts";
import { welcome } from "./welcome.ts";

const program = new Command("lading")
  .description("A container registry that anyone can run, and that is an Amazon ECR")
  .version(version)
  .showHelpAfterError();

withSettings(program.command("serve"), Object.keys(settings) as SettingName[])
  .description("Run the registry")
  .action(async (flags: Record<string, unknown>) => {
    const { serve } = await import("../main.ts");
    const config = readConfig(flags);
    await serve(config, (start) => process.stdout.write(welcome(config, start)));
  });

withSettings(program.command("scrub"), ["data"])
  .description(
    "Read every stored blob again and report what is damaged, missing or left over; beside a server or not",
  )
  .action(async (flags: Record<string, unknown>) => {
    const { data } = readConfig(flags);
    const report = await scrub(data).catch((error: unknown) => {
      const isNoFolder =
        error instanceof Error && "code" in error && /^SQLITE_(CANTOPEN|NOTADB)/.test(String(error.code));
      throw isNoFolder ? new UsageError(`There is no data folder of a registry at '${data}'`) : error;
    });
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    process.exitCode = report.damaged.length + report.missing.length > 0 ? 1 : 0;
  });

withSettings(program.command("audit").description("The record of every request").command("export"), ["data"])
  .description("Write the audit as JSON lines, oldest first; beside a server or not")
  .option("--from <TIME>", "not older, such as 2026-01-31 or 2026-01-31T12:00:00Z")
  .option("--to <TIME>", "not newer")
  .option("--account <ID>", "of this account alone")
  .action(async (flags: Record<string, unknown>) => {
    const { data } = readConfig(flags);
    await exportAudit(data, flags);
  });

addAnswers(program);

function withSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const setting = settings[name];
    const fallback = "default" in setting ? `; default ${setting.default}` : "";
    command.addOption(
      new Option(
        `--${setting.flag} <${setting.value}>`,
        `${setting.help} (${environmentName(name)}${fallback})`,
      ),
    );
  }
  return command;
}

try {
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  for (const command of [program, ...commands]) command.exitOverride();
  await program.parseAsync();
} catch (error) {
  // Commander has said it already.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`lading: ${error.message}\n`);
  process.exit(2);
}
