import { randomInt } from "node:crypto";
import type {
  GATTConnection,
  GATTServerConstructor,
  GATTServerOptions,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import { RESULT_STATES, TAG_UUID } from "../../../modules/tag-service/index.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import type { MakeGATTServer } from "../../virtual/bluetooth/radio.js";
import { VirtualRadio } from "../../virtual/bluetooth/virtual-radio.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { Ether } from "../../virtual/radio/ether.js";
import { World } from "../../virtual/world/world.js";
import { type Percentiles, percentiles } from "./percentiles.js";
import { BenchPhone, withStation } from "./station.js";

export interface BLEBench {
  readonly runs: number;
  /** Connection interval of the radio, ms: the time a packet takes in one direction. */
  readonly intervalMs: number;
  /** Time from tag write to final notification at the phone, ms. */
  readonly totalMs: Percentiles;
  /** Time from the write's arrival at the GATT server to the final notification's departure, ms. */
  readonly stationMs: Percentiles;
  /** Round trip of a read, which the station answers at once, ms. */
  readonly roundTripMs: Percentiles;
  /** Ratio stationMs / totalMs. */
  readonly share: Percentiles;
}

/** Shortest connection interval that the specification allows, ms. */
const INTERVAL_MS = 7.5;
const WARM_UP_RUNS = 20;
const PENDING = RESULT_STATES.indexOf("pending");

/** Measures over virtual controllers in real time: bleno, noble, platform and station run in this process. */
export async function benchBLE({ runs }: { runs: number }): Promise<BLEBench> {
  const packages = loadBluetoothPackages();
  if (!packages) throw new Error(HOW_TO_GET_BLUETOOTH);
  const clock = new NodeClock();
  const samples: { totalMs: number; stationMs: number; roundTripMs: number }[] = [];
  const world = new World(clock, { seed: randomInt(2 ** 31) });
  const radio = new VirtualRadio({ packages, ether: new Ether({ clock, intervalMs: INTERVAL_MS }) });
  const watch = new StopWatch();
  const makeGATTServer: MakeGATTServer = (firmware, address) =>
    watched(radio.gattServer(firmware, address), watch);
  await withStation({ world, makeGATTServer }, async ({ station }) => {
    const phone = await BenchPhone.connect(radio.central, station);
    for (let run = -WARM_UP_RUNS; run < runs; run++) {
      const totalMs = await phone.present();
      station.station?.stopCharging();
      const roundTripMs = await phone.read();
      if (run >= 0) samples.push({ totalMs, stationMs: watch.lastMs, roundTripMs });
    }
  });
  return {
    runs,
    intervalMs: INTERVAL_MS,
    totalMs: percentiles(samples.map(({ totalMs }) => totalMs)),
    stationMs: percentiles(samples.map(({ stationMs }) => stationMs)),
    roundTripMs: percentiles(samples.map(({ roundTripMs }) => roundTripMs)),
    share: percentiles(samples.map(({ stationMs, totalMs }) => stationMs / totalMs)),
  };
}

class StopWatch {
  lastMs = 0;
  #startMs = 0;

  start(): void {
    this.#startMs = performance.now();
  }

  stop(): void {
    this.lastMs = performance.now() - this.#startMs;
  }
}

/** Wraps the server: a tag write starts the stopwatch, a final result stops it. */
function watched(Server: GATTServerConstructor, watch: StopWatch): GATTServerConstructor {
  return class extends Server {
    constructor(options: GATTServerOptions) {
      super({
        ...options,
        services: options.services.map((service) => ({
          ...service,
          characteristics: service.characteristics.map((characteristic) => {
            const { uuid, onWrite } = characteristic;
            if (uuid !== TAG_UUID || !onWrite) return characteristic;
            return {
              ...characteristic,
              onWrite: (value: ArrayBuffer, connection: GATTConnection) => {
                watch.start();
                onWrite(value, connection);
              },
            };
          }),
        })),
        onConnect: (connection) => {
          const notify = connection.notify.bind(connection);
          connection.notify = (characteristic, value, done) => {
            if (asUint8Array(value)[1] !== PENDING) watch.stop();
            notify(characteristic, value, done);
          };
          options.onConnect?.(connection);
        },
      });
    }
  };
}
