import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { readConfig } from "../../platform-stub/config.js";
import { NodeClock } from "../node-board/index.js";
import { serveRadio } from "../radio-link/server.js";
import { World } from "../world/world.js";
import { fail, HTTP_PORT, portOption, RADIO_PORT, WIFI_SSID } from "./defaults.js";
import { VirtualStation } from "./virtual-station.js";

interface Options {
  readonly deviceId: string;
  readonly provisionFrom?: string;
  readonly name: string;
  readonly httpPort: number;
  readonly radioPort: number;
  readonly ssid: string;
  readonly psk: string;
  readonly ca?: string;
}

const program = new Command("npm run station --")
  .description("A virtual station on real sockets; type plug, unplug, stop, pair, status or quit")
  .option("--device-id <id>", "as the platform knows it", "demo-station")
  .option(
    "--provision-from <file>",
    "take the device's response key and cipher from a platform's configuration",
  )
  .option("--name <text>", "its name in the air", "PlugPass")
  .option("--http-port <number>", "where its HTTP API listens, for the chip's port 80", portOption, HTTP_PORT)
  .option("--radio-port <number>", "where phones reach its radio", portOption, RADIO_PORT)
  .option("--ssid <text>", "the Wi-Fi network that is in its reach", WIFI_SSID)
  .option("--psk <text>", "that network's password; none: it is open", "")
  .option("--ca <file>", "certificate authorities for brokers over TLS, PEM")
  .showHelpAfterError();

const COMMANDS = "plug, unplug, stop, pair, status, quit";

async function run(options: Options): Promise<void> {
  const clock = new NodeClock();
  const world = new World(clock, { seed: randomInt(2 ** 31) });
  world.wifi.put({ ssid: options.ssid, password: options.psk });
  const radio = await serveRadio(world.air, options.radioPort);
  const station = new VirtualStation({
    world,
    config: { name: options.name },
    provisioning: provisioningOf(options),
    httpPort: options.httpPort,
    sockets: { ca: options.ca === undefined ? undefined : readFileSync(options.ca, "utf8") },
    onLog: print,
    onEnd: (end) => {
      if (end.type === "power-cut") return;
      print(
        end.type === "restart" ? `restarts: ${end.reason}` : `crashed: ${messageOf(end.error)}; restarts`,
      );
      clock.set(() => station.boot(), 1000);
    },
  });
  station.boot();
  print(`radio on port ${radio.port}; HTTP API on port ${options.httpPort}; commands: ${COMMANDS}`);
  await obey(station);
  station.shutDown();
  // A second for the farewell, as the firmware takes it.
  await new Promise((done) => setTimeout(done, 1100));
  station.device.cutPower();
  radio.close();
  clock.dispose();
}

function provisioningOf({ deviceId, provisionFrom }: Options): Record<string, unknown> {
  if (provisionFrom === undefined) return { deviceId };
  const device = readConfig(provisionFrom).devices.find(({ id }) => id === deviceId);
  if (!device)
    throw new Error(`${provisionFrom} has no device ${deviceId}; add it with npm run platform -- add-device`);
  return { deviceId, responseKey: device.key, cipher: device.cipher };
}

/** Until quit, the end of the input in a terminal, or a signal. */
function obey(station: VirtualStation): Promise<void> {
  const { vehicle } = station.device;
  return new Promise((done) => {
    process.once("SIGINT", done);
    process.once("SIGTERM", done);
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => {
      switch (line.trim()) {
        case "":
          break;
        case "plug":
          vehicle.plug();
          break;
        case "unplug":
          vehicle.unplug();
          break;
        case "stop":
          station.station?.stopCharging();
          break;
        case "pair":
          station.station?.enterPairingMode();
          break;
        case "status": {
          const current = vehicle.isCharging ? "current flows" : "no current";
          print(
            `${station.station?.lifeCycle}, ${station.station?.status}; vehicle ${vehicle.state}, ${current}`,
          );
          break;
        }
        case "quit":
          lines.close();
          done();
          break;
        default:
          print(`unknown; ${COMMANDS}`);
      }
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 23)}  ${line}\n`);
}

program.action(run).parseAsync().catch(fail);
