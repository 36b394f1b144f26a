import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { Command, InvalidArgumentError } from "commander";
import { type Admin, Login, startAdmin } from "./admin/index.js";
import { changeConfig, readConfig, writeConfig } from "./config.js";
import { DEMO_BLOCKED_TAG, DEMO_DEVICE_ID, DEMO_TAG, demoRegistry } from "./demo.js";
import type { Decision } from "./endpoints.js";
import { deviceId, tagEndOf } from "./fields.js";
import { type FirmwareService, serveFirmware } from "./firmware/server.js";
import { writeMosquittoFiles } from "./mosquitto.js";
import { oneLine } from "./one-line.js";
import { type Platform, startPlatform } from "./platform.js";
import {
  deviceMaker,
  type Provisioning,
  startProvisioning,
  TOKEN_VARIABLE,
  tokenFrom,
} from "./provisioning/index.js";
import { type Cipher, Registry, type RegistryData } from "./registry.js";
import { openSQLiteStore } from "./sqlite-store.js";
import { StationWatcher } from "./station-watcher.js";
import { MemoryStore, type Store } from "./store.js";
import { Traffic } from "./traffic.js";

interface RunOptions {
  readonly config?: string;
  readonly database?: string;
  readonly memory: boolean;
  readonly broker?: string;
  readonly host: string;
  readonly port: number;
  readonly admin: boolean;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly newAdminPassword: boolean;
  readonly provisioningPort?: number;
  readonly provisioningOwner?: string;
  readonly repository: string;
  readonly firmwarePort?: number;
}

interface ExpectOptions {
  readonly owner: string;
  readonly station?: string;
  readonly config: string;
  readonly database?: string;
}

/** The admin page's password, in place of the one of the first start. */
const PASSWORD_VARIABLE = "PLUGPASS_ADMIN_PASSWORD";
const DEMO_CONFIG = "build/platform.json";

const program = new Command("npm run platform --")
  .description(
    "The platform's end: an MQTT broker with access control, and the answers to the stations' requests",
  )
  .showHelpAfterError();

program
  .command("run", { isDefault: true })
  .description("run until Ctrl-C")
  .option("--config <file>", `users, devices and tags; without it a demo is made in ${DEMO_CONFIG}`)
  .option(
    "--database <file>",
    "what happens at run time: cards, sessions, owners; without it beside the configuration, .sqlite",
  )
  .option("--memory", "keep that in memory, and forget it at the end", false)
  .option(
    "--broker <url>",
    "an external broker, mqtt://[user:password@]host:port, in place of the embedded one",
  )
  .option("--host <address>", "where the embedded broker listens", "127.0.0.1")
  .option("--port <number>", "its port; 0 takes a free one", port, 1883)
  .option("--admin-port <number>", "the admin page's port; 0 takes a free one", port, 8090)
  .option("--admin-host <address>", "where it listens; it has no TLS of its own", "127.0.0.1")
  .option("--new-admin-password", `make its password anew; ${PASSWORD_VARIABLE} sets one for this run`, false)
  .option("--no-admin", "without the admin page")
  .option(
    "--provisioning-port <number>",
    `serve npm run provision on this port of loopback; its token in ${TOKEN_VARIABLE}`,
    port,
  )
  .option("--firmware-port <number>", "serve firmware over HTTP on this port of --host", port)
  .option("--repository <directory>", "where npm run release puts firmware", "build/repository")
  .option("--provisioning-owner <e-mail>", "whose the new stations are, where there are several users")
  .action(run);

program
  .command("add-user")
  .description("add an owner of stations")
  .requiredOption("--config <file>", "the configuration to change, or to make")
  .requiredOption("--email <address>")
  .requiredOption("--token <text>", "the MQTT password of the owner's stations")
  .option("--root-topic <topic>", "in place of the hash of the e-mail")
  .action((options: { config: string; email: string; token: string; rootTopic?: string }) => {
    const { config, ...user } = options;
    changeConfig(config, (registry) => registry.addUser(user));
    print(`added ${user.email} to ${config}`);
  });

program
  .command("add-device")
  .description("make a device and its response key")
  .requiredOption("--config <file>", "the configuration to change")
  .requiredOption("--id <id>", "device id")
  .requiredOption("--owner <e-mail>")
  .option(
    "--cipher <name>",
    "aes-256-gcm, or aes-256-cbc for stations that have nothing else",
    cipher,
    "aes-256-gcm",
  )
  .action((options: { config: string; id: string; owner: string; cipher: Cipher }) => {
    changeConfig(options.config, (registry) => registry.addDevice(options));
    print(`added ${options.id}; its response key stands in ${options.config}`);
  });

program
  .command("add-tag")
  .description("add a virtual card, or change one")
  .requiredOption("--config <file>", "the configuration to change")
  .requiredOption("--tag <tag>")
  .requiredOption("--owner <e-mail>", "the user at whose stations it is good")
  .option("--label <text>")
  .option("--stations <ids>", "device ids, with commas; none: all of the owner's", (ids: string) =>
    ids.split(","),
  )
  .option("--blocked", "it is refused everywhere")
  .action(
    (options: {
      config: string;
      tag: string;
      owner: string;
      label?: string;
      stations?: string[];
      blocked?: boolean;
    }) => {
      const { config, ...tag } = options;
      changeConfig(config, (registry) => registry.putTag(tag));
      print(`the tag ${tagEndOf(tag.tag)} stands in ${config}`);
    },
  );

program
  .command("expect")
  .description("say that an owner agrees to get a station, for an hour; the platform may be running")
  .requiredOption("--owner <e-mail>", "who is to have it")
  .option("--station <id>", "which; without it, the first that asks")
  .option("--config <file>", "the configuration of the platform", DEMO_CONFIG)
  .option("--database <file>", "its database, where it is not beside the configuration")
  .action(expect);

program
  .command("mosquitto")
  .description("write Mosquitto's password and ACL files for a configuration")
  .requiredOption("--config <file>", "users and devices")
  .requiredOption("--out <directory>")
  .requiredOption("--password <text>", "of the platform's own account")
  .option("--username <name>", "of the platform's own account", "platform")
  .option("--force", "overwrite what is there", false)
  .action((options: { config: string; out: string; username: string; password: string; force: boolean }) => {
    const { out: directory, force, ...platform } = options;
    const { configLines } = writeMosquittoFiles({
      directory,
      data: readConfig(options.config),
      platform,
      force,
    });
    print(`wrote ${directory}; mosquitto.conf needs:`, ...configLines.map((line) => `  ${line}`));
  });

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : "something failed"}\n`);
  process.exitCode = 1;
});

async function run(options: RunOptions): Promise<void> {
  const store = await openStore(options);
  try {
    await runOn(store, options);
  } finally {
    store.close();
  }
}

async function openStore({ config = DEMO_CONFIG, database, memory }: RunOptions): Promise<Store> {
  if (memory && database !== undefined) throw new Error("it is --memory or --database");
  return memory ? new MemoryStore() : openSQLiteStore(database ?? databaseBeside(config));
}

function databaseBeside(config: string): string {
  return config.replace(/(\.json)?$/, ".sqlite");
}

async function expect(options: ExpectOptions): Promise<void> {
  const { owner, station, config, database = databaseBeside(config) } = options;
  if (station !== undefined && !deviceId.safeParse(station).success) {
    throw new Error(`--station ${station} is no device id`);
  }
  const store = await openSQLiteStore(database);
  try {
    const registry = new Registry(undefined, { store });
    registry.follow(readConfig(config));
    registry.expectDevice({ owner, device: station });
  } finally {
    store.close();
  }
  print(`${owner} expects ${station ?? "a station, the first that asks"}, for an hour`);
}

async function runOn(store: Store, options: RunOptions): Promise<void> {
  const { config, broker, host, port } = options;
  const registry = new Registry(undefined, { store });
  registry.follow(config === undefined ? openDemo() : readConfig(config));
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
      onConnection: (isUp) => print(isUp ? "connected to the broker" : "the broker is gone; trying again"),
      onRefused: (what) => print(`refused: ${what}`),
      onIgnored: (why) => {
        traffic.noteIgnored(why);
        print(`ignored: ${why}`);
      },
      onProblem,
      onRequest: (request, decision) => {
        traffic.note(request, decision);
        print(`${request.endpoint} of ${request.deviceId} (${request.id}): ${verdictOf(decision)}`);
      },
    });
    parts.unshift(platform);
    parts.unshift(...(await serveAdmin({ registry, platform, traffic }, options)));
    parts.unshift(...(await serveRepository(platform, options)));
    const ended = untilEnded();
    print(`the platform is up at ${platform.host} port ${platform.port}; Ctrl-C ends it`);
    if (isIPv6(platform.host)) print("stations reach a broker over IPv4 only; they need another --host");
    else if (config === undefined) print(...whatNext(platform, registry));
    await ended;
  } finally {
    for (const part of parts) await part.close();
  }
  print("the platform is down");
}

function onProblem(what: string): void {
  print(`problem: ${what}`);
}

function verdictOf({ status, code, data }: Decision): string {
  if (data.authorized === undefined) return `status ${status}, code ${code}`;
  return `authorized: ${data.authorized}${typeof data.reason === "string" ? `, ${data.reason}` : ""}`;
}

async function serveAdmin(
  what: { readonly registry: Registry; readonly platform: Platform; readonly traffic: Traffic },
  { admin, adminHost, adminPort, newAdminPassword }: RunOptions,
): Promise<{ close(): Promise<void> }[]> {
  if (!admin) return [];
  const { registry, platform, traffic } = what;
  const { login, made } = await Login.open({
    registry,
    password: process.env[PASSWORD_VARIABLE],
    isForgotten: newAdminPassword,
  });
  const watcher = await StationWatcher.start({ registry, url: platform.url, ...platform.account, onProblem });
  let page: Admin;
  try {
    page = await startAdmin({
      ...what,
      traffic,
      watcher,
      login,
      host: adminHost,
      port: adminPort,
      onError: (message) => print(`admin page: ${message}`),
    });
  } catch (error) {
    await watcher.close();
    throw error;
  }
  print(`the admin page is at ${page.url}`);
  if (made !== undefined) print(`its password, said this once: ${made}`);
  return [page, watcher];
}

async function serveRepository(platform: Platform, options: RunOptions): Promise<FirmwareService[]> {
  const { firmwarePort, repository, host } = options;
  if (firmwarePort === undefined) return [];
  const { username, password } = platform.account;
  const firmware = await serveFirmware({
    directory: repository,
    host,
    port: firmwarePort,
    broker: { url: platform.url, username, password },
    onHalted: ({ productId, version }, { rolledBack }) =>
      print(`version ${version} of ${productId} is halted: ${rolledBack.length} stations went back`),
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
    onAdded: (id) => print(`added ${id}; its response key stands in ${config}`),
    onRefused: (what) => print(`refused: ${what}`),
  });
  print(`provisioning is served at http://127.0.0.1:${provisioning.port}`);
  return provisioning;
}

/** Until Ctrl-C, or until nobody reads what it says. */
function untilEnded(): Promise<void> {
  return new Promise((done) => {
    process.once("SIGINT", done);
    process.once("SIGTERM", done);
    process.stdout.on("error", () => done());
  });
}

/** The demo's secrets stay from one start to the next, so that a paired station stays paired. */
function openDemo(): RegistryData {
  if (!existsSync(DEMO_CONFIG)) writeConfig(DEMO_CONFIG, demoRegistry().data);
  return readConfig(DEMO_CONFIG);
}

function whatNext(platform: Platform, registry: Registry): string[] {
  const [user] = registry.data.users;
  return [
    "",
    "In a second terminal:",
    `  npm run station -- --device-id ${DEMO_DEVICE_ID} --provision-from ${DEMO_CONFIG}`,
    "In a third one:",
    `  npm run phone -- pair --email ${user?.email} --token-from ${DEMO_CONFIG} --broker ${platform.host}:${platform.port}`,
    "  npm run phone -- scan",
    `  npm run phone -- authorize --tag ${DEMO_TAG}     (and ${DEMO_BLOCKED_TAG}, which is blocked)`,
    "",
  ];
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) throw new InvalidArgumentError("a port is 0-65535");
  return value;
}

function cipher(text: string): Cipher {
  if (text !== "aes-256-gcm" && text !== "aes-256-cbc") {
    throw new InvalidArgumentError("it is aes-256-gcm or aes-256-cbc");
  }
  return text;
}

function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${oneLine(line)}\n`);
}
