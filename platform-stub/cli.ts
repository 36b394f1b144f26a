import { Command, InvalidArgumentError, Option } from "commander";
import { randomAccountPassword } from "./accounts.js";
import { makeCardId, writeCardFile } from "./cards.js";
import { fail, printLines } from "./command-line.js";
import { changeConfig } from "./config.js";
import { DEMO_CONFIG } from "./demo.js";
import type { Cipher, TagEntry } from "./entries.js";
import { deviceId, tagEndOf } from "./fields.js";
import { guessFinder } from "./guessable.js";
import { addMosquittoCommand } from "./mosquitto-command.js";
import { addRunCommand } from "./run-command.js";
import { readSecret, refusedSecret } from "./secrets.js";
import { type StoredOptions, withRegistry } from "./stored-platform.js";

interface AddTagOptions extends Omit<TagEntry, "tag" | "maxCurrent" | "cacheFor"> {
  readonly config: string;
  readonly tag?: string;
  readonly cardFile?: string;
}

interface ExpectOptions extends StoredOptions {
  readonly owner: string;
  readonly station: string;
}

/** Environment variable with the token of a new user. */
const TOKEN_OF_USER_VARIABLE = "PLUGPASS_TOKEN";
const program = new Command("npm run platform --")
  .description(
    "Runs and configures the platform stub: an MQTT broker with access control that answers the requests of stations",
  )
  .showHelpAfterError();

addRunCommand(program);

program
  .command("add-user")
  .description("add a user, who owns stations and cards")
  .requiredOption("--config <file>", "configuration to change; created if it does not exist")
  .requiredOption("--email <address>", "e-mail of the user")
  .option(
    "--token-file <file>",
    `file with the MQTT password of the user's stations; or set ${TOKEN_OF_USER_VARIABLE}; default: a random one`,
  )
  .addOption(refusedSecret("--token <text>", `set ${TOKEN_OF_USER_VARIABLE} or use --token-file`))
  .option("--root-topic <topic>", "root of the user's topics; default: the hash of the e-mail")
  .action((options: { config: string; email: string; tokenFile?: string; rootTopic?: string }) => {
    const { config, tokenFile, ...user } = options;
    const given = { variable: TOKEN_OF_USER_VARIABLE, flag: "--token-file", file: tokenFile };
    const token = readSecret(given) ?? randomAccountPassword();
    changeConfig(config, (registry) => registry.addUser({ ...user, token }));
    printLines(`added ${user.email} to ${config}, with the token`);
  });

program
  .command("add-device")
  .description("add a device and generate its response key and its account at the broker")
  .requiredOption("--config <file>", "configuration to change")
  .requiredOption("--id <id>", "device id")
  .requiredOption("--owner <e-mail>", "owner of the device")
  .option("--cipher <name>", "aes-256-gcm, or aes-256-cbc for stations without GCM", cipher, "aes-256-gcm")
  .action((options: { config: string; id: string; owner: string; cipher: Cipher }) => {
    const { config, ...device } = options;
    changeConfig(config, (registry) => registry.addDevice({ ...device, password: randomAccountPassword() }));
    printLines(`added ${device.id}; its response key and its MQTT password are in ${config}`);
  });

program
  .command("add-tag")
  .description("add or replace a virtual card")
  .requiredOption("--config <file>", "configuration to change")
  .requiredOption("--owner <e-mail>", "user whose stations accept the card")
  .option("--tag <tag>", "card number; default: 80 random bits")
  .option("--label <text>", "name of the card")
  .option(
    "--stations <ids>",
    "stations that accept the card, separated by commas; default: all of the owner",
    (ids: string) => ids.split(","),
  )
  .option("--blocked", "block the card at all stations")
  .addOption(
    new Option(
      "--accepts <presentation>",
      "the plain number, a proof of the card's secret, which cannot be copied, or both; default: static",
    ).choices(["static", "proof", "both"]),
  )
  .option("--card-file <file>", "write the card with its secret for npm run phone")
  .action(addTag);

program
  .command("expect")
  .description(
    "accept the transfer of a station for its new owner, for one hour; works while the platform runs",
  )
  .requiredOption("--owner <e-mail>", "the new owner")
  .requiredOption("--station <id>", "station to accept")
  .option("--config <file>", "configuration of the platform", DEMO_CONFIG)
  .option("--database <file>", "database of the platform; default: the configuration's name with .sqlite")
  .action(expect);

program
  .command("rotate-key")
  .description(
    "replace the response key of a station, as soon as it is online; works while the platform runs",
  )
  .requiredOption("--station <id>", "the station")
  .option("--config <file>", "configuration of the platform", DEMO_CONFIG)
  .option("--database <file>", "database of the platform; default: the configuration's name with .sqlite")
  .action(async ({ station, ...options }: StoredOptions & { readonly station: string }) => {
    await withRegistry(options, (registry) => registry.rotateKey(station));
    printLines(`${station} gets a new response key while the platform runs with its admin page`);
  });

addMosquittoCommand(program);

program.parseAsync().catch(fail);

function addTag({ config, cardFile, ...fields }: AddTagOptions): void {
  if (cardFile !== undefined && (fields.accepts ?? "static") === "static") {
    throw new Error("--card-file needs a card with a secret; add --accepts proof, or both");
  }
  const entry: TagEntry = { ...fields, tag: fields.tag ?? makeCardId() };
  const { tag } = entry;
  const registry = changeConfig(config, (changed) => changed.putTag(entry));
  if (fields.tag === undefined) printLines(`made the number ${tag}`);
  printLines(`saved the tag ${tagEndOf(tag)} in ${config}`);
  const warning = guessFinder(registry.tags)(entry);
  if (warning !== undefined) printLines(`warning: ${warning}`);
  const card = registry.cardFile(tag);
  if (cardFile === undefined || !card) return;
  writeCardFile(cardFile, card);
  printLines(`wrote ${cardFile}, a secret: it lets any phone charge with this card`);
}

async function expect({ owner, station, ...options }: ExpectOptions): Promise<void> {
  if (!deviceId.safeParse(station).success) {
    throw new Error(`--station ${station} is not a device id`);
  }
  await withRegistry(options, (registry) => registry.acceptTransfer({ owner, device: station }));
  printLines(`${owner} accepts ${station} within one hour`);
}

function cipher(text: string): Cipher {
  if (text !== "aes-256-gcm" && text !== "aes-256-cbc") {
    throw new InvalidArgumentError("must be aes-256-gcm or aes-256-cbc");
  }
  return text;
}
