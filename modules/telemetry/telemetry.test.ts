import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  Bench,
  HEARTBEAT_MS,
  OWNED,
  property,
  ROOT,
  type Values,
} from "../../host-tests/suites/units/telemetry-bench.js";
import { farewell, greeting, homieRoot, lastWill, type Property } from "./index.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Telemetry after a connection", () => {
  test("publishes each topic of the device once, init first and ready last", () => {
    bench.telemetry.goOnline("192.168.1.10");
    const lines = bench.look();
    expect(lines[0]).toBe("$state init");
    expect(lines.at(-1)).toBe("$state ready");
    const topics = lines.map((line) => line.split(" ")[0]);
    expect(new Set(topics).size).toBe(topics.length - 1);
    for (const line of ["$homie 3.0.1", "$name Café", "$localip 192.168.1.10", "$mac A4:CF:12:00:00:01"]) {
      expect(lines).toContain(line);
    }
    for (const line of [
      "$fw/name plugpass",
      "$fw/version 1",
      "$implementation virtual",
      "$nodes node,more",
    ]) {
      expect(lines).toContain(line);
    }
    for (const line of [
      "node/a 1",
      "node/b 2",
      "more/c 3",
      "$options/d 4",
      "$telemetry/e 5",
      "$stats/uptime 6",
    ]) {
      expect(lines).toContain(line);
    }
  });

  test("publishes every topic retained with QoS 1", () => {
    bench.telemetry.goOnline("192.168.1.10");
    for (const message of bench.sent) expect(message).toMatchObject({ qos: 1, retain: true });
  });

  test("publishes nothing before", () => {
    bench.set({ a: 9 });
    bench.telemetry.notify("hello", "info");
    bench.clock.advance(60_000);
    expect(bench.look()).toEqual([]);
  });

  test("publishes the whole device again after the next connection", () => {
    bench.telemetry.goOnline("192.168.1.10");
    const first = bench.look();
    bench.telemetry.goOffline();
    bench.telemetry.goOnline("192.168.1.10");
    expect(bench.look()).toEqual(first);
  });

  test("continues as the outbox has room, and loses nothing", () => {
    const other = new Bench();
    other.telemetry.goOnline("192.168.1.10");
    bench.room = 3;
    bench.telemetry.goOnline("192.168.1.10");
    expect(bench.sent).toHaveLength(3);
    bench.clock.advance(99);
    bench.room = 2;
    expect(bench.sent).toHaveLength(3);
    bench.clock.advance(1);
    expect(bench.sent).toHaveLength(5);
    bench.room = Number.POSITIVE_INFINITY;
    bench.clock.advance(100);
    expect(bench.look()).toEqual(other.look());
  });

  test("publishes a missing and an empty value as none", () => {
    Object.assign(bench.values, { a: undefined, c: "" });
    bench.telemetry.goOnline("192.168.1.10");
    expect(bench.retained.get(`${ROOT}/node/a`)).toBe("none");
    expect(bench.retained.get(`${ROOT}/more/c`)).toBe("none");
  });

  test("publishes no further message when the connection is lost", () => {
    bench.room = 3;
    bench.telemetry.goOnline("192.168.1.10");
    bench.telemetry.goOffline();
    bench.room = 100;
    bench.set({ a: 9 });
    bench.clock.advance(60_000);
    expect(bench.sent).toHaveLength(3);
    expect(bench.clock.pending).toBe(0);
  });
});

describe("Telemetry of a changed value", () => {
  beforeEach(() => bench.goOnline());

  test("publishes it at the update, and nothing else", () => {
    bench.set({ c: 7 });
    expect(bench.look()).toEqual(["more/c 7"]);
    bench.telemetry.update();
    expect(bench.look()).toEqual([]);
  });

  test("publishes it with the next heartbeat when no update reports it", () => {
    bench.values.c = 7;
    bench.clock.advance(HEARTBEAT_MS);
    expect(bench.look()).toEqual(["$heartbeat 10", "more/c 7"]);
  });

  test("publishes at most 4 messages in a second", () => {
    bench.set({ a: 10, b: 20, c: 30, d: 40, e: 50, uptime: 60 });
    expect(bench.look()).toEqual(["node/a 10", "node/b 20", "more/c 30", "$options/d 40"]);
    bench.clock.advance(999);
    expect(bench.look()).toEqual([]);
    bench.clock.advance(1);
    expect(bench.look()).toEqual(["$telemetry/e 50", "$stats/uptime 60"]);
  });

  test("publishes only the last of several changes that have to wait", () => {
    bench.set({ a: 10, b: 20, c: 30, d: 40 });
    bench.look();
    for (const e of [51, 52, 53]) bench.set({ e });
    bench.set({ a: 11 });
    bench.set({ a: 10 });
    bench.clock.advance(1000);
    expect(bench.look()).toEqual(["$telemetry/e 53"]);
  });

  test("offers a message again that the full outbox has refused", () => {
    bench.room = 0;
    bench.set({ c: 7 });
    bench.set({ c: 8 });
    bench.room = 100;
    expect(bench.look()).toEqual([]);
    bench.clock.advance(100);
    expect(bench.look()).toEqual(["more/c 7", "more/c 8"]);
  });
});

describe("Telemetry's heartbeat", () => {
  test("is the uptime in seconds, every 10 s, without a guarantee", () => {
    bench.goOnline();
    bench.clock.advance(2 * HEARTBEAT_MS);
    const beat = { topic: `${ROOT}/$heartbeat`, qos: 0, retain: false };
    expect(bench.sent).toEqual([
      { ...beat, payload: "10" },
      { ...beat, payload: "20" },
    ]);
  });

  test("is not delayed by changes and notifications", () => {
    bench.goOnline();
    bench.clock.advance(HEARTBEAT_MS - 5001);
    bench.set({ a: 10, b: 20, c: 30, d: 40, e: 50 });
    bench.look();
    bench.clock.advance(1);
    expect(bench.look()).toEqual(["$heartbeat 10"]);
  });
});

describe("Telemetry's notifications", () => {
  beforeEach(() => bench.goOnline());

  test("go to the owner's topic as JSON, not retained", () => {
    bench.telemetry.notify("a fault", "error");
    expect(bench.sent).toMatchObject([{ topic: "owner/notifications/create", qos: 1, retain: false }]);
    expect(JSON.parse(bench.sent[0]?.payload ?? "")).toEqual({
      message: "a fault",
      logLevel: "error",
      senderType: "device",
      type: "text",
      senderId: "cafe-1",
    });
  });

  test("wait for the connection, at most 16; a further one replaces the oldest", () => {
    bench.telemetry.goOffline();
    for (let n = 0; n < 18; n++) bench.telemetry.notify(`note ${n}`, "info");
    bench.telemetry.goOnline("192.168.1.10");
    bench.clock.advance(10_000);
    const notes = bench.look().filter((line) => line.includes("note "));
    expect(notes).toHaveLength(16);
    expect(notes[0]).toContain("note 2");
    expect(notes.at(-1)).toContain("note 17");
  });

  test("alternate with changed values", () => {
    for (let n = 0; n < 4; n++) bench.telemetry.notify(`note ${n}`, "info");
    bench.clock.advance(900);
    for (let n = 4; n < 8; n++) bench.telemetry.notify(`note ${n}`, "info");
    bench.set({ a: 10, b: 20 });
    bench.look();
    bench.clock.advance(100);
    const kinds = bench.look().map((line) => (line.startsWith("node/") ? "value" : "note"));
    expect(kinds).toHaveLength(4);
    expect(kinds.filter((kind) => kind === "value")).toHaveLength(2);
  });

  test("and other values are not delayed by a constantly changing value", () => {
    let moving = 0;
    const restless = (id: string): Property<Values, Values> => ({ ...property(id), value: () => moving++ });
    const calm = property("calm");
    const properties = [restless("restless"), restless("also"), calm];
    const node = { id: "node", name: "Node", type: "node", properties };
    bench = new Bench({ nodes: [node], options: [], telemetry: [], stats: [] });
    bench.values.calm = 0;
    bench.goOnline();
    bench.values.calm = 7;
    for (let i = 0; i < 3; i++) bench.telemetry.notify(`note ${i}`, "info");
    bench.clock.advance(5000);
    const lines = bench.look();
    expect(lines).toContain("node/calm 7");
    expect(lines.filter((line) => line.includes("note "))).toHaveLength(3);
    // Notifications do not delay values either.
    expect(lines.filter((line) => line.startsWith("node/restless")).length).toBeGreaterThan(2);
    expect(lines.filter((line) => line.startsWith("node/also")).length).toBeGreaterThan(0);
  });
});

test.each([
  ["greeting", "init", greeting],
  ["lastWill", "lost", lastWill],
  ["farewell", "disconnected", farewell],
])("%s sets $state to %s, retained with QoS 1", (_name, payload, make) => {
  expect(make(OWNED)).toEqual({ topic: `${ROOT}/$state`, payload, qos: 1, retain: true });
  expect(homieRoot(OWNED)).toBe(ROOT);
});
