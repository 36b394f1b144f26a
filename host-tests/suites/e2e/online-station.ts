import { setTimeout as sleep } from "node:timers/promises";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { Phone, type PresentOptions } from "../../virtual/world/phone.js";
import { World } from "../../virtual/world/world.js";
import { CAFE } from "../owners.js";
import type { BrokerUnderTest } from "./brokers.js";
import { waitForStation } from "./station-log.js";

const WIFI = { ssid: "Café", password: "espresso-doppio" };
/** Interval of the meter's pulses, ms. It is short, because these tests run in real time. */
const PULSE_EVERY_MS = 5;
const ONLINE_TIMEOUT_MS = 15_000;

/** `cafe-1`, paired with a broker under test and online, with a vehicle and a phone. */
export class OnlineStation {
  readonly station: VirtualStation;
  readonly #clock: NodeClock;
  readonly #world: World<NodeClock>;

  private constructor(broker: BrokerUnderTest, options: { name: string; deviceId: string }) {
    this.#clock = new NodeClock();
    this.#world = new World(this.#clock, { seed: 7, intervalMs: 1 });
    this.#world.wifi.put(WIFI);
    const { host, port } = broker.platform;
    const preset = { ssid: WIFI.ssid, psk: WIFI.password, host, brport: String(port) };
    this.station = new VirtualStation({
      world: this.#world,
      httpPort: 0,
      mac: "a4:cf:12:00:00:01",
      config: { name: options.name },
      provisioning: {
        deviceId: options.deviceId,
        responseKey: broker.registry.device(options.deviceId)?.key,
        preset: { ...preset, wsp: CAFE.email, token: CAFE.token },
      },
    });
  }

  /** Starts a station. If it is not online in time, stops it and rejects with its log. */
  static async start(
    broker: BrokerUnderTest,
    { name = "Slavia", deviceId = "cafe-1", timeoutMs = ONLINE_TIMEOUT_MS } = {},
  ): Promise<OnlineStation> {
    const it = new OnlineStation(broker, { name, deviceId });
    it.station.boot();
    try {
      await waitForStation(
        it.station,
        "the station is online",
        ({ station }) => station?.lifeCycle === "online",
        timeoutMs,
      );
    } catch (error) {
      it.stop();
      throw error;
    }
    return it;
  }

  /** Plugs a vehicle in and presents a card. The phone times out if there is no result. */
  async present(tag: string): Promise<Parameters<PresentOptions["onDone"]>[0]> {
    this.station.device.vehicle.plug();
    await waitForStation(
      this.station,
      "the vehicle is detected",
      ({ station }) => station?.status === "plugged",
    );
    return new Promise((done) => {
      const phone = new Phone({ air: this.#world.air, clock: this.#clock });
      phone.present({ address: this.station.device.mac, tag, onDone: done });
    });
  }

  /** Waits for the current and lets the meter count this energy. */
  async count(energyWh: number): Promise<void> {
    await waitForStation(this.station, "current flows", ({ device }) => device.vehicle.isCharging);
    for (let i = 0; i < energyWh; i++) {
      this.station.device.meter.pulse();
      await sleep(PULSE_EVERY_MS);
    }
  }

  /** Charges this energy and unplugs. */
  async charge(energyWh: number): Promise<void> {
    await this.count(energyWh);
    this.station.device.vehicle.unplug();
    await waitForStation(
      this.station,
      "the session is over",
      ({ station }) => station?.status === "available",
    );
  }

  stop(): void {
    this.station.device.cutPower();
    this.#clock.dispose();
  }
}
