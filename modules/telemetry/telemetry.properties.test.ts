import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { payloadOf, setProperty } from "./device.js";
import { type HomieDevice, type Property, Telemetry, type TelemetryMessage } from "./index.js";

fc.configureGlobal({ seed: 1 });

const IDENTITY = {
  deviceId: "cafe-1",
  mac: "a4:cf:12:00:00:01",
  implementation: "virtual",
  productId: "plugpass",
  firmwareVersion: 1,
};
const ROOT = "owner/sweet-home/cafe-1";
const IDS = ["a", "b", "c", "d", "e", "f"] as const;
const SECOND_MS = 1000;
const MAX_PER_SECOND = 4;

type Values = Record<string, string | number>;

function property(id: string): Property<Values, undefined> {
  return { id, name: id, datatype: "integer", value: (snapshot) => snapshot[id] };
}

const DEVICE: HomieDevice<Values, undefined> = {
  nodes: [{ id: "node", name: "Node", type: "node", properties: IDS.map(property) }],
  options: [],
  telemetry: [],
  stats: [],
};

type Step =
  | { readonly type: "set"; readonly id: string; readonly value: number }
  | { readonly type: "update" | "offline" | "online" | "notify" }
  | { readonly type: "advance"; readonly durationMs: number }
  | { readonly type: "room"; readonly room: number };

const CHANGES: fc.Arbitrary<Step>[] = [
  fc.record({ type: fc.constant("set" as const), id: fc.constantFrom(...IDS), value: fc.nat(9) }),
  fc.record({ type: fc.constant("advance" as const), durationMs: fc.nat(3000) }),
  fc.constantFrom<Step>({ type: "update" }, { type: "notify" }),
];
const FAULTS: fc.Arbitrary<Step>[] = [
  fc.record({ type: fc.constant("room" as const), room: fc.nat(8) }),
  fc.constantFrom<Step>({ type: "offline" }, { type: "online" }),
];

/** Telemetry to a broker whose outbox has as much room as the steps say. */
class Bench {
  readonly clock = new VirtualClock();
  readonly values: Values = Object.fromEntries(IDS.map((id) => [id, 0]));
  readonly retained = new Map<string, string>();
  readonly sent: { readonly message: TelemetryMessage; readonly atMs: number }[] = [];
  room = 1000;
  notified = 0;
  readonly telemetry = new Telemetry<Values, undefined>({
    clock: this.clock,
    user: "owner",
    name: "Café",
    identity: IDENTITY,
    device: DEVICE,
    source: { snapshot: this.values, commands: undefined },
    outlet: this,
  });

  publishTelemetry(message: TelemetryMessage): boolean {
    if (this.room <= 0) return false;
    this.room--;
    this.sent.push({ message, atMs: this.clock.monotonicMs() });
    if (message.retain) this.retained.set(message.topic, message.payload);
    return true;
  }

  perform(step: Step): void {
    switch (step.type) {
      case "set":
        this.values[step.id] = step.value;
        break;
      case "update":
        this.telemetry.update();
        break;
      case "notify":
        this.telemetry.notify(`note ${this.notified++}`, "info");
        break;
      case "advance":
        this.clock.advance(step.durationMs);
        break;
      case "room":
        this.room = step.room;
        break;
      case "offline":
        this.telemetry.goOffline();
        break;
      case "online":
        this.telemetry.goOnline("192.168.1.10");
        break;
    }
  }

  get notes(): string[] {
    const notices = this.sent.filter(({ message }) => message.topic === "owner/notifications/create");
    return notices.map(({ message }) => JSON.parse(message.payload).message);
  }
}

describe("Telemetry after any changes and faults", () => {
  test("has published every current value within 30 s, and the latest notifications in their order", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...CHANGES, ...FAULTS), { maxLength: 40 }), (steps) => {
        const bench = new Bench();
        for (const step of steps) bench.perform(step);
        bench.room = 1000;
        bench.telemetry.goOnline("192.168.1.10");
        bench.clock.advance(30_000);
        for (const id of IDS) expect(bench.retained.get(`${ROOT}/node/${id}`)).toBe(String(bench.values[id]));
        expect(bench.retained.get(`${ROOT}/$state`)).toBe("ready");
        const numbers = bench.notes.map((note) => Number(note.slice("note ".length)));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        if (bench.notified > 0) expect(numbers.at(-1)).toBe(bench.notified - 1);
        bench.telemetry.close();
        expect(bench.clock.pending).toBe(0);
      }),
    );
  });

  test("has published at most 4 messages in any second beside the heartbeat", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...CHANGES), { maxLength: 60 }), (steps) => {
        const bench = new Bench();
        bench.telemetry.goOnline("192.168.1.10");
        bench.sent.length = 0;
        for (const step of steps) bench.perform(step);
        bench.clock.advance(30_000);
        const timesMs = bench.sent.filter(({ message }) => message.qos === 1).map(({ atMs }) => atMs);
        for (const [i, atMs] of timesMs.entries()) {
          const fifthMs = timesMs[i + MAX_PER_SECOND];
          if (fifthMs !== undefined) expect(fifthMs - atMs).toBeGreaterThanOrEqual(SECOND_MS);
        }
        expect(bench.notes.length).toBeGreaterThanOrEqual(Math.min(bench.notified, 16));
      }),
    );
  });
});

describe("the formatting of values", () => {
  test("gives no value an empty payload, which would delete its topic", () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(undefined));
    fc.assert(fc.property(value, (given) => expect(payloadOf(given)).not.toBe("")));
  });

  test("is read back by setProperty for each integer of the format", () => {
    fc.assert(
      fc.property(fc.integer({ min: -999, max: 999 }), fc.nat(999), fc.integer(), (min, span, given) => {
        const limits = { ...property("a"), format: `${min}:${min + span}` };
        let set: string | undefined;
        const settable = {
          ...limits,
          set: (_commands: undefined, text: string) => {
            set = text;
            return undefined;
          },
        };
        const text = payloadOf(given);
        const problem = setProperty(settable, { text, snapshot: {}, commands: undefined });
        const isValid = given >= min && given <= min + span;
        expect([problem === undefined, set]).toEqual([isValid, isValid ? text : undefined]);
      }),
    );
  });

  test("passes only texts that match the datatype to the setter", () => {
    const datatype = fc.constantFrom(
      "integer" as const,
      "float" as const,
      "boolean" as const,
      "enum" as const,
      "string" as const,
    );
    fc.assert(
      fc.property(datatype, fc.oneof(fc.string(), fc.constantFrom("true", "x", "5", "x,y")), (type, text) => {
        const format = type === "enum" ? "x,y" : "0:9";
        const valid = {
          integer: /^-?\d+$/,
          float: /^-?\d+(\.\d+)?$/,
          boolean: /^(true|false)$/,
          enum: /^[xy]$/,
          string: /^.+$/s,
        };
        const settable: Property<Values, undefined> = {
          ...property("a"),
          datatype: type,
          format,
          set: (_commands, given) => {
            if (type !== "integer") expect(given).toBe(text);
            expect(given).toMatch(valid[type]);
            return undefined;
          },
        };
        setProperty(settable, { text, snapshot: {}, commands: undefined });
      }),
    );
  });
});
