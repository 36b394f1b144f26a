/** The wired network interface over a fake ethernet.c. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../../host-tests/virtual/world/clock.js";
import type { Ethernet } from "../../../../modules/board/index.js";

const RETRY_MS = 30_000;

/** State of the chip. */
let chip: {
  address: string | undefined;
  /** The interface answers to its driver. */
  isThere: boolean;
  wirings: Uint8Array[];
  isOpen: boolean;
  onChanged: () => void;
};

jest.unstable_mockModule("net", () => ({ default: { get: () => chip.address } }));
jest.unstable_mockModule("./native.js", () => ({
  start: (wiring: Uint8Array, onChanged: () => void) => {
    chip.wirings.push(wiring);
    if (!chip.isThere) throw new Error("error 0x107");
    chip.isOpen = true;
    chip.onChanged = onChanged;
  },
  close: () => {
    chip.isOpen = false;
  },
}));

const { makeEthernet } = await import("./index.js");

const WIRING = Uint8Array.of(0, 4, 18, 19, 1, 0, 255);
const guard = {
  run: (callback: () => void) => callback(),
  soon: () => {},
  hold: () => () => {},
};

let clock: VirtualClock;
let events: string[];
let log: string[];

function opened(wiring: Uint8Array | undefined = WIRING): Ethernet {
  const Constructor = makeEthernet({
    clock,
    guard,
    wiring,
    onAddress: () => events.push("onAddress"),
    log: (line) => log.push(line),
  });
  return new Constructor({
    onChanged: (event) => events.push(event.type === "gotIP" ? `gotIP ${event.address}` : event.type),
  });
}

/** The cable gets a link and an address, or loses both. */
function change(address: string | undefined): void {
  chip.address = address;
  chip.onChanged();
}

beforeEach(() => {
  clock = new VirtualClock();
  events = [];
  log = [];
  chip = { address: undefined, isThere: true, wirings: [], isOpen: false, onChanged: () => {} };
});

describe("the Ethernet interface", () => {
  test("reports its address, then a lost link, then the next address", () => {
    const ethernet = opened();
    expect(ethernet.address).toBeUndefined();
    change("192.168.1.20");
    expect(ethernet.address).toBe("192.168.1.20");
    change(undefined);
    expect(ethernet.address).toBeUndefined();
    change("192.168.1.21");
    expect(events).toEqual(["onAddress", "gotIP 192.168.1.20", "lostIP", "onAddress", "gotIP 192.168.1.21"]);
  });

  test("reports nothing for a link that returned with the same address before the event arrived", () => {
    opened();
    change("192.168.1.20");
    change("192.168.1.20");
    expect(events).toEqual(["onAddress", "gotIP 192.168.1.20"]);
  });

  test("reports nothing after `close`", () => {
    const ethernet = opened();
    ethernet.close();
    ethernet.close();
    change("192.168.1.20");
    expect(chip.isOpen).toBe(false);
    expect(ethernet.address).toBeUndefined();
    expect(events).toEqual([]);
  });

  test("starts again after 30 s when it does not answer, and says so", () => {
    chip.isThere = false;
    opened();
    expect(log).toEqual(["ethernet: does not start: error 0x107; check its wiring"]);
    clock.advance(RETRY_MS);
    expect(chip.wirings).toEqual([WIRING, WIRING]);
    chip.isThere = true;
    clock.advance(RETRY_MS);
    change("192.168.1.20");
    expect(events).toEqual(["onAddress", "gotIP 192.168.1.20"]);
  });

  test("does not start again after `close`", () => {
    chip.isThere = false;
    opened().close();
    clock.advance(10 * RETRY_MS);
    expect(chip.wirings).toHaveLength(1);
  });

  test("drives no pin of a board whose wiring has no network interface", () => {
    const Constructor = makeEthernet({
      clock,
      guard,
      wiring: undefined,
      onAddress: () => {},
      log: (line) => log.push(line),
    });
    const ethernet = new Constructor({ onChanged: () => {} });
    expect(ethernet.address).toBeUndefined();
    expect(chip.wirings).toEqual([]);
    expect(log.join()).toContain("neither w5500 nor lan8720");
  });
});
