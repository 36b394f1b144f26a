import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { WiFi, WiFiNetwork } from "../board/index.js";
import { Scanner, type ScanResults } from "./scanner.js";

const TIMEOUT_MS = 10_000;

function network(ssid: string, rssi = -60): WiFiNetwork {
  return { ssid, channel: 6, rssi, authentication: "wpa2_psk" };
}

/** A radio whose scans are driven by the test. */
class ManualRadio implements Pick<WiFi, "scan"> {
  readonly scans: Parameters<WiFi["scan"]>[0][] = [];
  isBusy = false;

  scan(options: Parameters<WiFi["scan"]>[0]): void {
    if (this.isBusy) throw new Error("the radio joins");
    this.scans.push(options);
  }

  find(...networks: WiFiNetwork[]): void {
    for (const one of networks) this.scans.at(-1)?.onFound(one);
  }

  complete(): void {
    this.scans.at(-1)?.onComplete();
  }
}

let clock: VirtualClock;
let radio: ManualRadio;
let scanner: Scanner;
let results: ScanResults[];

beforeEach(() => {
  clock = new VirtualClock();
  radio = new ManualRadio();
  scanner = new Scanner({ clock, wifi: radio });
  results = [];
});

function scan(): void {
  scanner.scan((found) => results.push(found));
}

describe("Scanner", () => {
  test("returns the networks that the radio has found, and leaves no timer behind", () => {
    scan();
    radio.find(network("a"), network("b"));
    expect(results).toEqual([]);
    radio.complete();
    expect(results).toEqual([[network("a"), network("b")]]);
    expect(clock.pending).toBe(0);
  });

  test.each([
    [-70, -60, -60],
    [-60, -70, -60],
  ])("returns of two access points of one name at %d and %d dBm the one at %d dBm", (first, second, rssi) => {
    scan();
    radio.find(network("a", first), network("a", second));
    radio.complete();
    expect(results).toEqual([[network("a", rssi)]]);
  });

  test("leaves out hidden networks", () => {
    scan();
    radio.find(network(""), network("a"));
    radio.complete();
    expect(results).toEqual([[network("a")]]);
  });

  test("returns at most 32 networks, and still their strongest access points", () => {
    scan();
    for (let i = 0; i < 40; i++) radio.find(network(`n${i}`));
    radio.find(network("n0", -30));
    radio.complete();
    expect(results[0]).toHaveLength(32);
    expect(results[0]).toContainEqual(network("n0", -30));
    expect(results[0]).toContainEqual(network("n31"));
  });

  test("ends after 10 s with the networks found so far", () => {
    scan();
    radio.find(network("a"));
    clock.advance(TIMEOUT_MS - 1);
    expect(results).toEqual([]);
    clock.advance(1);
    expect(results).toEqual([[network("a")]]);
  });

  test("ignores late callbacks of a scan that has timed out", () => {
    scan();
    clock.advance(TIMEOUT_MS);
    scan();
    radio.scans[0]?.onFound(network("late"));
    radio.scans[0]?.onComplete();
    expect(results).toEqual([[]]);
    radio.find(network("a"));
    radio.complete();
    expect(results).toEqual([[], [network("a")]]);
  });

  test("runs one scan for all callers during it", () => {
    for (let i = 0; i < 3; i++) scan();
    expect(radio.scans).toHaveLength(1);
    radio.find(network("a"));
    radio.complete();
    expect(results).toEqual([[network("a")], [network("a")], [network("a")]]);
  });

  test("runs a new scan when a caller scans from its callback", () => {
    scanner.scan(() => scan());
    radio.find(network("a"));
    radio.complete();
    expect(radio.scans).toHaveLength(2);
    radio.find(network("b"));
    radio.complete();
    expect(results).toEqual([[network("b")]]);
  });

  test("returns the last result, asynchronously, when the radio refuses", () => {
    scan();
    radio.find(network("a"));
    radio.complete();
    radio.isBusy = true;
    scan();
    expect(results).toHaveLength(1);
    clock.advance(0);
    expect(results).toEqual([[network("a")], [network("a")]]);
  });

  test("returns an empty result when the radio refuses the first scan", () => {
    radio.isBusy = true;
    scan();
    clock.advance(0);
    expect(results).toEqual([[]]);
    radio.isBusy = false;
    scan();
    expect(radio.scans).toHaveLength(1);
  });

  test("calls no caller back after it is closed", () => {
    scan();
    scanner.close();
    radio.find(network("a"));
    radio.complete();
    clock.advance(TIMEOUT_MS);
    expect(results).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
