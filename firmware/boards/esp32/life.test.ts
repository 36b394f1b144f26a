import { beforeEach, expect, jest, test } from "@jest/globals";
import type FFI from "mc/ffi";

/** Memory that a restart does not clear. */
let kept = { type: 0, reason: "" };
let log: string[] = [];

jest.unstable_mockModule("./engine/native.js", () => ({
  keepEnd: (type: number, reason: string) => {
    kept = { type, reason };
  },
  takeEnd: () => {
    const { type } = kept;
    kept = { ...kept, type: 0 };
    return type;
  },
  endReason: () => kept.reason,
}));

const { ChipLife } = await import("./life.js");

const RESET_BY_POWER = 1;
const RESET_BY_SOFTWARE = 3;
const KEPT_CRASH = 2;

function boot(resetReason: number) {
  return new ChipLife({ esp_reset_reason: () => resetReason, esp_restart: () => {} } as FFI);
}

beforeEach(() => {
  kept = { type: 0, reason: "" };
  log = [];
  Object.assign(globalThis, { trace: (...parts: string[]) => log.push(parts.join("")) });
});

test.each([
  [4, "the chip's exception handler"],
  [5, "the interrupt watchdog"],
  [6, "the task watchdog"],
  [7, "a watchdog"],
  [15, "the CPU lock-up detector"],
])("reset reason %d is a crash: %s", (resetReason, name) => {
  expect(boot(resetReason).resetReason).toEqual({ type: "crash", reason: `reset by ${name}` });
});

test("a power cycle and every other reset without a fault of the firmware are no crash", () => {
  for (const resetReason of [0, RESET_BY_POWER, 8, 9, 10, 11, 12, 13, 14, 16]) {
    expect(boot(resetReason).resetReason).toEqual({ type: "power" });
  }
});

test("an uncaught exception is logged, and reported once, to the next run", () => {
  const life = boot(RESET_BY_POWER);
  expect(() =>
    life.run(() => {
      throw new RangeError("too long");
    }),
  ).toThrow("the chip restarts");
  const reason = expect.stringMatching(/^RangeError: too long/);
  expect(log).toEqual([expect.stringMatching(/^crashed: RangeError: too long/)]);
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({ type: "crash", reason });
  expect(boot(RESET_BY_POWER).resetReason).toEqual({ type: "power" });
});

test("a restart has its reason in the next run", () => {
  expect(() => boot(RESET_BY_POWER).restart("an update was installed")).toThrow("the chip restarts");
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({ type: "restart", reason: "an update was installed" });
});

test("the reason that the engine has kept is reported", () => {
  kept = { type: KEPT_CRASH, reason: "the engine's memory is full" };
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({
    type: "crash",
    reason: "the engine's memory is full",
  });
});

test("a reason that was kept before a power cut is not reported later", () => {
  kept = { type: KEPT_CRASH, reason: "the engine's memory is full" };
  expect(boot(RESET_BY_POWER).resetReason).toEqual({ type: "power" });
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({
    type: "crash",
    reason: "the chip restarted without a reason",
  });
});
