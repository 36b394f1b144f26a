import { randomBytes, randomInt } from "node:crypto";
import { Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import { RESULT_UUID, TAG_UUID } from "../../modules/tag-service/index.js";
import { type Platform, Registry, startPlatform, usernameOf } from "../../platform-stub/index.js";
import { VirtualStation } from "../cli/virtual-station.js";
import { waitFor } from "../cli/wait.js";
import { NodeClock } from "../node-board/index.js";
import type { CentralConnection } from "../world/air.js";
import { parseResult } from "../world/phone.js";
import { World } from "../world/world.js";

export interface AuthorizeBench {
  readonly runs: number;
  /** Tag write → final notification, over a radio that takes no time. */
  readonly stationMs: Percentiles;
  /** The same request and response by a bare MQTT.js client. */
  readonly bareMs: Percentiles;
  /** station / bare. */
  readonly ratio: Percentiles;
}

export interface Percentiles {
  readonly median: number;
  readonly p99: number;
}

const OWNER = "owner@cafe.example";
const TAG = "GUEST-0001";
const STATION_ID = "bench-station";
const WIFI_SSID = "bench";
const BARE_ID = "bench-client";
const WARM_UP_RUNS = 200;

/** Measures in pairs, station and bare client in turn, on one broker in this process. */
export async function benchAuthorize(options: { runs: number }): Promise<AuthorizeBench> {
  const token = randomBytes(12).toString("hex");
  const registry = new Registry();
  registry.addUser({ email: OWNER, token });
  registry.putTag({ tag: TAG, owner: OWNER });
  const { key } = registry.addDevice({ id: STATION_ID, owner: OWNER });
  const bareKey = registry.addDevice({ id: BARE_ID, owner: OWNER }).key;
  const platform = await startPlatform({ registry });
  const clock = new NodeClock();
  const world = new World(clock, { seed: randomInt(2 ** 31), intervalMs: 0 });
  world.wifi.put({ ssid: WIFI_SSID });
  const station = await startStation({ platform, token, key, world });
  const bare = await BareClient.start({ platform, token, key: bareKey });
  const phone = await BenchPhone.connect(world, station);
  const stationMs: number[] = [];
  const bareMs: number[] = [];
  for (let run = -WARM_UP_RUNS; run < options.runs; run++) {
    const ofStation = await phone.present();
    station.station?.stopCharging();
    const ofBare = await bare.authorize();
    if (run < 0) continue;
    stationMs.push(ofStation);
    bareMs.push(ofBare);
  }
  await bare.close();
  station.device.cutPower();
  clock.dispose();
  await platform.close();
  return summary(stationMs, bareMs);
}

/** A station that is online, with a vehicle that does not draw: each authorization can be taken back. */
async function startStation(options: {
  platform: Platform;
  token: string;
  key: string;
  world: World<NodeClock>;
}): Promise<VirtualStation> {
  const { platform, token, key, world } = options;
  const station = new VirtualStation({
    world,
    config: { attemptsPerMinute: { connection: 1_000_000, station: 1_000_000 } },
    provisioning: { deviceId: STATION_ID, responseKey: key },
    httpPort: 0,
  });
  station.device.flash.set(
    "plugpass",
    "pairing",
    encodeUTF8(
      JSON.stringify({
        v: 1,
        ssid: WIFI_SSID,
        email: OWNER,
        token,
        host: platform.host,
        port: platform.port,
      }),
    ),
  );
  station.boot();
  await waitFor("the station is online", () => station.station?.lifeCycle === "online");
  station.device.vehicle.plug({ drawsWhenOffered: false });
  await waitFor("the vehicle is noticed", () => station.station?.status === "plugged");
  return station;
}

/** A phone that stays connected and presents its tag again and again. */
class BenchPhone {
  #connection: CentralConnection;
  #onFinal: (code: number) => void = () => {};

  private constructor(connection: CentralConnection) {
    this.#connection = connection;
  }

  static async connect(world: World<NodeClock>, station: VirtualStation): Promise<BenchPhone> {
    const connection = await new Promise<CentralConnection>((resolve, reject) => {
      world.air.connect(station.device.mac, {
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
          const result = parseResult(value);
          if (result && result.state !== "pending") phone.#onFinal(result.code);
        },
        () => done(),
      );
    });
    return phone;
  }

  /** Milliseconds from the write to the final notification. */
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

/** The same request and its response, by a client that does nothing else. */
class BareClient {
  #client: MqttClient;
  #topic: string;
  #key: string;

  private constructor(client: MqttClient, key: string) {
    this.#client = client;
    this.#topic = `${usernameOf(OWNER)}/req/${BARE_ID}/authorize`;
    this.#key = key;
  }

  static async start(options: { platform: Platform; token: string; key: string }): Promise<BareClient> {
    const { host, port } = options.platform;
    const account = { clientId: BARE_ID, username: usernameOf(OWNER), password: options.token };
    const client = await mqtt.connectAsync(`mqtt://${host}:${port}`, account, false);
    // As the station does; with Nagle's algorithm each request would wait 40 ms for an acknowledgement of TCP's.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    await client.subscribeAsync(`${usernameOf(OWNER)}/res/${BARE_ID}/+`, { qos: 1 });
    return new BareClient(client, options.key);
  }

  /** Milliseconds from the publication to the response. */
  async authorize(): Promise<number> {
    const id = randomBytes(8).readBigUInt64BE().toString();
    const payload = JSON.stringify({ data: { tag: TAG, method: "ble" }, key: this.#key, id });
    const startMs = performance.now();
    const response = new Promise<Buffer>((done) => {
      this.#client.once("message", (_topic, answer) => done(answer));
    });
    this.#client.publish(this.#topic, payload, { qos: 1 });
    const answer = await response;
    const tookMs = performance.now() - startMs;
    if (JSON.parse(answer.toString("utf8")).id !== id) throw new Error("the response is another request's");
    return tookMs;
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}

function summary(stationMs: readonly number[], bareMs: readonly number[]): AuthorizeBench {
  const station = percentiles(stationMs);
  const bare = percentiles(bareMs);
  const ratio = { median: station.median / bare.median, p99: station.p99 / bare.p99 };
  return { runs: stationMs.length, stationMs: station, bareMs: bare, ratio };
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}
