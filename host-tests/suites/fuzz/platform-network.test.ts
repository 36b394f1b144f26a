/** Fuzzes the embedded broker and the responder behind it over real connections. A run takes a millisecond. */

import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import mqtt, { type MqttClient } from "mqtt";
import mqttPacket from "mqtt-packet";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { type Platform, startPlatform } from "../../../platform-stub/platform.js";
import type { Registry } from "../../../platform-stub/registry.js";
import { waitFor } from "../../tools/cli/wait.js";
import { fuzzAsync, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { BAR, CAFE, ownersWithCards } from "../owners.js";
import { holds } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
/** Share of the runs of other fuzzers. */
const RUNS = FUZZ_RUNS / 20;
const USER = usernameOf(CAFE.email);
const DEVICE = "cafe-1";
/** Time after which the test closes a connection that the broker leaves open, ms. */
const SILENCE_MS = 20;

jest.setTimeout(2 * HOUR_MS);

let registry: Registry;
let platform: Platform;
const problems: string[] = [];

beforeAll(async () => {
  registry = ownersWithCards();
  platform = await startPlatform({
    registry,
    maxRequestsPerMinute: Number.POSITIVE_INFINITY,
    onProblem: (what) => problems.push(what),
  });
});

afterAll(async () => {
  await platform.close();
  expect(problems).toEqual([]);
});

function connectStation(): Promise<MqttClient> {
  const { url } = platform;
  return mqtt.connectAsync(
    url,
    { username: USER, password: CAFE.token, clientId: DEVICE, reconnectPeriod: 0 },
    false,
  );
}

/** Sends a valid request and waits for its response. */
async function isAnswered(client: MqttClient, id: string): Promise<void> {
  const topic = `${USER}/req/${DEVICE}/authorize`;
  const key = registry.device(DEVICE)?.key;
  let answer: unknown;
  const listen = (_topic: string, payload: Buffer) => {
    const response = JSON.parse(payload.toString());
    if (response.id === id) answer = response;
  };
  client.on("message", listen);
  await client.publishAsync(topic, JSON.stringify({ id, key, data: { tag: "GUEST-0001", method: "ble" } }), {
    qos: 1,
  });
  await waitFor("the request is answered", () => answer !== undefined);
  client.off("message", listen);
}

function idOf(text: string): string | undefined {
  try {
    return String(JSON.parse(text)?.id);
  } catch {
    return undefined;
  }
}

describe("the responder", () => {
  let client: MqttClient;

  beforeAll(async () => {
    client = await connectStation();
    await client.subscribeAsync(`${USER}/res/${DEVICE}/+`, { qos: 1 });
  });

  afterAll(() => client.endAsync(true));

  function makeRequest(random: Random): { endpoint: string; payload: Bytes } {
    const field = () => random.pick<unknown>(["1", 1, null, {}, [], "x", "99999999999999999999999", -1]);
    const key = random.bool(0.2) ? registry.device(DEVICE)?.key : random.pick(["", "x", "0f".repeat(32), 7]);
    const message = { id: random.bool() ? field() : "7", key, data: random.bool() ? field() : { tag: "x" } };
    const payload = encodeUTF8(JSON.stringify(message));
    return {
      endpoint: random.pick(["authorize", "session", "local-list", "nothing", "__proto__", "toString", "é"]),
      payload: random.bool() ? payload : mutated(random, payload, ['"', "{", "1e999", '"key":']),
    };
  }

  test(`answers no wrong one of ${RUNS} messages, and then a valid request`, async () => {
    /** Ids of the messages with the station's key, and of the responses. */
    const known = new Set<string>();
    const answered = new Set<string>();
    client.on("message", (_topic, payload) => answered.add(JSON.parse(payload.toString()).id));
    const key = registry.device(DEVICE)?.key ?? "";
    let count = 0;
    const runs = await fuzzAsync({
      seed: 141,
      runs: RUNS,
      make: makeRequest,
      check: async ({ endpoint, payload }) => {
        const text = decodeUTF8(payload) ?? "";
        const id = text.includes(key) ? idOf(text) : undefined;
        if (id !== undefined) known.add(id);
        await client.publishAsync(`${USER}/req/${DEVICE}/${endpoint}`, Buffer.from(payload), { qos: 1 });
        for (const one of answered) holds(known.has(one), "a message without the station's key is answered");
        answered.clear();
        if (++count % 100 === 0) {
          known.add(String(1_000_000 + count));
          await isAnswered(client, String(1_000_000 + count));
        }
      },
    });
    await isAnswered(client, "2000000");
    expect(count).toBe(runs);
  });
});

describe("the embedded broker", () => {
  /** Sends bytes, and returns those that the broker sends before the connection is closed. */
  function send(bytes: Bytes): Promise<Bytes> {
    return new Promise((done) => {
      let received: Bytes = new Uint8Array(0);
      const socket: Socket = connect(platform.port, "127.0.0.1", () => socket.write(bytes));
      socket.setTimeout(SILENCE_MS, () => socket.destroy());
      socket.on("data", (part) => {
        received = concatBytes(received, Uint8Array.from(part));
        // The broker has answered; nothing more is of interest.
        socket.destroy();
      });
      socket.on("error", () => {});
      socket.on("close", () => done(received));
    });
  }

  function makeStream(random: Random): Bytes {
    const login = random.pick<[string, string, string]>([
      [USER, "wrong", DEVICE],
      [USER, BAR.token, DEVICE],
      [usernameOf(BAR.email), BAR.token, DEVICE],
      ["platform", "", "platform"],
      [DEVICE, "", DEVICE],
      ["", "", ""],
    ]);
    const [username, password, clientId] = login;
    const packets: mqttPacket.Packet[] = [
      {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 0,
        clientId,
        username,
        password: Buffer.from(password),
      },
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "#", qos: 1 }] },
      {
        cmd: "publish",
        topic: `${USER}/res/${DEVICE}/authorize`,
        payload: "x",
        qos: 0,
        dup: false,
        retain: false,
      },
    ];
    const all = packets.map((packet) => Uint8Array.from(mqttPacket.generate(packet)));
    const stream = concatBytes(...(random.bool(0.8) ? all : all.toReversed()));
    return random.bool(0.2) ? stream : mutated(random, stream);
  }

  test(`accepts none of ${RUNS} connections without an account, delivers nothing, and then serves a station`, async () => {
    const heard: string[] = [];
    const station = await connectStation();
    await station.subscribeAsync(`${USER}/res/${DEVICE}/+`);
    station.on("message", (topic) => heard.push(topic));
    await fuzzAsync({
      seed: 142,
      runs: RUNS,
      make: makeStream,
      check: async (stream) => {
        const [type, , , code] = await send(stream);
        holds(type !== 0x20 || code !== 0, "a connection without an account is accepted");
        holds(heard.length === 0, "a message without an account is delivered");
      },
    });
    await isAnswered(station, "3000000");
    await station.endAsync(true);
  });
});
