/** Subject of the benchmarks: an online station on Node's sockets, and a phone that stays connected to it. */

import { randomBytes } from "node:crypto";
import { readResult } from "../../../docs/station.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import { type Platform, Registry, startPlatform } from "../../../platform-stub/index.js";
import type { MakeGATTServer } from "../../virtual/bluetooth/radio.js";
import type { NodeClock } from "../../virtual/node-board/index.js";
import type { Central, CentralConnection } from "../../virtual/world/air.js";
import type { World } from "../../virtual/world/world.js";
import { VirtualStation } from "../cli/virtual-station.js";
import { waitFor } from "../cli/wait.js";

export const OWNER = "owner@cafe.example";
export const TAG = "GUEST-0001";
const STATION_ID = "bench-station";
const WIFI_SSID = "bench";

interface Bench {
  readonly station: VirtualStation;
  readonly platform: Platform;
  readonly registry: Registry;
  /** Token of the owner. */
  readonly token: string;
}

/**
 * Starts a platform and a station, measures when the station is online, and stops both. The station's vehicle does not
 * request energy, so each authorization can be revoked.
 */
export async function withStation(
  options: { world: World<NodeClock>; makeGATTServer?: MakeGATTServer },
  measure: (bench: Bench) => Promise<void>,
): Promise<void> {
  const { world, makeGATTServer } = options;
  const token = randomBytes(12).toString("hex");
  const registry = new Registry();
  registry.addUser({ email: OWNER, token });
  registry.putTag({ tag: TAG, owner: OWNER });
  const { key } = registry.addDevice({ id: STATION_ID, owner: OWNER });
  const platform = await startPlatform({ registry });
  world.wifi.put({ ssid: WIFI_SSID });
  const station = new VirtualStation({
    world,
    provisioning: { deviceId: STATION_ID, responseKey: key },
    httpPort: 0,
    makeGATTServer,
  });
  const { host, port } = platform;
  const pairing = { v: 1, ssid: WIFI_SSID, email: OWNER, token, host, port };
  station.device.flash.set("plugpass", "pairing", encodeUTF8(JSON.stringify(pairing)));
  try {
    station.boot();
    await waitFor("the station is online", () => station.station?.lifeCycle === "online");
    station.device.vehicle.plug({ requestsEnergyWhenOffered: false });
    await waitFor("the vehicle is noticed", () => station.station?.status === "plugged");
    await measure({ station, platform, registry, token });
  } finally {
    station.device.cutPower();
    world.clock.dispose();
    await platform.close();
  }
}

/** A phone that stays connected and presents its tag repeatedly. */
export class BenchPhone {
  readonly #connection: CentralConnection;
  #onFinal: (code: number) => void = () => {};

  private constructor(connection: CentralConnection) {
    this.#connection = connection;
  }

  static async connect(central: Central, station: VirtualStation): Promise<BenchPhone> {
    const connection = await new Promise<CentralConnection>((resolve, reject) => {
      central.connect(station.device.mac, {
        mtu: 247,
        onConnected: resolve,
        onFailed: (reason) => reject(new Error(reason)),
        onDisconnected: () => {},
      });
    });
    const phone = new BenchPhone(connection);
    await new Promise<void>((done) => {
      connection.subscribe(
        RESULT_UUID,
        (value) => {
          const result = readResult(value);
          if (result && result.state !== "pending") phone.#onFinal(result.code);
        },
        () => done(),
      );
    });
    return phone;
  }

  /** Returns the time a read takes, ms: one round trip of the radio. */
  async read(): Promise<number> {
    const startMs = performance.now();
    await new Promise<void>((done) => this.#connection.read(RESULT_UUID, () => done()));
    return performance.now() - startMs;
  }

  /** Returns the time from the write to the final notification, ms. */
  async present(): Promise<number> {
    const startMs = performance.now();
    const code = await new Promise<number>((done) => {
      this.#onFinal = done;
      this.#connection.write(TAG_UUID, encodeUTF8(TAG), () => {});
    });
    const tookMs = performance.now() - startMs;
    if (code !== 200) throw new Error(`the station answered ${code}`);
    return tookMs;
  }
}
