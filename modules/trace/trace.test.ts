import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { ResetReason } from "../board/index.js";
import { Trace } from "./index.js";

/** Number of rows in a report, the start included. */
const MAX_EVENTS = 33;

function traced(resetReason: ResetReason = { type: "power" }) {
  const clock = new VirtualClock();
  return { clock, trace: new Trace({ clock, resetReason }) };
}

describe("Trace.report", () => {
  test("begins with the reset reason, without its text", () => {
    const { trace } = traced({ type: "crash", reason: "a tag of a guest" });
    expect(trace.report()).toMatchObject({ counters: {}, events: [[0, "started", "crash", 1]] });
    expect(JSON.stringify(trace.report())).not.toContain("guest");
  });

  test("has the events in their order, with the second, the detail and how many there were in a row", () => {
    const { clock, trace } = traced();
    clock.advance(1900);
    trace.add("linkUp", 68);
    trace.add("connectionFailed", "broker-no-answer");
    clock.advance(60_000);
    trace.add("connectionFailed", "broker-no-answer");
    trace.add("connectionFailed", "host-not-found");
    trace.add("connected");
    expect(trace.report().events.slice(1)).toEqual([
      [1, "linkUp", 68, 1],
      [1, "connectionFailed", "broker-no-answer", 2],
      [61, "connectionFailed", "host-not-found", 1],
      [61, "connected", undefined, 1],
    ]);
    expect(trace.report().counters).toEqual({ linkUp: 1, connectionFailed: 3, connected: 1 });
  });

  test("keeps the start and the latest events when there are more than it has room for", () => {
    const { trace } = traced();
    for (let code = 0; code < 1000; code++) trace.add("cardRefused", code);
    const { events, counters } = trace.report();
    expect(events).toHaveLength(MAX_EVENTS);
    expect(events[0]).toEqual([0, "started", "power", 1]);
    expect(events[1]).toEqual([0, "cardRefused", 1000 - (MAX_EVENTS - 1), 1]);
    expect(events.at(-1)).toEqual([0, "cardRefused", 999, 1]);
    expect(counters).toEqual({ cardRefused: 1000 });
  });

  test("keeps the cause of an outage that fails once a minute for a night", () => {
    const { clock, trace } = traced();
    trace.add("linkFailed", "wifi-not-found");
    for (let minute = 0; minute < 600; minute++) {
      clock.advance(60_000);
      trace.add("connectionFailed", "host-not-found");
    }
    expect(trace.report().events.slice(1)).toEqual([
      [0, "linkFailed", "wifi-not-found", 1],
      [60, "connectionFailed", "host-not-found", 600],
    ]);
  });

  test("has no time until the clock is set, and then the earlier events can be dated, too", () => {
    const { clock, trace } = traced();
    clock.advance(5000);
    trace.add("connected");
    expect(trace.report()).toMatchObject({ uptimeMs: 5000, timeMs: null });
    clock.setEpochMs(1_795_764_821_000);
    clock.advance(1000);
    const { uptimeMs, timeMs, events } = trace.report();
    expect(Number(timeMs) - uptimeMs + 1000 * Number(events[1]?.[0])).toBe(1_795_764_821_000);
  });
});

test("Trace.clear forgets events and counters, but not the start", () => {
  const { clock, trace } = traced();
  for (let code = 0; code < 40; code++) trace.add("cardRefused", code);
  trace.clear();
  expect(trace.report()).toMatchObject({ counters: {}, events: [[0, "started", "power", 1]] });
  clock.advance(2000);
  trace.add("cardRefused", 39);
  expect(trace.report().events.slice(1)).toEqual([[2, "cardRefused", 39, 1]]);
});

test("Trace.add does not compile with a text that is not a literal", () => {
  const { trace } = traced();
  const tag: string = "GUEST-0001";
  // @ts-expect-error a text from outside could be a secret
  trace.add("cardRefused", tag);
  const code: "timeout" | "offline" = "timeout";
  trace.add("requestFailed", code);
});
