/**
 * A station in the Moddable simulator. The firmware runs on XS with the SDK's sockets, HTTP server, resolver,
 * clock and cryptography; radio, Wi-Fi and pins are virtual. `npm run phone` connects to the radio; a text
 * port controls the vehicle.
 */

import Resource from "Resource";
import config from "mc/config";
import RNG from "rng";
import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import { ModdableClock } from "../../../firmware/boards/moddable/clock.js";
import { ModdableCrypto } from "../../../firmware/boards/moddable/crypto.js";
import { makeResolve } from "../../../firmware/boards/moddable/resolve.js";
import { makeSockets } from "../../../firmware/boards/moddable/sockets.js";
import { makeTLS } from "../../../firmware/boards/moddable/tls.js";
import { defaultConfig } from "../../../firmware/config.js";
import { startStation } from "../../../firmware/start.js";
import type { ListenerConstructor, ListenerOptions } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { describeImage } from "../../../modules/updates/index.js";
import { type BoardParts, Device, type FirmwareRun } from "../../virtual/board/index.js";
import { parseCommand } from "../../virtual/radio-link/commands.js";
import { RadioSession } from "../../virtual/radio-link/session.js";
import { World } from "../../virtual/world/world.js";
import { makeOuterClock } from "./clock.js";
import { type LineSession, serveLines } from "./line-server.js";

const HTTP_PORT = 80;
const RESTART_MS = 1000;
const COMMANDS = "plug, unplug, status";

export default function main(): void {
  const log = (line: string) => trace(line, "\n");
  const { clock, guard } = makeOuterClock();
  RNG.init(encodeUTF8(`${Date.now()} ${Math.random()}`).buffer);
  const world = new World(clock, { seed: Date.now() });
  world.wifi.put({ ssid: config.ssid, password: "" });
  const device = new Device(world, {
    onLog: log,
    replace: parts,
    resource: (name) =>
      Resource.exists(name) ? new Uint8Array(new Resource(name) as unknown as ArrayBuffer) : undefined,
    onEnd: (end) => {
      if (end.type === "crash") log(`crashed: ${String(end.error)}`);
      clock.set(boot, RESTART_MS);
    },
  });
  device.provision({
    deviceId: config.deviceId,
    ...(config.responseKey && { responseKey: config.responseKey }),
    ...(config.mqttPassword && {
      keyInRequest: false,
      mqtt: { username: config.deviceId, password: config.mqttPassword },
    }),
  });

  function boot(): void {
    device.boot((board) => {
      const { slots } = device;
      const firmwareVersion = describeImage(slots.image(slots.running))?.version ?? 0;
      startStation(board, { ...defaultConfig, firmwareVersion });
    });
  }

  const sockets = makeSockets({ clock, guard });
  serveLines({ ...sockets, port: Number(config.radioPort), begin: (send) => radioSession(world, send) });
  serveLines({ ...sockets, port: Number(config.vehiclePort), begin: (send) => vehicleSession(device, send) });
  boot();
  log(
    `radio on port ${config.radioPort}; HTTP API on port ${config.httpPort}; vehicle on ${config.vehiclePort}`,
  );
}

/** The SDK's parts for one run of the firmware. */
function parts(firmware: FirmwareRun): BoardParts {
  const clock = new ModdableClock(firmware);
  const sockets = makeSockets({ clock, guard: firmware });
  /** Uses the configured port instead of the chip's port 80. */
  const Listener: ListenerConstructor = class extends sockets.Listener {
    constructor(options: ListenerOptions) {
      super({ ...options, port: options.port === HTTP_PORT ? Number(config.httpPort) : options.port });
    }
  };
  const { TCP } = sockets;
  return {
    clock,
    crypto: new ModdableCrypto((byteLength) => RNG.get(byteLength)),
    io: {
      TCP,
      Listener,
      TLS: makeTLS({ TCP, guard: firmware }),
      HTTPServer: makeHTTPServer({ TCP, Listener, clock, guard: firmware }),
    },
    resolve: makeResolve(clock, firmware),
  };
}

function radioSession(world: World, send: (line: string) => void): LineSession {
  const session = new RadioSession(world.air, (event) => send(JSON.stringify(event)));
  return {
    take(line) {
      const command = parseCommand(line);
      if (command) session.obey(command);
      return command !== undefined;
    },
    close: () => session.close(),
  };
}

function vehicleSession({ vehicle }: Device, send: (line: string) => void): LineSession {
  return {
    take(line) {
      if (line === "plug") vehicle.plug();
      else if (line === "unplug") vehicle.unplug();
      else if (line !== "status") send(`unknown; ${COMMANDS}`);
      send(`${vehicle.state}, ${vehicle.isCharging ? "current flows" : "no current"}`);
      return true;
    },
    close() {},
  };
}
