import { beforeEach, describe, expect, test } from "@jest/globals";
import { Bench, HEARTBEAT_MS, ROOT } from "../../host-tests/suites/units/telemetry-bench.js";
import { encodeUTF8 } from "../bytes/index.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Telemetry that receives a message", () => {
  beforeEach(() => bench.goOnline());

  function errors(): unknown[] {
    return bench.sent.flatMap(({ topic, payload, retain }) => (retain ? [] : [[topic, JSON.parse(payload)]]));
  }

  test("sets a property and publishes its new value", () => {
    expect(bench.receive("node/b/set", "7")).toBe(true);
    expect(bench.receive("$options/d/set", "8")).toBe(true);
    expect(bench.look()).toEqual(["node/b 7", "$options/d 8"]);
  });

  test.each<[string, string | Uint8Array<ArrayBuffer>, string, string?]>([
    ["node/b", "10", "the value must be in 0:9"],
    ["node/b", "9", "nine is too many", "too-many"],
    ["node/b", new Uint8Array([0xff]), "the value must be in 0:9"],
    ["node/a", "1", "this property cannot be set"],
    ["node/other", "1", "this property cannot be set"],
    ["node", "1", "this property cannot be set"],
  ])("publishes an error of %s for the value %s: %s", (path, payload, message, code = "invalid") => {
    expect(bench.receive(`${path}/set`, payload)).toBe(true);
    const topic = `owner/errors/sweet-home/cafe-1/${path}`;
    expect(errors()).toEqual([[topic, { code, message }]]);
  });

  test("publishes an unchanged value again, once for each /set", () => {
    bench.receive("node/b/set", "2");
    expect(bench.look()).toEqual(["node/b 2"]);
    bench.receive("node/b/set", "2");
    expect(bench.look()).toEqual(["node/b 2"]);
    bench.clock.advance(HEARTBEAT_MS);
    expect(bench.look()).toEqual([expect.stringContaining("$heartbeat")]);
  });

  test.each(["77", "9", ""])("publishes the value in force after it has refused %j", (payload) => {
    bench.receive("node/b/set", payload);
    expect(bench.look().filter((line) => !line.includes("/errors/"))).toEqual(["node/b 2"]);
  });

  test("publishes the value of a property that cannot be set, and none of an unknown one", () => {
    bench.receive("node/a/set", "1");
    bench.receive("node/other/set", "1");
    expect(bench.look().filter((line) => !line.includes("/errors/"))).toEqual(["node/a 1"]);
  });

  test("publishes an absent value as none", () => {
    bench.set({ b: undefined });
    bench.look();
    bench.receive("node/b/set", "77");
    expect(bench.look()).toContain("node/b none");
  });

  test("publishes the latest value once when several /set arrive within the rate limit's second", () => {
    for (const payload of ["3", "4", "5", "5", "6", "7"]) bench.receive("node/b/set", payload);
    bench.look();
    bench.clock.advance(2000);
    expect(bench.look()).toEqual(["node/b 7"]);
  });

  test.each([`${ROOT}/node/b`, `${ROOT}/node/b/get`, "owner/sweet-home/cafe-2/node/b/set", "x/set", ""])(
    "ignores a message on %j",
    (topic) => {
      expect(bench.telemetry.receive(topic, encodeUTF8("7"))).toBe(false);
      expect([bench.values.b, bench.look()]).toEqual([2, []]);
    },
  );

  test("subscribes to its /set topics with QoS 0, so that none is queued", () => {
    expect(bench.telemetry.setSubscription).toEqual({ filter: `${ROOT}/+/+/set`, qos: 0 });
  });
});

describe("Telemetry's clear", () => {
  const outcomes: boolean[] = [];
  const clear = () => bench.telemetry.clear((isComplete) => outcomes.push(isComplete));

  beforeEach(() => {
    outcomes.length = 0;
    bench.goOnline();
  });

  test("deletes every retained topic, and calls back once all messages are in the outbox", () => {
    expect(bench.retained.size).toBeGreaterThan(30);
    clear();
    expect([bench.retained.size, outcomes]).toEqual([0, [true]]);
    for (const { payload } of bench.sent) expect(payload).toBe("");
    bench.clock.advance(60_000);
    expect(outcomes).toEqual([true]);
  });

  test("continues as the outbox has room, without values, notifications and heartbeats", () => {
    bench.room = 3;
    clear();
    bench.set({ a: 9 });
    bench.telemetry.notify("hello", "info");
    bench.telemetry.rename("Other");
    bench.room = 1000;
    bench.clock.advance(100);
    expect([bench.retained.size, outcomes]).toEqual([0, [true]]);
    expect(bench.look().filter((line) => !line.endsWith(" "))).toEqual([]);
  });

  test("calls back with false when the connection is lost before", () => {
    bench.room = 3;
    clear();
    bench.telemetry.goOffline();
    bench.clock.advance(60_000);
    expect(outcomes).toEqual([false]);
  });

  test("calls back with false without a connection", () => {
    bench.telemetry.goOffline();
    clear();
    expect(outcomes).toEqual([false]);
  });

  test("does not call back after Telemetry is closed", () => {
    bench.room = 3;
    clear();
    bench.telemetry.close();
    expect([outcomes, bench.clock.pending]).toEqual([[], 0]);
  });
});

describe("Telemetry's rename", () => {
  test("publishes $name, also after the next connection", () => {
    bench.goOnline();
    bench.telemetry.rename("Bistro");
    expect(bench.look()).toEqual(["$name Bistro"]);
    bench.telemetry.goOffline();
    bench.telemetry.goOnline("192.168.1.10");
    expect(bench.look()).toContain("$name Bistro");
  });

  test("waits for the connection", () => {
    bench.telemetry.rename("Bistro");
    expect(bench.look()).toEqual([]);
    bench.telemetry.goOnline("192.168.1.10");
    expect(bench.look()).toContain("$name Bistro");
  });
});
