import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Board } from "../../../modules/board/index.js";
import { Device } from "../../virtual/board/device.js";
import type { RunEnd } from "../../virtual/board/firmware-run.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { virtualWorld, type World } from "../../virtual/world/world.js";

const IMAGE_BYTES = 20_480;
const image = makeImage({ version: 2, byteLength: IMAGE_BYTES });

let world: World<VirtualClock>;
let device: Device;
let board: Board;
let ends: RunEnd["type"][];

beforeEach(() => {
  world = virtualWorld();
  ends = [];
  device = new Device(world, { onEnd: ({ type }) => ends.push(type) });
  boot();
});

function boot(): void {
  device.boot((made) => {
    board = made;
  });
}

/** Installs the image from inside the firmware. */
function install(): void {
  device.interrupt(() => {
    const update = board.openUpdate();
    for (let at = 0; at < IMAGE_BYTES; at += 1460) update.write(image.slice(at, at + 1460));
    update.complete();
  });
}

function restart(): void {
  device.interrupt(() => board.restart("test"));
  boot();
}

describe("the bootloader", () => {
  test("starts a new firmware, and keeps it once it is validated", () => {
    install();
    restart();
    expect(device.slots.running).toBe(1);
    expect(device.slots.isOnTrial).toBe(true);
    board.confirmUpdate();
    board.confirmUpdate();
    restart();
    restart();
    expect(device.slots.running).toBe(1);
  });

  test("rolls back a firmware that is not validated, however its run ended", () => {
    for (const end of [
      () => device.cutPower(),
      () => device.interrupt(() => board.restart("not confirmed")),
      () =>
        device.interrupt(() => {
          throw new Error("crash");
        }),
    ]) {
      install();
      restart();
      expect(device.slots.running).toBe(1);
      end();
      boot();
      expect(device.slots.running).toBe(0);
    }
  });

  test("alternates between the slots", () => {
    for (const slot of [1, 0, 1]) {
      install();
      restart();
      expect(device.slots.running).toBe(slot);
      board.confirmUpdate();
    }
  });

  test("rejects a further update until the new firmware is validated", () => {
    install();
    restart();
    expect(() => board.openUpdate()).toThrow("pending verification");
    board.confirmUpdate();
    expect(() => board.openUpdate()).not.toThrow();
  });

  test("starts the other firmware when one is damaged, and none of them when both are", () => {
    install();
    device.slots.load(1, new Uint8Array(4096));
    restart();
    expect(device.slots.running).toBe(0);
    device.slots.load(0, new Uint8Array(4096));
    device.cutPower();
    expect(boot).toThrow("bricked");
  });
});

test("a power cut at any erase or write, also of the bootloader, leaves a firmware that starts", () => {
  const seen = new Set<number>();
  for (let operation = 1; ; operation++) {
    device = new Device(world, { onEnd: ({ type }) => ends.push(type) });
    boot();
    ends = [];
    device.slots.cutPowerAtOperation(operation);
    install();
    if (device.isRunning) restart();
    if (device.isRunning) device.interrupt(() => board.confirmUpdate());
    if (!ends.includes("power-cut")) break;
    if (!device.isRunning) boot();
    seen.add(device.slots.running);
    device.cutPower();
    boot();
  }
  // The old firmware runs until no operation is left to be cut.
  expect([...seen]).toEqual([0]);
  expect(device.slots.running).toBe(1);
});

test("a firmware that hangs is restarted by the watchdog, with the reason", () => {
  device.interrupt(() => device.hang());
  device.interrupt(() => {
    throw new Error("a callback was called during the hang");
  });
  world.clock.advance(29_000);
  expect(ends).toEqual([]);
  world.clock.advance(2000);
  expect(ends).toEqual(["crash"]);
  boot();
  expect(board.resetReason).toEqual({ type: "crash", reason: "reset by the task watchdog" });
});

test("an update takes the time of the flash operations", () => {
  const before = world.clock.monotonicMs();
  install();
  const tookMs = world.clock.monotonicMs() - before;
  // 5 sectors, one of the bootloader, and 80 pages.
  expect(tookMs).toBeGreaterThan(6 * 45 + 80 * 0.5);
  expect(tookMs).toBeLessThan(6 * 45 + 80 * 0.5 + 1);
  expect(Math.abs(device.slots.busyMs - tookMs)).toBeLessThan(0.001);
});
