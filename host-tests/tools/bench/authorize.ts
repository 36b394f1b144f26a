import { randomBytes, randomInt } from "node:crypto";
import { Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import { type Platform, startPlatform, usernameOf } from "../../../platform-stub/index.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { World } from "../../virtual/world/world.js";
import { type Percentiles, percentiles } from "./percentiles.js";
import { BenchPhone, benchRegistry, OWNER, startStation, TAG } from "./station.js";

export interface AuthorizeBench {
  readonly runs: number;
  /** Tag write → final notification, over a radio that takes no time. */
  readonly stationMs: Percentiles;
  /** The same request and response by a bare MQTT.js client. */
  readonly bareMs: Percentiles;
  /** station / bare. */
  readonly ratio: Percentiles;
}

const BARE_ID = "bench-client";
const WARM_UP_RUNS = 200;

/** Measures in pairs, station and bare client in turn, on one broker in this process. */
export async function benchAuthorize(options: { runs: number }): Promise<AuthorizeBench> {
  const { registry, token, key } = benchRegistry();
  const bareKey = registry.addDevice({ id: BARE_ID, owner: OWNER }).key;
  const platform = await startPlatform({ registry });
  const clock = new NodeClock();
  const stationMs: number[] = [];
  const bareMs: number[] = [];
  try {
    const world = new World(clock, { seed: randomInt(2 ** 31), intervalMs: 0 });
    const station = await startStation({ platform, token, key, world });
    const bare = await BareClient.start({ platform, token, key: bareKey });
    const phone = await BenchPhone.connect(world.air, station);
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
  } finally {
    clock.dispose();
    await platform.close();
  }
  return summary(stationMs, bareMs);
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
