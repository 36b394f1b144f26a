/** A station in this process on Node's sockets and clock. Its radio, Wi-Fi and pins are virtual. */

import { type Config, defaultConfig, withWiring } from "../../../firmware/config.js";
import { startStation } from "../../../firmware/start.js";
import { Station } from "../../../firmware/station.js";
import { readClientCertificate } from "../../../modules/settings/index.js";
import { describeImage } from "../../../modules/updates/index.js";
import type { MakeGATTServer } from "../../virtual/bluetooth/radio.js";
import { type BoardParts, Device, type FirmwareRun, type RunEnd } from "../../virtual/board/index.js";
import {
  type NodeClock,
  type NodeSocketOptions,
  nodeParts,
  readResource,
} from "../../virtual/node-board/index.js";
import type { World } from "../../virtual/world/world.js";
import type { StationImage } from "./station-image.js";

export interface VirtualStationOptions {
  readonly world: World<NodeClock>;
  readonly config?: Partial<Config>;
  /** Storage record `device`. Default: the station is not provisioned. */
  readonly provisioning?: Readonly<Record<string, unknown>>;
  /** Flash content and chip of a provisioned station. Takes the place of `provisioning`. */
  readonly image?: StationImage;
  /** Port of the HTTP API; 0 selects a free port. */
  readonly httpPort: number;
  readonly sockets?: NodeSocketOptions;
  /** Replaces the GATT server on the virtual air. */
  readonly makeGATTServer?: MakeGATTServer;
  readonly mac?: string;
  /** The HTTP API listens on this real port. Called again after each restart. */
  readonly onListening?: (port: number) => void;
  readonly onLog?: (line: string) => void;
  readonly onEnd?: (end: RunEnd) => void;
}

const HTTP_PORT = 80;

export class VirtualStation {
  readonly device: Device;
  /** Undefined while the firmware runs in safe mode. */
  station: Station | undefined;
  readonly #options: VirtualStationOptions;
  #httpPort = 0;

  constructor(options: VirtualStationOptions) {
    this.#options = options;
    this.device = new Device(options.world, {
      mac: options.mac,
      chip: options.image?.chip,
      resource: readResource,
      onLog: options.onLog,
      onEnd: options.onEnd,
      replace: (firmware) => this.#parts(firmware),
    });
    if (options.provisioning) this.device.provision(options.provisioning);
    for (const [path, values] of options.image?.content ?? []) {
      for (const [key, value] of values) this.device.flash.set(path, key, value);
    }
  }

  /** Real port of the HTTP API; 0 until it listens. */
  get httpPort(): number {
    return this.#httpPort;
  }

  boot(): void {
    this.device.boot((board, wiring) => {
      const { slots } = this.device;
      const firmwareVersion = describeImage(slots.image(slots.running))?.version ?? 0;
      const config = { ...defaultConfig, ...this.#options.config, firmwareVersion };
      const started = startStation(board, withWiring(config, wiring));
      this.station = started instanceof Station ? started : undefined;
    });
  }

  #parts(firmware: FirmwareRun): BoardParts {
    const { sockets, httpPort, makeGATTServer, onListening } = this.#options;
    const parts = nodeParts(firmware, {
      clientCertificate: () => readClientCertificate(this.device.flash.open("plugpass", firmware)),
      ...sockets,
      // After a restart, the API listens on the same port as before.
      portOf: (port) => (port === HTTP_PORT ? httpPort || this.#httpPort : port),
      onListening: (port, realPort) => {
        if (port !== HTTP_PORT) return;
        this.#httpPort = realPort;
        onListening?.(realPort);
      },
    });
    if (!makeGATTServer) return parts;
    return { ...parts, io: { ...parts.io, GATTServer: makeGATTServer(firmware, this.device.mac) } };
  }

  /** Shuts the firmware down cleanly, if it runs. */
  shutDown(): void {
    this.device.interrupt(() => this.station?.close());
  }
}
