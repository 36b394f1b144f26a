import { createDecipheriv, createHash, createHmac } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import mqtt, { type MqttClient } from "mqtt";
import { keyIdOf } from "../../../platform-stub/device-keys.js";
import { Registry, startPlatform, usernameOf } from "../../../platform-stub/index.js";
import type { Platform, PlatformOptions } from "../../../platform-stub/platform.js";
import { MemoryStore } from "../../../platform-stub/store.js";
import { waitFor } from "../../tools/cli/wait.js";
import { BAR, CAFE, ownersWithCards, SESSION } from "../owners.js";
import { type BrokerUnderTest, brokersUnderTest } from "./brokers.js";

const CAFE_NAME = usernameOf(CAFE.email);

interface Response {
  readonly id: string;
  readonly status: string;
  readonly code: string;
  readonly data: string;
}

describe.each(brokersUnderTest())("the responder on %s", (name, start) => {
  let broker: BrokerUnderTest;
  let client: MqttClient;
  const further: Platform[] = [];
  const responses: { topic: string; response: Response }[] = [];
  const ignored: string[] = [];
  const problems: string[] = [];
  let decisions = 0;

  async function open(options: Partial<PlatformOptions> = {}): Promise<void> {
    responses.length = 0;
    ignored.length = 0;
    problems.length = 0;
    decisions = 0;
    broker = await start({
      ...options,
      onIgnored: (why) => ignored.push(why),
      onProblem: (what) => problems.push(what),
      onRequest: () => decisions++,
    });
    const { host, port } = broker.platform;
    const account = { clientId: "cafe-1", username: CAFE_NAME, password: CAFE.token };
    client = await mqtt.connectAsync(`mqtt://${host}:${port}`, account, false);
    client.on("message", (topic, payload) =>
      responses.push({ topic, response: JSON.parse(payload.toString()) }),
    );
    await client.subscribeAsync(`${CAFE_NAME}/res/cafe-1/+`, { qos: 1 });
  }

  afterEach(async () => {
    await client.endAsync(true);
    for (const platform of further.splice(0)) await platform.close();
    await broker.close();
  });

  function keyOf(deviceId: string): string {
    return broker.registry.device(deviceId)?.key ?? "";
  }

  function send(message: unknown, endpoint = "authorize"): void {
    const payload = typeof message === "string" ? message : JSON.stringify(message);
    client.publish(`${CAFE_NAME}/req/cafe-1/${endpoint}`, payload, { qos: 1 });
  }

  async function ask(
    data: unknown,
    endpoint = "authorize",
  ): Promise<{ response: Response; answer: unknown }> {
    const id = String(1 + responses.length);
    send({ data, key: keyOf("cafe-1"), id }, endpoint);
    const found = await waitFor("a response", () => responses.find(({ response }) => response.id === id));
    return { response: found.response, answer: open256GCM(found.topic, found.response, keyOf("cafe-1")) };
  }

  test.each([
    ["GUEST-0001", { authorized: true }],
    ["GUEST-0002", { authorized: false, reason: "blocked" }],
    ["GUEST-0003", { authorized: false, reason: "wrong-station" }],
    ["GUEST-0004", { authorized: false, reason: "unknown-tag" }],
    ["GUEST-9999", { authorized: false, reason: "unknown-tag" }],
  ])("answers the authorization of %s with %j", async (tag, expected) => {
    await open();
    const { response, answer } = await ask({ tag, method: "ble" });
    expect(response).toMatchObject({ status: "1", code: "200" });
    expect(answer).toEqual(expected);
  });

  test("answers a request without a method with the error 400", async () => {
    await open();
    expect((await ask({ tag: "GUEST-0001" })).response).toMatchObject({ status: "0", code: "400" });
  });

  test.each(["nothing", "constructor"])(
    "answers a request to the endpoint %s with the error 404",
    async (endpoint) => {
      await open();
      expect((await ask({}, endpoint)).response).toMatchObject({ status: "0", code: "404" });
    },
  );

  test("drops a request to an endpoint with a long name, and goes on answering", async () => {
    await open();
    // An answer would repeat the name twice, and be longer than the broker allows.
    send({ data: {}, id: "1000" }, "e".repeat(30_000));
    await ask({ tag: "GUEST-0001", method: "ble" });
    expect(responses).toHaveLength(1);
  });

  test("answers with 413 in place of an answer that is longer than the broker allows", async () => {
    const registry = new Registry(ownersWithCards().data);
    for (let i = 0; i < 500; i++) {
      const tag = `aaaaaaaaaaaa${String(i)
        .padStart(4, "0")
        .replaceAll(/[0189]/g, (digit) => "wxyz"["0189".indexOf(digit)] ?? "")}`;
      registry.putTag({ tag, owner: CAFE.email, accepts: "proof" });
    }
    await open({ registry });
    const long = await ask({ version: 0, from: 0, limit: 500, proofs: true }, "local-list");
    expect(long.response).toMatchObject({ status: "0", code: "413" });
    const short = await ask({ version: 0, from: 0, limit: 25, proofs: true }, "local-list");
    expect(short.response).toMatchObject({ status: "1", code: "200" });
  });

  test("returns a 64-bit id without loss of digits", async () => {
    await open();
    const id = "18446744073709551615";
    send({ data: { tag: "GUEST-0001", method: "ble" }, key: keyOf("cafe-1"), id });
    await waitFor("a response", () => responses.some(({ response }) => response.id === id));
  });

  test.each<[string, unknown]>([
    ["text that is not JSON", "nonsense"],
    ["JSON that is not a request", [1]],
    ["a request with the id of another key", { data: {}, keyId: "0123456789abcdef", id: "1" }],
    ["a request that nests too deep", `{"data":${"[".repeat(9)}${"]".repeat(9)},"id":"1"}`],
    ["a request of 17,000 bytes", { data: { tag: "x".repeat(17_000) }, id: "1" }],
    ["a request with another device's key", "wrong-key"],
    ["a request with an invalid id", { data: {}, key: "", id: "x" }],
  ])("does not answer %s, and logs no secret about it", async (_name, message) => {
    await open();
    send(message === "wrong-key" ? { data: {}, key: keyOf("cafe-2"), id: "1" } : message);
    await waitFor("it is ignored", () => ignored.length > 0);
    for (const id of ["cafe-1", "cafe-2"]) expect(ignored.join()).not.toContain(keyOf(id));
    await ask({ tag: "GUEST-0001", method: "ble" });
    expect(responses).toHaveLength(1);
  });

  test("answers a request without the key, and one with the key's id", async () => {
    await open();
    const key = keyOf("cafe-1");
    const data = { tag: "GUEST-0001", method: "ble" };
    send({ data, id: "1" });
    send({ data, keyId: keyIdOf(key), id: "2" });
    await waitFor("both responses", () => responses.length === 2);
    for (const { topic, response } of responses) {
      expect(open256GCM(topic, response, key)).toMatchObject({ authorized: true });
    }
  });

  test("replaces a key: seals each answer with the request's key, and drops the old key once the new one is used", async () => {
    await open();
    const { registry } = broker;
    const old = keyOf("cafe-1");
    registry.rotateKey("cafe-1");
    const next = registry.device("cafe-1")?.nextKey ?? "";
    const rotate = async (step: string, key: string, id: string) => {
      send({ data: { step }, keyId: keyIdOf(key), id }, "rotate-key");
      const found = await waitFor("a response", () => responses.find(({ response }) => response.id === id));
      return open256GCM(found.topic, found.response, key);
    };
    expect(await rotate("get", old, "1")).toEqual({ key: next });
    expect(await rotate("try", next, "2")).toEqual({ accepted: true });
    expect(await rotate("get", old, "3")).toEqual({ key: next });
    expect(await rotate("done", next, "4")).toEqual({ accepted: true });
    expect(registry.device("cafe-1")).toMatchObject({ key: next });
    expect(registry.device("cafe-1")?.nextKey).toBeUndefined();
    send({ data: { step: "get" }, keyId: keyIdOf(old), id: "5" }, "rotate-key");
    await waitFor("it is ignored", () => ignored.some((why) => why.includes("wrong key")));
    const refused = await rotate("get", next, "6");
    expect(refused).toEqual({ message: "no new key is offered to this station" });
  });

  test("answers the first request beyond the limit with 429", async () => {
    await open({ maxRequestsPerMinute: 2 });
    for (const id of ["1", "2", "3", "4", "5"]) {
      send({ data: { tag: "GUEST-0001", method: "ble" }, key: keyOf("cafe-1"), id });
    }
    await waitFor("the refusal", () => responses.length === 3);
    expect(responses.map(({ response }) => response.code)).toEqual(["200", "200", "429"]);
  });

  test("decides a request once when it is delivered twice", async () => {
    await open();
    const request = { data: { tag: "GUEST-0001", method: "ble" }, key: keyOf("cafe-1"), id: "77" };
    send(request);
    send(request);
    await waitFor("both are answered", () => responses.length === 2);
    expect(decisions).toBe(1);
    expect(responses[0]).toEqual(responses[1]);
  });

  test("answers a proof with a receipt, a repeated message alike, and a recorded proof with a refusal", async () => {
    await open();
    const cardId = "ka5tqgx2m7bd4wzn";
    broker.registry.putTag({ tag: cardId, owner: CAFE.email, accepts: "proof" });
    const { secret } = broker.registry.cardFile(cardId) ?? {};
    const station = sha256("cafe-1").toString("hex").slice(0, 16);
    const nonce = "0a".repeat(16);
    const key = hmac(Buffer.from(secret ?? "", "base64url"), `plugpass-station|${station}`);
    const proof = hmac(key, `p1|${station}|${nonce}|${cardId}`).subarray(0, 16).toString("base64url");
    const request = { tag: cardId, method: "ble", proof, nonce };
    const receipt = hmac(key, `ok|${nonce}|200`).subarray(0, 8).toString("hex");
    expect((await ask(request)).answer).toEqual({ authorized: true, receipt });
    send({ data: request, key: keyOf("cafe-1"), id: "1" });
    await waitFor("the message is answered again", () => responses.length === 2);
    expect(responses[1]).toEqual(responses[0]);
    expect((await ask(request)).answer).toEqual({ authorized: false, reason: "nonce-used" });
    expect(problems).toEqual([
      expect.stringContaining("authorize of cafe-1: a recorded proof was sent again"),
    ]);
    expect((await ask({ tag: cardId, method: "ble" })).answer).toEqual({
      authorized: false,
      reason: "proof-required",
    });
  });

  test("leaves sessions unanswered while its storage fails, answers other requests, and reports it once", async () => {
    const store = new MemoryStore();
    const registry = new Registry(ownersWithCards().data, { store });
    await open({ registry });
    const put = store.sessions.put.bind(store.sessions);
    store.sessions.put = () => {
      throw new Error("the database failed (database or disk is full)");
    };
    for (const id of ["1001", "1002", "1003"]) {
      send({ data: SESSION, key: keyOf("cafe-1"), id }, "session");
    }
    await waitFor("it is reported", () => problems.length > 0);
    expect((await ask({ tag: "GUEST-0001", method: "ble" })).response).toMatchObject({ code: "200" });
    expect(responses).toHaveLength(1);
    expect(problems).toEqual(["requests are not answered: the database failed (database or disk is full)"]);
    store.sessions.put = put;
    // The station repeats the report with a new id.
    expect((await ask(SESSION, "session")).answer).toEqual({ accepted: true });
    expect(registry.sessionCount).toBe(1);
  });

  test("accepts an implausible session and reports it", async () => {
    await open();
    expect((await ask({ ...SESSION, startWh: 100 }, "session")).answer).toEqual({ accepted: true });
    expect(problems).toEqual([
      "session 0123456789abcdef of cafe-1: the meter ran backwards, from 100 to 60 Wh",
    ]);
  });

  test("accepts an offer by a request with the station's key only", async () => {
    await open();
    const { registry, platform } = broker;
    registry.offerDevice("cafe-1", { owner: BAR.email, token: "t".repeat(32) });
    const topic = `${usernameOf(BAR.email)}/req/cafe-1/authorize`;
    // Mosquitto's ACL allows this to each client with the new owner's password: it does not check the client id.
    const stranger = await mqtt.connectAsync(platform.url, platform.account, false);
    const request = { data: { tag: "GUEST-0004", method: "ble" }, key: keyOf("cafe-1"), id: "1" };
    stranger.publish(topic, "nonsense", { qos: 1 });
    stranger.publish(topic, JSON.stringify({ ...request, key: keyOf("cafe-2") }), { qos: 1 });
    const { key: _, ...withoutKey } = request;
    stranger.publish(topic, JSON.stringify(withoutKey), { qos: 1 });
    await waitFor("all are ignored", () => ignored.length === 3);
    expect(registry.device("cafe-1")?.owner).toBe(CAFE.email);
    stranger.publish(topic, JSON.stringify(request), { qos: 1 });
    await waitFor("it is accepted", () => registry.device("cafe-1")?.owner === BAR.email);
    await stranger.endAsync(true);
  });

  test.each([
    ["that has an account of its own by a request without a key", { password: "own" }, () => ({})],
    ["by a request with the key's id", {}, (key: string) => ({ keyId: keyIdOf(key) })],
  ])("accepts an offer of a station %s", async (_name, account, proofOf) => {
    const registry = new Registry({ users: [CAFE, BAR], devices: [], tags: [] });
    registry.addDevice({ id: "cafe-1", owner: CAFE.email });
    const { key } = registry.addDevice({ id: "cafe-9", owner: CAFE.email, ...account });
    await open({ registry });
    registry.offerDevice("cafe-9", { owner: BAR.email, token: "t".repeat(32) });
    const { url, account: own } = broker.platform;
    const other = await mqtt.connectAsync(url, own, false);
    const request = { data: {}, ...proofOf(key), id: "1" };
    other.publish(`${usernameOf(BAR.email)}/req/cafe-9/authorize`, JSON.stringify(request), { qos: 1 });
    await waitFor("it is accepted", () => registry.device("cafe-9")?.owner === BAR.email);
    await other.endAsync(true);
  });

  if (name !== "aedes") {
    test("shares the requests with a second stub: each is answered exactly once", async () => {
      await open();
      let ofOther = 0;
      further.push(
        await startPlatform({ registry: broker.registry, brokerURL: broker.url, onRequest: () => ofOther++ }),
      );
      for (let i = 0; i < 50; i++) {
        send({ data: { tag: "GUEST-0001", method: "ble" }, key: keyOf("cafe-1"), id: String(1000 + i) });
      }
      await waitFor("all are answered", () => responses.length >= 50);
      await ask({ tag: "GUEST-0001", method: "ble" });
      expect(responses).toHaveLength(51);
      expect(decisions + ofOther).toBe(51);
      expect(ofOther).toBeGreaterThan(5);
      expect(decisions).toBeGreaterThan(5);
    });
  }
});

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Opens a response with Node's cryptography and the protocol's text only, as another manufacturer would. */
function open256GCM(topic: string, { id, status, code, data }: Response, key: string): unknown {
  const sealed = Buffer.from(data, "base64");
  const decipher = createDecipheriv("aes-256-gcm", Buffer.from(key, "hex"), sealed.subarray(0, 12));
  decipher.setAAD(Buffer.from(`${topic}|${id}|${status}|${code}`));
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  return JSON.parse(plain.toString("utf8"));
}
