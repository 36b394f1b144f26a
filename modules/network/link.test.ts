import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import { type Link, type LinkState, makeLink } from "./index.js";

const HOME = { ssid: "Café", password: "12345678" };
const MINUTE_MS = 60_000;
/** Longest time to join a network in reach: backoff, scan, association, DHCP. */
const JOIN_MS = 65_000;

/** A link on the virtual board, and what its listener has received. */
class Bench {
  readonly world = virtualWorld();
  readonly device: Device;
  readonly link: Link;
  readonly states: LinkState[] = [];
  /** States and channels in the order in which they were reported. */
  readonly events: string[] = [];

  constructor(network: "wifi" | "ethernet" = "wifi") {
    this.device = new Device(this.world, { network });
    let link: Link | undefined;
    this.device.boot((board) => {
      link = makeLink(board);
    });
    if (!link) throw new Error("the firmware has ended");
    this.link = link;
    this.link.subscribe({
      handleLinkState: (state) => {
        this.states.push(state);
        this.events.push(state.type);
      },
      handleLinkChannel: (channel) => this.events.push(`channel ${channel}`),
    });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Advances the time until the link is up, by at most `limitMs`. Returns whether it is up. */
  comesUp(limitMs = JOIN_MS): boolean {
    return this.world.clock.runUntil(() => this.link.state.type === "up", limitMs);
  }

  get failureCode(): string | undefined {
    return this.link.failure?.code;
  }
}

let bench: Bench;

describe("WiFiLink", () => {
  beforeEach(() => {
    bench = new Bench();
    bench.world.wifi.put({ ...HOME, channel: 11 });
  });

  function joinHome(): void {
    bench.link.join(HOME);
    expect(bench.comesUp()).toBe(true);
  }

  test("is down before it joins, and changes nothing by itself", () => {
    bench.advance(MINUTE_MS);
    expect(bench.link.state).toEqual({ type: "down" });
    expect([bench.states, bench.link.failure, bench.link.signalPercent]).toEqual([[], undefined, undefined]);
  });

  test("joins a network, reports its channel before the join, and each state once", () => {
    joinHome();
    bench.advance(5 * MINUTE_MS);
    expect(bench.events).toEqual(["joining", "channel 11", "up"]);
    expect(bench.states.at(-1)).toEqual({ type: "up", address: bench.device.host.address, ssid: "Café" });
    expect(bench.link.state).toEqual(bench.states.at(-1));
  });

  test("joins a hidden network without reporting a channel", () => {
    bench.world.wifi.put({ ...HOME, hidden: true });
    joinHome();
    expect(bench.events).toEqual(["joining", "up"]);
  });

  test("calls its listeners in the order in which they subscribed, and needs neither method", () => {
    const order: number[] = [];
    for (const n of [1, 2]) bench.link.subscribe({ handleLinkState: () => order.push(n) });
    bench.link.subscribe({});
    joinHome();
    expect(order).toEqual([1, 2, 1, 2]);
  });

  test("throws for a join without credentials", () => {
    expect(() => bench.link.join(undefined)).toThrow("needs credentials");
  });

  test.each([
    ["wifi-wrong-password", { password: "87654321" }],
    ["wifi-wrong-password", { password: "" }],
    ["wifi-no-address", { dhcp: false }],
  ])("fails with %s at a network with %j, and joins once it is corrected", (code, change) => {
    bench.world.wifi.put({ ...HOME, ...change });
    bench.link.join(HOME);
    bench.advance(MINUTE_MS);
    expect(bench.failureCode).toBe(code);
    bench.world.wifi.put({ ...HOME, dhcp: true });
    expect(bench.comesUp()).toBe(true);
    expect(bench.link.failure).toBeUndefined();
  });

  test("keeps the failure of the latest try while it tries again", () => {
    bench.world.wifi.remove(HOME.ssid);
    bench.link.join(HOME);
    bench.advance(10_000);
    const failures = bench.states.map((state) => (state.type === "joining" ? state.failure?.code : "none"));
    expect(failures.slice(0, 3)).toEqual([undefined, "wifi-not-found", undefined]);
    bench.advance(10 * MINUTE_MS);
    expect(bench.failureCode).toBe("wifi-not-found");
  });

  test("tries again at least every 65 s", () => {
    bench.world.wifi.remove(HOME.ssid);
    bench.link.join(HOME);
    bench.advance(10 * MINUTE_MS);
    const before = bench.states.length;
    bench.advance(JOIN_MS);
    expect(bench.states.length).toBeGreaterThan(before);
  });

  test("forgets the failure at the next join and when it leaves", () => {
    for (const forget of [() => bench.link.join(HOME), () => bench.link.leave()]) {
      bench.world.wifi.remove(HOME.ssid);
      bench.link.join(HOME);
      bench.advance(MINUTE_MS);
      expect(bench.failureCode).toBe("wifi-not-found");
      forget();
      expect(bench.link.failure).toBeUndefined();
    }
  });

  test("starts with a short delay again after a join and after the network was up", () => {
    const retryDelayMs = () => {
      const start = bench.world.clock.monotonicMs();
      bench.world.clock.runUntil(
        () => bench.link.state.type === "joining" && bench.link.failure !== undefined,
        JOIN_MS,
      );
      const failedMs = bench.world.clock.monotonicMs();
      const count = bench.states.length;
      bench.world.clock.runUntil(() => bench.states.length > count, JOIN_MS);
      expect(failedMs).toBeGreaterThan(start);
      return bench.world.clock.monotonicMs() - failedMs;
    };
    bench.world.wifi.remove(HOME.ssid);
    bench.link.join(HOME);
    expect(retryDelayMs()).toBeLessThan(2000);
    bench.advance(10 * MINUTE_MS);
    bench.link.join(HOME);
    expect(retryDelayMs()).toBeLessThan(2000);
    bench.advance(10 * MINUTE_MS);
    bench.world.wifi.put(HOME);
    expect(bench.comesUp()).toBe(true);
    bench.world.wifi.remove(HOME.ssid);
    expect(retryDelayMs()).toBeLessThan(2000);
  });

  test("rejoins a network that was lost", () => {
    joinHome();
    bench.world.wifi.remove(HOME.ssid);
    bench.advance(MINUTE_MS);
    expect(bench.link.state.type).toBe("joining");
    bench.world.wifi.put(HOME);
    expect(bench.comesUp()).toBe(true);
  });

  test("recovers within 100 s from a loss that the chip does not report", () => {
    joinHome();
    bench.world.wifi.isMute = true;
    bench.world.wifi.remove(HOME.ssid);
    bench.advance(30_000);
    expect(bench.link.state.type).toBe("joining");
    bench.world.wifi.isMute = false;
    bench.world.wifi.put(HOME);
    expect(bench.comesUp()).toBe(true);
  });

  test("is joining without an address, and up with the next one", () => {
    joinHome();
    bench.world.wifi.put({ ...HOME, dhcp: false });
    bench.advance(1000);
    expect(bench.link.state).toEqual({ type: "joining", failure: undefined });
    bench.world.wifi.put({ ...HOME, dhcp: true });
    expect(bench.comesUp(5000)).toBe(true);
    expect(bench.link.state).toMatchObject({ address: bench.device.host.address });
  });

  test("leaves the network, and stays down", () => {
    joinHome();
    bench.link.leave();
    expect(bench.link.state).toEqual({ type: "down" });
    bench.advance(5 * MINUTE_MS);
    expect(bench.events.slice(-2)).toEqual(["up", "down"]);
    expect(bench.device.host.address).toBeUndefined();
  });

  test("leaves the network for the one of the next join", () => {
    bench.world.wifi.put({ ssid: "Other", password: "", channel: 1 });
    joinHome();
    bench.link.join({ ssid: "Other", password: "" });
    expect(bench.comesUp()).toBe(true);
    expect(bench.link.state).toMatchObject({ ssid: "Other" });
    expect(bench.events).toEqual(["joining", "channel 11", "up", "joining", "channel 1", "up"]);
  });

  test.each([
    [-120, 0],
    [-100, 0],
    [-99, 2],
    [-75, 50],
    [-50, 100],
    [-30, 100],
  ])("maps a signal of %d dBm to %d %", (rssi, percent) => {
    bench.world.wifi.put({ ...HOME, rssi });
    joinHome();
    expect(bench.link.signalPercent).toBe(percent);
  });

  test("scans, also while it is joined", () => {
    bench.world.wifi.put({ ssid: "Other", password: "", channel: 1, rssi: -80 });
    joinHome();
    let found: readonly { ssid: string }[] = [];
    bench.link.scan((results) => {
      found = results;
    });
    expect(found).toEqual([]);
    bench.advance(10_000);
    expect(found.map(({ ssid }) => ssid)).toEqual(["Café", "Other"]);
    expect(bench.link.state.type).toBe("up");
  });

  test("joins while another caller scans", () => {
    bench.link.scan(() => {});
    bench.link.join(HOME);
    expect(bench.comesUp(5000)).toBe(true);
    expect(bench.events).toContain("channel 11");
  });

  test("leaves no timer behind when it is closed", () => {
    bench.world.wifi.remove(HOME.ssid);
    bench.link.join(HOME);
    bench.advance(MINUTE_MS);
    bench.link.scan(() => bench.events.push("scanned"));
    bench.events.length = 0;
    bench.link.close();
    // The radio may end a scan that it has started.
    bench.advance(10_000);
    expect(bench.world.clock.pending).toBe(0);
    expect(bench.events).toEqual([]);
  });
});

describe("EthernetLink", () => {
  beforeEach(() => {
    bench = new Bench("ethernet");
  });

  test("is down before the join, then joining, and up with an address", () => {
    bench.advance(MINUTE_MS);
    expect([bench.link.state, bench.states]).toEqual([{ type: "down" }, []]);
    bench.link.join(undefined);
    expect(bench.link.state).toEqual({ type: "joining", failure: undefined });
    expect(bench.comesUp(1000)).toBe(true);
    expect(bench.states.at(-1)).toEqual({ type: "up", address: bench.device.host.address });
    expect([bench.link.signalPercent, bench.link.failure]).toEqual([undefined, undefined]);
  });

  test("reports its state after a further join, although nothing changes", () => {
    bench.link.join(undefined);
    bench.advance(1000);
    bench.states.length = 0;
    bench.link.join(undefined);
    expect(bench.states).toEqual([]);
    bench.advance(0);
    expect(bench.states.map(({ type }) => type)).toEqual(["up"]);
  });

  test("is joining while the cable is unplugged, and up again afterwards", () => {
    bench.link.join(undefined);
    bench.advance(1000);
    bench.device.cable.unplug();
    bench.advance(0);
    expect(bench.states.at(-1)).toEqual({ type: "joining", failure: undefined });
    bench.device.cable.plug();
    expect(bench.comesUp(1000)).toBe(true);
  });

  test("stays up when it leaves", () => {
    bench.link.join(undefined);
    bench.advance(1000);
    bench.link.leave();
    bench.advance(MINUTE_MS);
    expect(bench.link.state.type).toBe("up");
  });

  test("finds no networks, and reports that asynchronously", () => {
    let found: unknown;
    bench.link.scan((results) => {
      found = results;
    });
    expect(found).toBeUndefined();
    bench.advance(0);
    expect(found).toEqual([]);
  });

  test("is down when it is closed, also twice and before a join", () => {
    bench.link.close();
    bench.link.join(undefined);
    bench.advance(1000);
    bench.link.close();
    bench.link.close();
    expect(bench.link.state).toEqual({ type: "down" });
    expect(bench.device.host.address).toBeUndefined();
  });
});
