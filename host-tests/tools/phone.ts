import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, Option } from "commander";
import { type ProofCard, readCard } from "../../docs/station.js";
import { fail, portOption, print } from "../../platform-stub/command-line.js";
import { readConfig } from "../../platform-stub/config.js";
import { readSecret, refusedSecret } from "../../platform-stub/secrets.js";
import { findAdapter } from "../virtual/bluetooth/adapter.js";
import { NobleCentral } from "../virtual/bluetooth/central.js";
import { NodeClock } from "../virtual/node-board/index.js";
import { RemoteAir } from "../virtual/radio-link/client.js";
import { Phone, type PresentOutcome, type SeenStation } from "../virtual/world/phone.js";
import { awaitPaired, type PairingStatus } from "./cli/await-paired.js";
import {
  BROKER_PORT,
  HTTP_PORT,
  PSK_VARIABLE,
  RADIO_PORT,
  WEB_PHONE_PORT,
  WIFI_SSID,
} from "./cli/defaults.js";
import { onInterrupt } from "./cli/ending.js";
import { placeOption } from "./cli/options.js";
import {
  loginHeaders,
  refusalSentence,
  STATION_PASSWORD_FLAG,
  STATION_PASSWORD_VARIABLE,
} from "./cli/pairing-answer.js";
import { confirmationSentence, resultSentence } from "./web-phone/sentences.js";
import { serveWebPhone } from "./web-phone/server.js";

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface RadioOptions {
  readonly radio: Endpoint;
  /** Real Bluetooth adapter, used instead of `radio`. */
  readonly ble?: string;
}

interface AuthorizeOptions extends RadioOptions {
  readonly tag?: string;
  readonly card?: string;
  readonly station?: string;
}

interface PairOptions {
  readonly url: string;
  readonly email: string;
  readonly tokenFrom?: string;
  readonly broker: Endpoint;
  readonly mqttsPort?: string;
  readonly rootTopic?: string;
  readonly ssid: string;
  readonly pskFile?: string;
  readonly adminPasswordFile?: string;
}

/** Environment variable with the owner's token. */
const TOKEN_VARIABLE = "PLUGPASS_TOKEN";
const SCAN_MS = 1000;
/** Time limit of a request, ms. A station that has moved to another channel does not reset its connections. */
const REQUEST_MS = 5000;
const DEFAULT_RADIO = { host: "127.0.0.1", port: RADIO_PORT };
const DEFAULT_BROKER = { host: "127.0.0.1", port: BROKER_PORT };

const BLE_OPTION = [
  "--ble <adapter>",
  "a real Bluetooth adapter, for example hci0, for real stations",
] as const;

const program = new Command("npm run phone --")
  .description("A guest's phone, and the owner's app for pairing")
  .showHelpAfterError();

program
  .command("scan")
  .description("list the stations that are on the air")
  .addOption(endpointOption("--radio <host:port>", "the radio of a station's process", DEFAULT_RADIO))
  .option(...BLE_OPTION)
  .action(scan);

program
  .command("authorize")
  .description("present a virtual card and wait for the result; exit code 0 if it is authorized")
  .option("--tag <tag>", "card number, 4-64 characters of A-Z a-z 0-9 . _ : -")
  .option("--card <file>", "card that cannot be copied: its file, or a file with its link")
  .option("--station <address or name>", "the station to use, if several are on the air")
  .addOption(endpointOption("--radio <host:port>", "the radio of a station's process", DEFAULT_RADIO))
  .option(...BLE_OPTION)
  .action(authorize);

program
  .command("pair")
  .description("pair a station over its HTTP API and wait until it is online")
  .requiredOption("--email <address>", "the owner")
  .option(
    "--token-from <file>",
    `read the owner's token from a platform's configuration; or set ${TOKEN_VARIABLE}`,
  )
  .addOption(refusedSecret("--token <text>", `set ${TOKEN_VARIABLE} or use --token-from`))
  .addOption(endpointOption("--broker <host:port>", "the platform's broker", DEFAULT_BROKER))
  .option("--mqtts-port <number>", "use TLS on this port")
  .option("--root-topic <topic>", "root topic, instead of the hash of the e-mail")
  .option("--ssid <text>", "the Wi-Fi network to join", WIFI_SSID)
  .option(
    "--psk-file <file>",
    `file with the password of that network; or set ${PSK_VARIABLE}; default: open`,
  )
  .addOption(refusedSecret("--psk <text>", `set ${PSK_VARIABLE} or use --psk-file`))
  .option(
    `${STATION_PASSWORD_FLAG} <file>`,
    `file with the admin password of a station that has an owner; or set ${STATION_PASSWORD_VARIABLE}`,
  )
  .addOption(
    refusedSecret(
      "--admin-password <text>",
      `set ${STATION_PASSWORD_VARIABLE} or use ${STATION_PASSWORD_FLAG}`,
    ),
  )
  .option("--url <url>", "the station's HTTP API", `http://127.0.0.1:${HTTP_PORT}`)
  .action(pair);

program
  .command("web")
  .description("serve a phone for the browser (Chrome, Web Bluetooth), for real stations, until Ctrl-C")
  .option("--port <number>", "port of the page, on loopback", portOption, WEB_PHONE_PORT)
  .action(web);

program.parseAsync().catch(fail);

/** An option with a default that the help shows as it is typed. */
function endpointOption(flags: string, description: string, { host, port }: Endpoint): Option {
  return new Option(flags, description).argParser(placeOption).default({ host, port }, `${host}:${port}`);
}

async function scan(options: RadioOptions): Promise<void> {
  await withPhone(options, async (phone) => {
    const stations = await scanStations(phone);
    if (stations.length === 0) throw new Error("no station is on the air");
    for (const station of stations) print(describe(station));
  });
}

async function authorize({ station: wanted, ...options }: AuthorizeOptions): Promise<void> {
  const tag = cardOf(options);
  await withPhone(options, async (phone) => {
    const stations = (await scanStations(phone)).filter(
      ({ address, name }) => wanted === undefined || wanted === address || wanted === name,
    );
    const [station, ...others] = stations;
    if (!station)
      throw new Error(
        wanted === undefined ? "no station is on the air" : `no station ${wanted} is on the air`,
      );
    if (others.length > 0) throw new Error("several stations are on the air; choose one with --station");
    print(describe(station));
    const outcome = await new Promise<PresentOutcome>((done) => {
      phone.present({
        address: station.address,
        tag,
        mtu: 247,
        onPending: ({ code, attempt }) => print(`attempt ${attempt}: pending (${code})`),
        onDone: done,
      });
    });
    if ("failure" in outcome) throw new Error(outcome.failure);
    const { state, code, attempt, status } = outcome.result;
    print(`attempt ${attempt}: ${state} (${code}), the station is ${status}`);
    if (state !== "authorized") print(resultSentence(outcome.result));
    const confirmation =
      outcome.isConfirmed === undefined ? "" : confirmationSentence(outcome.result, outcome.isConfirmed);
    if (confirmation !== "") print(confirmation);
    if (state !== "authorized") process.exitCode = 1;
  });
}

/** The card to present: a number, or the content of a card file. */
function cardOf({ tag, card: file }: AuthorizeOptions): string | ProofCard {
  if ((tag === undefined) === (file === undefined)) throw new Error("give either --tag or --card");
  if (file === undefined) return tag ?? "";
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new Error(`${file} cannot be read; download a card file from the platform's admin page`);
  }
  const card = readCard(text);
  if (!card)
    throw new Error(`${file} has neither a card nor its link; download it again from the admin page`);
  return card;
}

async function web({ port }: { port: number }): Promise<void> {
  const page = await serveWebPhone(port);
  onInterrupt(() => page.close());
  print(`open ${page.url} in Chrome`);
}

async function pair(options: PairOptions, command: Command): Promise<void> {
  const password = readSecret({
    variable: STATION_PASSWORD_VARIABLE,
    flag: STATION_PASSWORD_FLAG,
    file: options.adminPasswordFile,
  });
  const fields = pairingFields(options);
  const { preset } = await readStatus(options.url);
  for (const name of defaultFields(options, command)) if (preset.includes(name)) fields.delete(name);
  const headers = loginHeaders(password);
  const answer = await ask(`${options.url}/pair`, { method: "POST", body: fields, headers });
  const refusal = refusalSentence({ ...answer, hasLogin: password !== undefined });
  if (refusal !== undefined) throw new Error(refusal);
  print("the station has accepted the parameters and connects");
  const deviceId = await awaitPaired({
    readStatus: () => readStatus(options.url),
    sleep,
    nowMs: () => performance.now(),
  });
  print(`paired: ${deviceId} is online`);
}

function pairingFields(options: PairOptions): URLSearchParams {
  const fields = new URLSearchParams({
    ssid: options.ssid,
    psk: readSecret({ variable: PSK_VARIABLE, flag: "--psk-file", file: options.pskFile }) ?? "",
    wsp: options.email,
    token: process.env[TOKEN_VARIABLE] || tokenFrom(options),
    host: options.broker.host,
    brport: String(options.broker.port),
  });
  if (options.mqttsPort !== undefined) fields.set("mqtts_port", options.mqttsPort);
  if (options.rootTopic !== undefined) fields.set("rootTopic", options.rootTopic);
  return fields;
}

/** Fields of `/pair` with a default of this command, which the preset ones of a station replace. */
function defaultFields({ pskFile }: PairOptions, command: Command): string[] {
  const isDefault = (option: string) => command.getOptionValueSource(option) === "default";
  return [
    ...(isDefault("ssid") ? ["ssid"] : []),
    ...(pskFile === undefined && !process.env[PSK_VARIABLE] ? ["psk"] : []),
    ...(isDefault("broker") ? ["host", "brport"] : []),
  ];
}

async function readStatus(url: string): Promise<PairingStatus> {
  return JSON.parse((await ask(`${url}/status`)).body);
}

function tokenFrom({ tokenFrom: file, email }: PairOptions): string {
  if (file === undefined)
    throw new Error(`use --token-from with a platform's configuration, or set ${TOKEN_VARIABLE}`);
  const { users } = readConfig(file);
  const user = users.find((one) => one.email === email);
  if (!user) {
    const emails = users.map((one) => one.email).join(", ");
    throw new Error(
      `${file} has no user ${email}; give one of ${emails}, or add it with npm run platform -- add-user`,
    );
  }
  return user.token;
}

async function ask(url: string, init?: RequestInit): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_MS) });
    return { status: response.status, body: await response.text() };
  } catch {
    throw new Error(`no station answers at ${url}; start one with npm run station, or give --url`);
  }
}

async function withPhone({ radio, ble }: RadioOptions, use: (phone: Phone) => Promise<void>): Promise<void> {
  if (ble !== undefined) await withAdapter(ble, use);
  else await withRemoteAir(radio, use);
}

async function withAdapter(name: string, use: (phone: Phone) => Promise<void>): Promise<void> {
  const adapter = findAdapter(name);
  const clock = new NodeClock();
  try {
    await use(new Phone({ air: new NobleCentral({ ...adapter, clock }), clock }));
  } finally {
    clock.dispose();
  }
}

async function withRemoteAir(radio: Endpoint, use: (phone: Phone) => Promise<void>): Promise<void> {
  const clock = new NodeClock();
  const air = await RemoteAir.open(radio);
  try {
    const broken = air.over.then((why) => {
      throw new Error(why);
    });
    await Promise.race([use(new Phone({ air, clock })), broken]);
  } finally {
    air.close();
    clock.dispose();
  }
}

/** Scans for SCAN_MS and returns each station's latest advertisement. */
async function scanStations(phone: Phone): Promise<SeenStation[]> {
  const found = new Map<string, SeenStation>();
  const scanning = phone.scan((station) => found.set(station.address, station));
  await sleep(SCAN_MS);
  scanning.close();
  return [...found.values()];
}

function describe(station: SeenStation): string {
  const flags = [
    station.pairing ? "in pairing mode" : undefined,
    station.platformReachable ? "platform reachable" : "platform not reachable",
    station.acceptsTags ? "accepts tags" : "does not accept tags now",
  ].filter((flag) => flag !== undefined);
  const hash = Buffer.from(station.stationHash).toString("hex");
  return `${station.address}  "${station.name}"  ${station.rssi} dBm  ${station.status}; ${flags.join(", ")}  [${hash}]`;
}
