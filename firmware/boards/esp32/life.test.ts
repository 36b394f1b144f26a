import { expect, jest, test } from "@jest/globals";
import type FFI from "mc/ffi";

/** Content of the flash. */
const flash = new Map<string, ArrayBuffer>();

jest.unstable_mockModule(
  "embedded:storage/key-value",
  () => ({
    default: {
      open: () => ({
        read: (key: string) => flash.get(key),
        write: (key: string, value: Uint8Array<ArrayBuffer>) => flash.set(key, value.slice().buffer),
        delete: (key: string) => flash.delete(key),
        close: () => {},
      }),
    },
  }),
  { virtual: true },
);

const { ChipLife } = await import("./life.js");

const RESET_BY_POWER = 1;
const RESET_BY_SOFTWARE = 3;

function boot(resetReason: number) {
  return new ChipLife({ esp_reset_reason: () => resetReason } as FFI);
}

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

test("the reason of an abort by the engine is reported once, to the next run", () => {
  boot(RESET_BY_POWER).abort("memory full", new Error("chunk"));
  const reason = expect.stringMatching(/^memory full Error: chunk/);
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({ type: "crash", reason });
  expect(boot(RESET_BY_POWER).resetReason).toEqual({ type: "power" });
});

test("a restart without a stored reason, as after a stack overflow, is a crash", () => {
  expect(boot(RESET_BY_SOFTWARE).resetReason).toEqual({
    type: "crash",
    reason: "the engine restarted the chip without a reason",
  });
});
