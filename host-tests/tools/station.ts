import { randomInt } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { fail, portOption } from "../../platform-stub/command-line.js";
import { readConfig } from "../../platform-stub/config.js";
import { knownToPlatform } from "../../platform-stub/provisioning/identity.js";
import { readSecret, refusedSecret } from "../../platform-stub/secrets.js";
import { findAdapter } from "../virtual/bluetooth/adapter.js";
import { makeBlenoGATTServer } from "../virtual/bluetooth/gatt-server.js";
import type { RunEnd } from "../virtual/board/index.js";
import { modbusWiring } from "../virtual/board/modbus-wiring.js";
import { NodeClock } from "../virtual/node-board/index.js";
import { serveRadio } from "../virtual/radio-link/server.js";
import { MODBUS_METER_TYPES, type ModbusMeterType } from "../virtual/world/modbus-meter.js";
import { World } from "../virtual/world/world.js";
import { readCertificates } from "./cli/certificates.js";
import { HTTP_PORT, PSK_VARIABLE, RADIO_PORT, WIFI_SSID } from "./cli/defaults.js";
import { onInterrupt, onReaderGone } from "./cli/ending.js";
import { meterLoad } from "./cli/metered-load.js";
import { deviceIdOption, modbusMeterOption, pskOption, ssidOption, updateKeyOption } from "./cli/options.js";
import { COMMANDS, METER_COMMANDS, openStationConsole } from "./cli/station-console.js";
import { readStationImage } from "./cli/station-image.js";
import { VirtualStation } from "./cli/virtual-station.js";

interface Options {
  readonly deviceId: string;
  readonly provisionFrom?: string;
  readonly station?: string;
  readonly name: string;
  readonly httpPort: number;
  readonly radioPort: number;
  readonly ssid: string;
  readonly pskFile?: string;
  readonly ca?: string;
  readonly ble?: string;
  readonly updateKey?: string;
  readonly modbusMeter?: ModbusMeterType;
}

const program = new Command("npm run station --")
  .description(
    "A virtual station on real sockets; type plug, unplug, card <number>, stop, pair, status or quit",
  )
  .option("--device-id <id>", "id of the device at the platform", deviceIdOption, "demo-station")
  .option(
    "--provision-from <file>",
    "read the device's response key, cipher and account from a platform's configuration",
  )
  .option(
    "--station <file>",
    "identity and wiring from an image of npm run provision, in place of --device-id and --provision-from",
  )
  .option("--name <text>", "advertised name", "PlugPass")
  .option(
    "--http-port <number>",
    "port of the HTTP API, instead of the chip's port 80",
    portOption,
    HTTP_PORT,
  )
  .option("--radio-port <number>", "port at which phones connect to the radio", portOption, RADIO_PORT)
  .option("--ssid <text>", "SSID of the Wi-Fi network in range", ssidOption, WIFI_SSID)
  .option(
    "--psk-file <file>",
    `file with the password of that network; or set ${PSK_VARIABLE}; default: open`,
  )
  .addOption(refusedSecret("--psk <text>", `set ${PSK_VARIABLE} or use --psk-file`))
  .option(
    "--ble <adapter>",
    "a real Bluetooth adapter, for example hci0: real phones and nRF Connect find the station",
  )
  .option(
    "--update-key <hex>",
    "public key from npm run sign -- key: the station accepts firmware signed with it; default: accepts none",
    updateKeyOption,
  )
  .option(
    "--modbus-meter <type>",
    `a virtual meter on the Modbus line: ${MODBUS_METER_TYPES.join(", ")}; with --station its wiring must have one`,
    modbusMeterOption,
  )
  .option("--ca <file>", "certificate authorities for brokers over TLS, PEM, in addition to Node's own")
  .showHelpAfterError();

const RESTART_MS = 1000;
/** Time to disconnect cleanly, ms: the firmware's limit and a margin. */
const SHUTDOWN_MS = 1100;

async function run(options: Options): Promise<void> {
  // Validates options before anything is open, because open handles keep the process alive.
  const psk = pskOption(
    readSecret({ variable: PSK_VARIABLE, flag: "--psk-file", file: options.pskFile }) ?? "",
  );
  const image = options.station === undefined ? undefined : readStationImage(options.station);
  const provisioning = image ? undefined : { ...provisioningOf(options), ...wiringOf(options) };
  const ca = options.ca === undefined ? undefined : readCertificates(options.ca);
  const adapter = options.ble === undefined ? undefined : findAdapter(options.ble);
  const clock = new NodeClock();
  const world = new World(clock, { seed: randomInt(2 ** 31) });
  world.wifi.put({ ssid: options.ssid, password: psk });
  const radio = adapter ? undefined : await serveRadio(world.air, options.radioPort);
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  let failure: Error | undefined;
  const station = new VirtualStation({
    world,
    config: { name: options.name, updateKey: options.updateKey },
    provisioning,
    image,
    httpPort: options.httpPort,
    sockets: { ca },
    makeGATTServer: adapter && ((firmware) => makeBlenoGATTServer(adapter, firmware)),
    onListening: (port) => print(`HTTP API on port ${port}`),
    onLog: print,
    onEnd: (end) => {
      if (end.type === "power-cut" || leaving.signal.aborted) return;
      failure = portFailure(end, options.httpPort);
      if (failure) {
        leave();
        return;
      }
      print(
        end.type === "restart" ? `restarts: ${end.reason}` : `crashed: ${messageOf(end.error)}; restarts`,
      );
      clock.set(() => {
        if (!leaving.signal.aborted) station.boot();
      }, RESTART_MS);
    },
  });
  const { modbusMeter: type } = options;
  const meter = type && meterLoad({ clock, device: station.device, type });
  const lines = openStationConsole({ station, meter, input: process.stdin, print, onQuit: leave });
  onInterrupt(leave);
  onReaderGone(leave);
  station.boot();
  print(
    `radio on ${radio ? `port ${radio.port}` : options.ble}; commands: ${COMMANDS}${meter ? `, ${METER_COMMANDS}` : ""}`,
  );
  await once(leaving.signal, "abort");
  lines.close();
  if (station.device.isRunning) {
    station.shutDown();
    await sleep(SHUTDOWN_MS);
    station.device.cutPower();
  }
  radio?.close();
  clock.dispose();
  if (failure) throw failure;
}

/** Error for a taken port, which a restart cannot solve. On the chip, no other process can take a port. */
function portFailure(end: RunEnd, port: number): Error | undefined {
  if (end.type !== "crash" || !(end.error instanceof Error)) return undefined;
  const { syscall, code } = end.error as NodeJS.ErrnoException;
  if (syscall !== "listen") return undefined;
  const why = code === "EADDRINUSE" ? "is in use" : `cannot be opened (${code})`;
  return new Error(`port ${port} ${why}; choose another with --http-port`);
}

function provisioningOf({ deviceId, provisionFrom }: Options): Record<string, unknown> {
  if (provisionFrom === undefined) return { deviceId };
  const device = readConfig(provisionFrom).devices.find(({ id }) => id === deviceId);
  if (!device)
    throw new Error(`${provisionFrom} has no device ${deviceId}; add it with npm run platform -- add-device`);
  const { key: responseKey, cipher, password } = device;
  return { deviceId, responseKey, cipher, ...(password && knownToPlatform(deviceId, password)) };
}

function wiringOf({ modbusMeter }: Options): Record<string, unknown> {
  return modbusMeter === undefined ? {} : { wiring: modbusWiring({ type: modbusMeter }) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 23)}  ${line}\n`);
}

program.action(run).parseAsync().catch(fail);
