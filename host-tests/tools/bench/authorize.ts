import { randomBytes, randomInt } from "node:crypto";
import { Socket } from "node:net";
import type { MqttClient } from "mqtt";
import { connectToBroker } from "../../../platform-stub/connect-to-broker.js";
import { type Platform, usernameOf } from "../../../platform-stub/index.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { World } from "../../virtual/world/world.js";
import { type Percentiles, percentiles } from "./percentiles.js";
import { BenchPhone, OWNER, TAG, withStation } from "./station.js";

export interface AuthorizeBench {
  readonly runs: number;
  /** Time from tag write to final notification, ms, over a radio without delay. */
  readonly stationMs: Percentiles;
  /** Time for the same request and response with a plain MQTT.js client, ms. */
  readonly bareMs: Percentiles;
  /** Ratio stationMs / bareMs. */
  readonly ratio: Percentiles;
}

const BARE_ID = "bench-client";
const WARM_UP_RUNS = 200;

/** Measures station and plain client alternately, on one broker in this process. */
export async function benchAuthorize(options: { runs: number }): Promise<AuthorizeBench> {
  const stationMs: number[] = [];
  const bareMs: number[] = [];
  const world = new World(new NodeClock(), { seed: randomInt(2 ** 31), intervalMs: 0 });
  await withStation({ world }, async ({ station, platform, registry, token }) => {
    const { key } = registry.addDevice({ id: BARE_ID, owner: OWNER });
    const bare = await PlainClient.start({ platform, token, key });
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
  });
  return summary(stationMs, bareMs);
}

/** MQTT client that only sends the request and receives the response. */
class PlainClient {
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #key: string;

  private constructor(client: MqttClient, key: string) {
    this.#client = client;
    this.#topic = `${usernameOf(OWNER)}/req/${BARE_ID}/authorize`;
    this.#key = key;
  }

  static async start(options: { platform: Platform; token: string; key: string }): Promise<PlainClient> {
    const { host, port } = options.platform;
    const account = { clientId: BARE_ID, username: usernameOf(OWNER), password: options.token };
    const client = await connectToBroker(`mqtt://${host}:${port}`, account);
    // The station does the same. With Nagle's algorithm, each request would wait 40 ms for TCP's
    // acknowledgement.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true);
    await client.subscribeAsync(`${usernameOf(OWNER)}/res/${BARE_ID}/+`, { qos: 1 });
    return new PlainClient(client, options.key);
  }

  /** Returns the time from the publication to the response, ms. */
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
    if (JSON.parse(answer.toString("utf8")).id !== id)
      throw new Error("the response belongs to another request");
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
