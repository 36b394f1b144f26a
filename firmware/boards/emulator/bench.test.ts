import { beforeEach, describe, expect, test } from "@jest/globals";
import type { MemoryUse, Timer } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { Bench } from "./bench.js";

describe("Bench", () => {
  let lines: string[];
  let bench: Bench;
  let nowMs: number;
  let runTimer: () => void;
  let epochsMs: number[];

  beforeEach(() => {
    lines = [];
    nowMs = 1234;
    epochsMs = [];
    bench = new Bench({
      log: (line) => lines.push(line),
      memory: () => ({ heapFreeBytes: 160_000 }) as MemoryUse,
      clock: {
        monotonicMs: () => nowMs,
        repeat: (callback) => {
          runTimer = callback;
          return {} as Timer;
        },
      },
      setEpoch: (epochMs) => epochsMs.push(epochMs),
    });
  });

  const type = (text: string) => bench.receive(encodeUTF8(text).buffer);

  test.each([
    ["A", 12_000],
    ["C", 6000],
    ["8800", 8800],
  ])("pilot %s sets %s mV and reports the change", (state, highMv) => {
    let changes = 0;
    bench.onPilotChanged = () => changes++;
    type(`pilot ${state}\n`);
    expect(lines).toEqual([`bench: pilot ${highMv} -12000`]);
    expect(changes).toBe(1);
    expect(bench.levels).toEqual({ highMv, lowMv: highMv });
    bench.setDuty(266);
    expect(bench.levels).toEqual({ highMv, lowMv: -12_000 });
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
      runTimer();
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
      "bench: unknown command plug; use pilot, clock, crash, time, heap or hold",
      "bench: invalid voltage; use A-F or mV",
    ]);
  });
});
