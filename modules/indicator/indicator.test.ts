import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board } from "../board/index.js";
import { Indicator } from "./index.js";
import { SIGNAL_PATTERNS, type Signal } from "./patterns.js";

function indicating(pins: Record<string, string> = { lamp: "lamp", buzzer: "buzzer" }) {
  const clock = new VirtualClock();
  /** Writes to each output: time in ms and value. */
  const writes: Record<string, [number, 0 | 1][]> = { lamp: [], buzzer: [] };
  class Output {
    readonly #pin: string;
    constructor({ pin }: { pin: string }) {
      this.#pin = pin;
    }
    write(value: 0 | 1): void {
      writes[this.#pin]?.push([clock.monotonicMs(), value]);
    }
    close(): void {}
  }
  const board = { clock, pins, io: { DigitalOut: Output } } as unknown as Board;
  return { clock, writes, indicator: new Indicator({ board }) };
}

describe("the lamp", () => {
  test("blinks while a plugged vehicle is not charging, and is on while it charges", () => {
    const { clock, writes, indicator } = indicating();
    indicator.show("plugged");
    clock.advance(3500);
    indicator.show("charging");
    clock.advance(60_000);
    expect(writes.lamp).toEqual([
      [0, 1],
      [1000, 0],
      [2000, 1],
      [3000, 0],
      [3500, 1],
    ]);
    expect(writes.buzzer).toEqual([]);
  });

  test("shows a signal, then the present status", () => {
    const { clock, writes, indicator } = indicating();
    indicator.signal("authorized");
    indicator.show("charging");
    clock.advance(1000);
    expect(writes.lamp).toEqual([
      [0, 1],
      [300, 0],
      [600, 1],
    ]);
  });
});

describe("the buzzer", () => {
  test("plays each signal once", () => {
    const { clock, writes, indicator } = indicating();
    indicator.signal("rejected");
    clock.advance(10_000);
    expect(writes.buzzer?.map(([, value]) => value)).toEqual([1, 0, 1, 0, 1, 0]);
  });

  test("replaces a signal that is still playing by a new one", () => {
    const { clock, writes, indicator } = indicating();
    indicator.signal("failed");
    clock.advance(200);
    indicator.signal("busy");
    clock.advance(10_000);
    expect(writes.buzzer).toEqual([
      [0, 1],
      [200, 1],
      [300, 0],
      [400, 1],
      [500, 0],
    ]);
  });
});

test("signals have distinct patterns that end with an off time", () => {
  const patterns = Object.values(SIGNAL_PATTERNS).map(String);
  expect(new Set(patterns).size).toBe(patterns.length);
  for (const pattern of Object.values(SIGNAL_PATTERNS)) expect(pattern.length % 2).toBe(0);
});

test("a station without lamp and buzzer sets no timer", () => {
  const { clock, writes, indicator } = indicating({});
  indicator.show("faulted");
  for (const signal of Object.keys(SIGNAL_PATTERNS) as Signal[]) indicator.signal(signal);
  expect(clock.pending).toBe(0);
  expect(writes).toEqual({ lamp: [], buzzer: [] });
});

test("no output changes after close", () => {
  const { clock, writes, indicator } = indicating();
  indicator.show("faulted");
  indicator.close();
  clock.advance(1000);
  indicator.signal("failed");
  expect(writes.lamp).toEqual([[0, 1]]);
});
