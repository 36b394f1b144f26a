import { beforeEach, describe, expect, test } from "@jest/globals";
import type { MemoryUse, Timer } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { Bench } from "./bench.js";

describe("Bench", () => {
  let lines: string[];
  let bench: Bench;
  let nowMs: number;
  let timers: (() => void)[];
  let epochsMs: number[];
  let pilots: number[][];
  let haltsMs: number[];
  let isClosed: boolean;
  /** Time that a look at the clock takes, ms. */
  let stepMs: number;

  beforeEach(() => {
    lines = [];
    nowMs = 1234;
    epochsMs = [];
    pilots = [];
    timers = [];
    haltsMs = [];
    isClosed = false;
    stepMs = 0;
    bench = new Bench({
      log: (line) => lines.push(line),
      memory: () => ({ heapFreeBytes: 160_000 }) as MemoryUse,
      clock: {
        monotonicMs: () => {
          nowMs += stepMs;
          return nowMs;
        },
        repeat: (callback) => {
          timers.push(callback);
          return {} as Timer;
        },
      },
      setEpoch: (epochMs) => epochsMs.push(epochMs),
      setPilot: (...values) => pilots.push(values),
      halt: (durationMs) => haltsMs.push(durationMs),
      openedAfterMs: () => 34,
      isContactorClosed: () => isClosed,
    });
  });

  const type = (text: string) => bench.receive(encodeUTF8(text).buffer);

  test.each([
    ["A", 12_000],
    ["C", 6000],
    ["8800", 8800],
  ])("pilot %s sets %s mV", (state, highMv) => {
    type(`pilot ${state}\n`);
    expect(lines).toEqual([`bench: pilot ${highMv} -12000`]);
    expect(pilots).toEqual([[highMv, -12_000, 0]]);
  });

  test("reports the contactor's pin and the duty when they change", () => {
    const [show] = timers;
    for (const value of [false, true, true, false]) {
      isClosed = value;
      show?.();
    }
    for (const duty of [1000, 266, 266]) bench.setDuty(duty);
    expect(lines).toEqual(["bench: contactor closed", "bench: contactor open", "bench: duty 266"]);
  });

  test("stall computes for a time, in which the vehicle leaves, and reports when the contactor opened", () => {
    const sinceMs = nowMs;
    stepMs = 1;
    type("stall 2000 100 A\nstall 2000\n");
    expect(nowMs - sinceMs).toBeGreaterThanOrEqual(2000);
    expect(pilots).toEqual([[12_000, -12_000, 100]]);
    expect(lines).toEqual([
      "bench: stall of 2000 ms; opened after 34 ms",
      "bench: invalid stall; use ms, ms, A-F",
    ]);
  });

  test("halt halts the engine's task for a time, in which the vehicle leaves", () => {
    type("halt 2000 100 B\n");
    expect(haltsMs).toEqual([2000]);
    expect(pilots).toEqual([[9000, -12_000, 100]]);
    expect(lines).toEqual(["bench: halt of 2000 ms; opened after 34 ms"]);
  });

  test("accepts a command in pieces, and drops one that is too long", () => {
    type("ti");
    type("me\r\nheap");
    type(`\n${"x".repeat(100)}\ntime\n`);
    expect(lines).toEqual([
      "bench: time 1234000",
      'bench: heap {"heapFreeBytes":160000}',
      "bench: time 1234000",
    ]);
  });

  test("clock sets the wall clock", () => {
    type("clock 1764246000000\n");
    type("clock soon\n");
    expect(epochsMs).toEqual([1_764_246_000_000]);
    expect(lines).toEqual([
      "bench: clock 1764246000000",
      "bench: invalid clock; use milliseconds since 1970",
    ]);
  });

  test("hold reports how late its timer was since the last one", () => {
    type("hold\n");
    for (const ms of [5, 5, 47, 5]) {
      nowMs += ms;
      timers[1]?.();
    }
    type("hold\n");
    nowMs += 8;
    type("hold\n");
    expect(lines).toEqual(["bench: hold 0", "bench: hold 42", "bench: hold 3"]);
  });

  test("crash throws, and an unknown command is reported", () => {
    expect(() => type("crash\n")).toThrow("requested by the bench");
    type("plug\npilot Z\n");
    expect(lines).toEqual([
      "bench: unknown command plug; use pilot, stall, halt, clock, crash, time, heap or hold",
      "bench: invalid voltage; use A-F or mV",
    ]);
  });
});
