import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Admin, Login, startAdmin } from "./admin/index.js";
import { makeCardId, writeCardFile } from "./cards.js";
import { fail, portOption } from "./command-line.js";
import { changeConfig, readConfig, writeConfig } from "./config.js";
import { DEMO_BLOCKED_TAG, DEMO_DEVICE_ID, DEMO_TAG, demoRegistry } from "./demo.js";
import type { Decision } from "./endpoints.js";
import { deviceId, tagEndOf } from "./fields.js";
import { type FirmwareService, serveFirmware } from "./firmware/server.js";
import { guessFinder } from "./guessable.js";
import { addMosquittoCommand } from "./mosquitto-command.js";
import { oneLine } from "./one-line.js";
import { type Platform, startPlatform } from "./platform.js";
import {
  deviceMaker,
  type Provisioning,
  startProvisioning,
  TOKEN_VARIABLE,
  tokenFrom,
} from "./provisioning/index.js";
import {
  type Cipher,
  Registry,
  type RegistryData,
  randomAccountPassword,
  type TagEntry,
} from "./registry.js";
import {
  BROKER_PASSWORD_VARIABLE,
  brokerOption,
  brokerWithPassword,
  readSecret,
  refusedSecret,
} from "./secrets.js";
import { openSQLiteStore } from "./sqlite-store.js";
import { StationWatcher } from "./station-watcher.js";
import { MemoryStore, type Store } from "./store.js";
import { databaseBeside, type StoredOptions, withRegistry } from "./stored-platform.js";
import { Traffic } from "./traffic.js";

interface RunOptions {
  readonly config?: string;
  readonly database?: string;
  readonly memory: boolean;
  readonly broker?: string;
  readonly brokerPasswordFile?: string;
  readonly host: string;
  readonly port: number;
  readonly admin: boolean;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly newAdminPassword: boolean;
  readonly trustedProxies?: readonly string[];
  readonly provisioningPort?: number;
  readonly provisioningOwner?: string;
  readonly repository: string;
  readonly firmwarePort?: number;
}

interface AddTagOptions extends Omit<TagEntry, "tag" | "maxCurrent" | "cacheFor"> {
  readonly config: string;
  readonly tag?: string;
  readonly cardFile?: string;
}

interface ExpectOptions extends StoredOptions {
  readonly owner: string;
  readonly station?: string;
}

/** Environment variable with the token of a new user. */
const TOKEN_OF_USER_VARIABLE = "PLUGPASS_TOKEN";
/** Environment variable with an admin password for one run. */
const PASSWORD_VARIABLE = "PLUGPASS_ADMIN_PASSWORD";
const DEMO_CONFIG = "build/platform.json";
const DEMO_CARD_FILE = "build/demo-card.json";

const program = new Command("npm run platform --")
  .description(
    "Runs and configures the platform stub: an MQTT broker with access control that answers the requests of stations",
  )
  .showHelpAfterError();

program
  .command("run", { isDefault: true })
  .description("run the platform until Ctrl-C")
  .option("--config <file>", `users, devices and tags; default: a demo configuration in ${DEMO_CONFIG}`)
  .option(
    "--database <file>",
    "run-time data: cards, sessions, owners; default: the configuration's name with .sqlite",
  )
  .option("--memory", "keep run-time data in memory only", false)
  .option(
    "--broker <url>",
    "external broker, mqtt://[user@]host:port, instead of the embedded one",
    brokerOption,
  )
  .option(
    "--broker-password-file <file>",
    `file with the password for that broker; or set ${BROKER_PASSWORD_VARIABLE}`,
  )
  .option("--host <address>", "listen address of the embedded broker", "127.0.0.1")
  .option("--port <number>", "TCP port of the embedded broker; 0: any free port", portOption, 1883)
  .option("--admin-port <number>", "TCP port of the admin page; 0: any free port", portOption, 8090)
  .option("--admin-host <address>", "listen address of the admin page, which has no TLS", "127.0.0.1")
  .option(
    "--new-admin-password",
    `generate a new admin password; ${PASSWORD_VARIABLE} sets one for this run`,
    false,
  )
  .option(
    "--trusted-proxies <addresses>",
    "addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas; default: none",
    (addresses: string) => addresses.split(","),
  )
  .option("--no-admin", "do not serve the admin page")
  .option(
    "--provisioning-port <number>",
    `serve npm run provision on this loopback port; requires a token in ${TOKEN_VARIABLE}`,
    portOption,
  )
  .option("--firmware-port <number>", "serve firmware over HTTP on this port of --host", portOption)
  .option(
    "--repository <directory>",
    "firmware repository, as written by npm run release",
    "build/repository",
  )
  .option("--provisioning-owner <e-mail>", "owner of new stations; required with several users")
  .action(run);

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
    print(`added ${user.email} to ${config}, with the token`);
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
    print(`added ${device.id}; its response key and its MQTT password are in ${config}`);
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
  .option("--station <id>", "station to accept; default: the first that requests the transfer")
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
    print(`${station} gets a new response key while the platform runs with its admin page`);
  });

addMosquittoCommand(program, print);

program.parseAsync().catch(fail);

function addTag({ config, cardFile, ...fields }: AddTagOptions): void {
  if (cardFile !== undefined && (fields.accepts ?? "static") === "static") {
    throw new Error("--card-file needs a card with a secret; add --accepts proof, or both");
  }
  const entry: TagEntry = { ...fields, tag: fields.tag ?? makeCardId() };
  const { tag } = entry;
  const registry = changeConfig(config, (changed) => changed.putTag(entry));
  if (fields.tag === undefined) print(`made the number ${tag}`);
  print(`saved the tag ${tagEndOf(tag)} in ${config}`);
  const warning = guessFinder(registry.tags)(entry);
  if (warning !== undefined) print(`warning: ${warning}`);
  const card = registry.cardFile(tag);
  if (cardFile === undefined || !card) return;
  writeCardFile(cardFile, card);
  print(`wrote ${cardFile}, a secret: it lets any phone charge with this card`);
}

async function run(options: RunOptions): Promise<void> {
  const store = await openStore(options);
  try {
    await runOn(store, options);
  } finally {
    store.close();
  }
}

async function openStore({ config = DEMO_CONFIG, database, memory }: RunOptions): Promise<Store> {
  if (memory && database !== undefined)
    throw new Error("--memory and --database exclude each other; use one");
  return memory ? new MemoryStore() : openSQLiteStore(database ?? databaseBeside(config));
}

async function expect({ owner, station, ...options }: ExpectOptions): Promise<void> {
  if (station !== undefined && !deviceId.safeParse(station).success) {
    throw new Error(`--station ${station} is not a device id`);
  }
  await withRegistry(options, (registry) => registry.acceptTransfer({ owner, device: station }));
  print(`${owner} accepts ${station ?? "the first station that requests the transfer"} within one hour`);
}

async function runOn(store: Store, options: RunOptions): Promise<void> {
  const { config, host, port } = options;
  const broker = brokerWithPassword(options);
  const registry = new Registry(undefined, { store });
  registry.applyConfiguration(config === undefined ? openDemo() : readConfig(config));
  const traffic = new Traffic();
  const parts: { close(): Promise<void> }[] = [];
  try {
    const provisioning = await serveProvisioning(registry, options);
    if (provisioning) parts.push(provisioning);
    const platform = await startPlatform({
      registry,
      brokerURL: broker,
      host,
      port,
      onConnection: (isUp) =>
        print(isUp ? "connected to the broker" : "connection to the broker lost; reconnecting"),
      onRefused: (what) => print(`refused: ${what}`),
      onIgnored: (why) => {
        traffic.recordIgnored(why);
        print(`ignored: ${why}`);
      },
      onProblem,
      onRequest: (request, decision) => {
        traffic.record(request, decision);
        print(`${request.endpoint} of ${request.deviceId} (${request.id}): ${textOf(decision)}`);
      },
    });
    parts.unshift(platform);
    parts.unshift(...(await serveAdmin({ registry, platform, traffic }, options)));
    parts.unshift(...(await serveRepository({ platform, registry }, options)));
    const ended = untilEnded();
    print(`the platform is up at ${platform.host} port ${platform.port}; Ctrl-C stops it`);
    if (isIPv6(platform.host))
      print("stations reach a broker over IPv4 only; use an IPv4 address for --host");
    else if (config === undefined) print(...nextSteps(platform, registry));
    await ended;
  } finally {
    for (const part of parts) await part.close();
  }
  print("the platform is down");
}

function onProblem(what: string): void {
  print(`problem: ${what}`);
}

function textOf({ status, code, data }: Decision): string {
  if (data.authorized === undefined) return `status ${status}, code ${code}`;
  return `authorized: ${data.authorized}${typeof data.reason === "string" ? `, ${data.reason}` : ""}`;
}

async function serveAdmin(
  what: { readonly registry: Registry; readonly platform: Platform; readonly traffic: Traffic },
  { admin, adminHost, adminPort, newAdminPassword, trustedProxies }: RunOptions,
): Promise<{ close(): Promise<void> }[]> {
  if (!admin) return [];
  const { registry, platform, traffic } = what;
  const { login, made } = await Login.open({
    registry,
    password: process.env[PASSWORD_VARIABLE],
    isForgotten: newAdminPassword,
  });
  // Before anything that can fail, such as a port in use: only the hash is stored.
  if (made !== undefined) print(`the admin page's password, printed only now: ${made}`);
  const watcher = await StationWatcher.start({ registry, url: platform.url, ...platform.account, onProblem });
  let page: Admin;
  try {
    page = await startAdmin({
      ...what,
      traffic,
      watcher,
      login,
      trustedProxies,
      host: adminHost,
      port: adminPort,
      onError: (message) => print(`admin page: ${message}`),
    });
  } catch (error) {
    await watcher.close();
    throw error;
  }
  print(`the admin page is at ${page.url}`);
  return [page, watcher];
}

async function serveRepository(
  { platform, registry }: { readonly platform: Platform; readonly registry: Registry },
  options: RunOptions,
): Promise<FirmwareService[]> {
  const { firmwarePort, repository, host } = options;
  if (firmwarePort === undefined) return [];
  const { username, password } = platform.account;
  const firmware = await serveFirmware({
    directory: repository,
    host,
    port: firmwarePort,
    broker: { url: platform.url, username, password },
    registry,
    onHalted: ({ productId, version }, { rolledBack, isHalted, haltedOwners }) =>
      print(
        `version ${version} of ${productId} is halted for ${isHalted ? "all owners" : haltedOwners.join(", ")}: ` +
          `${rolledBack.length} stations rolled back`,
      ),
    onProblem: (problem) => print(`repository: ${problem}`),
  });
  print(`firmware is served at ${firmware.url}, from ${repository}`);
  return [firmware];
}

async function serveProvisioning(registry: Registry, options: RunOptions): Promise<Provisioning | undefined> {
  const { config = DEMO_CONFIG, provisioningPort, provisioningOwner } = options;
  if (provisioningPort === undefined) return undefined;
  const provisioning = await startProvisioning({
    port: provisioningPort,
    token: tokenFrom(process.env),
    addDevice: deviceMaker({ registry, file: config, owner: provisioningOwner }),
    onAdded: (id) => print(`added ${id}; its response key and its MQTT password are in ${config}`),
    onRefused: (what) => print(`refused: ${what}`),
  });
  print(`provisioning is served at http://127.0.0.1:${provisioning.port}`);
  return provisioning;
}

/** Resolves at Ctrl-C, SIGTERM, or when standard output is closed. */
function untilEnded(): Promise<void> {
  return new Promise((done) => {
    process.once("SIGINT", done);
    process.once("SIGTERM", done);
    process.stdout.on("error", () => done());
  });
}

/** Reads the demo's configuration, or creates it. Its secrets persist, so that a paired station stays paired. */
function openDemo(): RegistryData {
  if (!existsSync(DEMO_CONFIG)) writeConfig(DEMO_CONFIG, demoRegistry().data);
  return readConfig(DEMO_CONFIG);
}

function nextSteps(platform: Platform, registry: Registry): string[] {
  const [user] = registry.data.users;
  return [
    "",
    "In a second terminal:",
    `  npm run station -- --device-id ${DEMO_DEVICE_ID} --provision-from ${DEMO_CONFIG}`,
    "In a third one:",
    `  npm run phone -- pair --email ${user?.email} --token-from ${DEMO_CONFIG} --broker ${platform.host}:${platform.port}`,
    "  npm run phone -- scan",
    `  npm run phone -- authorize --tag ${DEMO_TAG}     (and ${DEMO_BLOCKED_TAG}, which is blocked)`,
    ...proofSteps(registry),
    `${DEMO_TAG} can be guessed: use such numbers in this demo only.`,
    "",
  ];
}

/** The step with the demo's card that cannot be copied. Writes its file for the phone, with the present secret. */
function proofSteps(registry: Registry): string[] {
  const tag = registry.tags.find(({ accepts = "static" }) => accepts !== "static")?.tag;
  const card = tag === undefined ? undefined : registry.cardFile(tag);
  if (!card) return [];
  writeCardFile(DEMO_CARD_FILE, card);
  return [`  npm run phone -- authorize --card ${DEMO_CARD_FILE}     (a card that cannot be copied)`];
}

function cipher(text: string): Cipher {
  if (text !== "aes-256-gcm" && text !== "aes-256-cbc") {
    throw new InvalidArgumentError("must be aes-256-gcm or aes-256-cbc");
  }
  return text;
}

function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${oneLine(line)}\n`);
}
