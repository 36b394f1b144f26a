import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { sealedResponse } from "../../host-tests/virtual/world/platform-answers.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { encodeUTF8 } from "../bytes/index.js";
import { type RequestOutcome, Requests, type RequestsOptions } from "./index.js";

const USER = "user";
const DEVICE = "station-1";
const KEY = new Uint8Array(32).fill(7);

interface Sent {
  readonly topic: string;
  readonly payload: { readonly data: unknown; readonly key: string; readonly id: string };
}

class Bench {
  readonly clock = new VirtualClock();
  readonly random = new Random(1);
  readonly sent: Sent[] = [];
  readonly outcomes: RequestOutcome[] = [];
  readonly events: string[] = [];
  readonly requests: Requests;
  isOnline = true;
  hasRoom = true;

  constructor(options: Partial<RequestsOptions> = {}) {
    this.requests = new Requests({
      clock: this.clock,
      crypto: virtualCrypto(this.random),
      user: USER,
      deviceId: DEVICE,
      responseKey: { bytes: KEY },
      cipher: "aes-256-gcm",
      keyInRequest: true,
      connection: this,
      trace: { add: (event, detail) => this.events.push(`${event} ${detail ?? ""}`.trim()) },
      ...options,
    });
  }

  publishRequest(topic: string, payload: string): boolean {
    if (this.hasRoom) this.sent.push({ topic, payload: JSON.parse(payload) });
    return this.hasRoom;
  }

  ask(count = 1): void {
    for (let i = 0; i < count; i++)
      this.requests.request("echo", { i }, (outcome) => this.outcomes.push(outcome));
  }

  answer(sent: Sent | undefined, data: unknown = { ok: true }): void {
    if (!sent) throw new Error("nothing was sent");
    const topic = sent.topic.replace("/req/", "/res/");
    const answer = { topic, id: sent.payload.id, status: "1", code: "200", data };
    const iv = this.random.bytes(12);
    const response = sealedResponse(answer, { cipher: "aes-256-gcm", key: KEY, iv });
    this.requests.receive(topic, encodeUTF8(JSON.stringify(response)));
  }

  get failures(): (string | undefined)[] {
    return this.outcomes.map((outcome) => (outcome.ok ? undefined : outcome.failure.code));
  }
}

test("Requests publishes the data, the key in hex and a random 64-bit id in decimal", () => {
  const bench = new Bench();
  bench.ask(2);
  const [one, two] = bench.sent;
  expect(one?.topic).toBe("user/req/station-1/echo");
  expect(one?.payload).toMatchObject({ data: { i: 0 }, key: "07".repeat(32) });
  expect(one?.payload.id).toMatch(/^\d{1,20}$/);
  expect(BigInt(one?.payload.id ?? -1) < 2n ** 64n).toBe(true);
  expect(two?.payload.id).not.toBe(one?.payload.id);
});

test("Requests matches responses in any order to their requests", () => {
  const bench = new Bench();
  bench.ask(3);
  bench.answer(bench.sent[2], { n: 2 });
  bench.answer(bench.sent[0], { n: 0 });
  bench.answer(bench.sent[1], { n: 1 });
  expect(bench.outcomes.map((outcome) => outcome.ok && outcome.data)).toEqual([{ n: 2 }, { n: 0 }, { n: 1 }]);
});

describe("the limits of Requests", () => {
  test("send 4 requests, queue 16 and fail further ones at once", () => {
    const bench = new Bench();
    bench.ask(22);
    expect(bench.sent).toHaveLength(4);
    bench.clock.advance(0);
    expect(bench.failures).toEqual(["queue-full", "queue-full"]);
  });

  test("send queued requests in order as responses arrive", () => {
    const bench = new Bench();
    bench.ask(6);
    bench.answer(bench.sent[1]);
    bench.answer(bench.sent[0]);
    expect(bench.sent.map(({ payload }) => payload.data)).toEqual([0, 1, 2, 3, 4, 5].map((i) => ({ i })));
  });

  test("time out after 10 s, and trace and ignore a late response", () => {
    const bench = new Bench();
    bench.ask();
    bench.clock.advance(9999);
    expect(bench.outcomes).toEqual([]);
    bench.clock.advance(1);
    expect(bench.failures).toEqual(["timeout"]);
    bench.answer(bench.sent[0]);
    expect(bench.outcomes).toHaveLength(1);
    expect(bench.events).toEqual(["requestFailed timeout", "lateAnswer"]);
  });

  test("report offline instead of timeout when the broker is not connected", () => {
    const bench = new Bench();
    bench.ask();
    bench.isOnline = false;
    bench.clock.advance(10_000);
    expect(bench.failures).toEqual(["offline"]);
  });

  test("fail a request without a broker at once, but not from inside the call", () => {
    const bench = new Bench();
    bench.isOnline = false;
    bench.ask();
    expect(bench.outcomes).toEqual([]);
    bench.clock.advance(0);
    expect(bench.failures).toEqual(["offline"]);
  });

  test("fail a request at once when the outbox is full", () => {
    const bench = new Bench();
    bench.hasRoom = false;
    bench.ask();
    bench.clock.advance(0);
    expect(bench.failures).toEqual(["queue-full"]);
  });
});

describe("a closed request", () => {
  test("has no outcome", () => {
    const bench = new Bench();
    const request = bench.requests.request("echo", {}, (outcome) => bench.outcomes.push(outcome));
    request.close();
    bench.answer(bench.sent[0]);
    bench.clock.advance(20_000);
    expect(bench.outcomes).toEqual([]);
  });

  test("makes room for a queued request", () => {
    const bench = new Bench({ maxUnderWay: 1 });
    const request = bench.requests.request("echo", {}, () => {});
    bench.ask();
    request.close();
    expect(bench.sent).toHaveLength(2);
  });

  test("has no outcome after all requests are closed", () => {
    const bench = new Bench();
    bench.ask(10);
    bench.requests.close();
    bench.clock.advance(60_000);
    expect(bench.outcomes).toEqual([]);
    expect(bench.sent).toHaveLength(4);
  });
});

describe("Requests.receive", () => {
  test("does not handle a message on another topic", () => {
    const bench = new Bench();
    expect(bench.requests.receive("user/res/station-2/echo", new Uint8Array(0))).toBe(false);
    expect(bench.requests.receive("user/req/station-1/echo", new Uint8Array(0))).toBe(false);
  });

  test("traces and ignores a response that is not JSON", () => {
    const bench = new Bench();
    expect(bench.requests.receive("user/res/station-1/echo", encodeUTF8("{"))).toBe(true);
    expect(bench.events).toEqual(["invalidAnswer"]);
  });

  test("traces and ignores a second response", () => {
    const bench = new Bench();
    bench.ask();
    bench.answer(bench.sent[0]);
    bench.answer(bench.sent[0]);
    expect(bench.outcomes).toHaveLength(1);
    expect(bench.events).toEqual(["lateAnswer"]);
  });
});

/** Sends random messages. Throws at the first message that throws or has a wrong outcome. */
function fuzz(receive: (bench: Bench, payload: Uint8Array<ArrayBuffer>) => void, seed: number): Bench {
  const random = new Random(seed);
  const bench = new Bench();
  for (let run = 0; run < FUZZ_RUNS; run++) {
    bench.ask();
    const id = bench.sent.at(-1)?.payload.id;
    const field = () =>
      random.pick(["1", 1, null, {}, [], "x".repeat(random.int(50)), id, "200", "AAAA", -1, 1.5]);
    const json = JSON.stringify({
      id: random.bool(0.8) ? id : field(),
      status: field(),
      code: field(),
      data: field(),
    });
    const bytes = random.bool() ? random.bytes(random.int(100)) : encodeUTF8(json);
    if (random.bool(0.3) && bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
    try {
      receive(bench, bytes);
      bench.clock.advance(10_000);
    } catch (error) {
      throw new Error(`seed ${seed}, run ${run}: ${String(error)}`);
    }
    if (bench.outcomes.some((outcome) => outcome.ok))
      throw new Error(`seed ${seed}, run ${run}: a random message was accepted as a response`);
    if (bench.outcomes.length !== run + 1)
      throw new Error(`seed ${seed}, run ${run}: not exactly one outcome`);
  }
  return bench;
}

const RESPONSE_TOPIC = "user/res/station-1/echo";

describe("10,000 random and mutated responses", () => {
  test("throw nothing, never succeed, and give each request one outcome", () => {
    const bench = fuzz((one, payload) => one.requests.receive(RESPONSE_TOPIC, payload), 41);
    const untrusted = bench.failures.filter((code) => code === "untrusted").length;
    expect(untrusted).toBeGreaterThan(FUZZ_RUNS / 10);
  });

  test("detect a reader that throws", () => {
    const canary = (one: Bench, payload: Uint8Array<ArrayBuffer>) => {
      one.requests.receive(RESPONSE_TOPIC, payload);
      if (payload[0] === 0x7b && payload.length % 7 === 0) throw new Error("canary");
    };
    expect(() => fuzz(canary, 41)).toThrow("canary");
  });
});
