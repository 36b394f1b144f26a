import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { randomAccountPassword } from "./accounts.js";
import { portOption, printLines } from "./command-line.js";
import { readConfig } from "./config.js";
import { writeMosquittoFiles } from "./mosquitto.js";
import { Registry } from "./registry.js";
import { BROKER_PASSWORD_VARIABLE, readSecret, refusedSecret } from "./secrets.js";
import { databaseBeside, type StoredOptions, withRegistry } from "./stored-platform.js";

interface Options extends StoredOptions {
  readonly out: string;
  readonly username: string;
  readonly passwordFile?: string;
  readonly port: number;
  readonly platformPort: number;
  readonly ownerAccounts: boolean;
  readonly force: boolean;
}

/** Adds the command `mosquitto`, which writes the configuration of a Mosquitto. */
export function addMosquittoCommand(program: Command): void {
  program
    .command("mosquitto")
    .description("write a configuration for Mosquitto, with password and ACL files")
    .requiredOption("--config <file>", "configuration with users and devices")
    .option("--database <file>", "database of the platform; default: the configuration's name with .sqlite")
    .requiredOption("--out <directory>", "directory for the files")
    .option("--username <name>", "user name of the platform's own account", "platform")
    .option(
      "--password-file <file>",
      `file with its password; or set ${BROKER_PASSWORD_VARIABLE}; default: a random one`,
    )
    .addOption(refusedSecret("--password <text>", `set ${BROKER_PASSWORD_VARIABLE} or use --password-file`))
    .option("--port <number>", "TCP port for the stations", portOption, 1883)
    .option("--platform-port <number>", "TCP port for the platform, on loopback", portOption, 1884)
    .option(
      "--owner-accounts",
      "let stations use their owner's account; a station can then disconnect the stations of other owners",
      false,
    )
    .option("--force", "overwrite existing files", false)
    .action(writeFiles);
}

async function writeFiles(options: Options): Promise<void> {
  const {
    config,
    database = databaseBeside(config),
    out: directory,
    username,
    passwordFile,
    force,
  } = options;
  const { port, platformPort, ownerAccounts } = options;
  const given = readSecret({
    variable: BROKER_PASSWORD_VARIABLE,
    flag: "--password-file",
    file: passwordFile,
  });
  const password = given ?? randomAccountPassword();
  const write = (registry: Registry) => {
    writeMosquittoFiles({
      directory,
      registry,
      platform: { username, password },
      hasOwnerAccounts: ownerAccounts,
      ports: { stations: port, platform: platformPort },
      force,
    });
  };
  // Without a database no station has been transferred.
  if (existsSync(database)) await withRegistry(options, write);
  else write(new Registry(readConfig(config)));
  const file = given === undefined ? join(directory, "platform-password") : passwordFile;
  if (given === undefined && file !== undefined) writeFileSync(file, `${password}\n`, { mode: 0o600 });
  const broker = `--broker mqtt://${username}@127.0.0.1:${platformPort}`;
  printLines(
    `wrote ${directory}; start Mosquitto as the user who owns the files, and then the platform:`,
    `  mosquitto -c ${join(directory, "plugpass.conf")}`,
    `  npm run platform -- --config ${config} ${broker}${file === undefined ? "" : ` --broker-password-file ${file}`}`,
    "Write the files again with --force after stations were added and before a transfer; then send Mosquitto SIGHUP.",
  );
}
