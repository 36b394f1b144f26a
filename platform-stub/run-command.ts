import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import type { Command } from "commander";
import { type Admin, Login, startAdmin } from "./admin/index.js";
import { writeCardFile } from "./cards.js";
import { portOption, printLines } from "./command-line.js";
import { readConfig, writeConfig } from "./config.js";
import {
  DEMO_BLOCKED_TAG,
  DEMO_CARD_FILE,
  DEMO_CONFIG,
  DEMO_DEVICE_ID,
  DEMO_TAG,
  demoRegistry,
} from "./demo.js";
import type { Decision } from "./endpoints.js";
import type { RegistryData } from "./entries.js";
import { type FirmwareService, serveFirmware } from "./firmware/server.js";
import { type Platform, startPlatform } from "./platform.js";
import {
  deviceMaker,
  type Provisioning,
  startProvisioning,
  TOKEN_VARIABLE,
  tokenFrom,
} from "./provisioning/index.js";
import { Registry } from "./registry.js";
import { BROKER_PASSWORD_VARIABLE, brokerOption, brokerWithPassword } from "./secrets.js";
import { openSQLiteStore } from "./sqlite-store.js";
import { StationWatcher } from "./station-watcher.js";
import { MemoryStore, type Store } from "./store.js";
import { databaseBeside } from "./stored-platform.js";
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

/** Environment variable with an admin password for one run. */
const PASSWORD_VARIABLE = "PLUGPASS_ADMIN_PASSWORD";

/** Adds the command `run`, the default one, which runs the platform. */
export function addRunCommand(program: Command): void {
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
        printLines(isUp ? "connected to the broker" : "connection to the broker lost; reconnecting"),
      onRefused: (what) => printLines(`refused: ${what}`),
      onIgnored: (why) => {
        traffic.recordIgnored(why);
        printLines(`ignored: ${why}`);
      },
      onProblem,
      onRequest: (request, decision) => {
        traffic.record(request, decision);
        printLines(`${request.endpoint} of ${request.deviceId} (${request.id}): ${textOf(decision)}`);
      },
    });
    parts.unshift(platform);
    parts.unshift(...(await serveAdmin({ registry, platform, traffic }, options)));
    parts.unshift(...(await serveRepository({ platform, registry }, options)));
    const ended = untilEnded();
    printLines(`the platform is up at ${platform.host} port ${platform.port}; Ctrl-C stops it`);
    if (isIPv6(platform.host))
      printLines("stations reach a broker over IPv4 only; use an IPv4 address for --host");
    else if (config === undefined) printLines(...nextSteps(platform, registry));
    await ended;
  } finally {
    for (const part of parts) await part.close();
  }
  printLines("the platform is down");
}

function onProblem(what: string): void {
  printLines(`problem: ${what}`);
}

function textOf({ status, code, data, note }: Decision): string {
  const trueReason = note === undefined ? "" : ` (${note})`;
  if (data.authorized === undefined) return `status ${status}, code ${code}${trueReason}`;
  const reason = typeof data.reason === "string" ? `, ${data.reason}` : "";
  return `authorized: ${data.authorized}${reason}${trueReason}`;
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
  if (made !== undefined) printLines(`the admin page's password, printed only now: ${made}`);
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
      onError: (message) => printLines(`admin page: ${message}`),
    });
  } catch (error) {
    await watcher.close();
    throw error;
  }
  printLines(`the admin page is at ${page.url}`);
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
      printLines(
        `version ${version} of ${productId} is halted for ${isHalted ? "all owners" : haltedOwners.join(", ")}: ` +
          `${rolledBack.length} stations rolled back`,
      ),
    onProblem: (problem) => printLines(`repository: ${problem}`),
  });
  printLines(`firmware is served at ${firmware.url}, from ${repository}`);
  return [firmware];
}

async function serveProvisioning(registry: Registry, options: RunOptions): Promise<Provisioning | undefined> {
  const { config = DEMO_CONFIG, provisioningPort, provisioningOwner } = options;
  if (provisioningPort === undefined) return undefined;
  const provisioning = await startProvisioning({
    port: provisioningPort,
    token: tokenFrom(process.env),
    addDevice: deviceMaker({ registry, file: config, owner: provisioningOwner }),
    onAdded: (id) => printLines(`added ${id}; its response key and its MQTT password are in ${config}`),
    onRefused: (what) => printLines(`refused: ${what}`),
  });
  printLines(`provisioning is served at http://127.0.0.1:${provisioning.port}`);
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
