import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type {
  AccessPointConstructor,
  Ethernet,
  IO,
  WiFi,
  WiFiConstructor,
  WiFiEvent,
  WiFiNetwork,
} from "../../../modules/board/index.js";
import type { WiFiSurroundings } from "../../virtual/world/wifi.js";
import type { Harness } from "./harness.js";

/** A board and the networks around it. */
export interface NetworkHarness extends Harness {
  readonly surroundings: WiFiSurroundings;
  readonly cable: { plug(): void; unplug(): void };
}

export type MakeNetworkHarness = (options: { network: "wifi" | "ethernet" }) => Promise<NetworkHarness>;

const HOME = { ssid: "Home", password: "correct horse", channel: 11, rssi: -71 };
const A_WHILE_MS = 5000;

/** Defines the tests that each board's Wi-Fi has to pass (modules/board/network.ts). */
export function describeWiFiContract(name: string, makeHarness: MakeNetworkHarness): void {
  describe(`${name}: Wi-Fi`, () => {
    let harness: NetworkHarness;
    let io: { WiFi: WiFiConstructor; AccessPoint: AccessPointConstructor };
    let wifi: WiFi;
    let events: WiFiEvent[];

    beforeEach(async () => {
      harness = await makeHarness({ network: "wifi" });
      const { network } = harness.board.io;
      if (network.kind !== "wifi") throw new Error("this board has no Wi-Fi");
      io = network;
      events = [];
      wifi = new io.WiFi({ onChanged: (event) => events.push(event) });
      harness.surroundings.put(HOME);
    });

    afterEach(async () => {
      wifi.close();
      await harness.dispose();
    });

    const types = () => events.map((event) => event.type);

    async function join(credentials = { ssid: HOME.ssid, password: HOME.password }): Promise<void> {
      wifi.connect(credentials);
      await harness.until("there is an address", () => types().includes("gotIP"));
    }

    function scan(): { found: WiFiNetwork[]; completions: number } {
      const result = { found: [] as WiFiNetwork[], completions: 0 };
      wifi.scan({
        onFound: (network) => result.found.push(network),
        onComplete: () => {
          result.completions++;
        },
      });
      return result;
    }

    test("joins a network and then has an address", async () => {
      await join();
      expect(types()).toEqual(["connected", "gotIP"]);
      expect(events[1]).toEqual({ type: "gotIP", address: wifi.address });
      expect(wifi.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(wifi.rssi).toBe(HOME.rssi);
    });

    test("has no address and no signal before it has joined", () => {
      expect(wifi.address).toBeUndefined();
      expect(wifi.rssi).toBeUndefined();
    });

    test("joins an open network without a password", async () => {
      harness.surroundings.put({ ssid: "Open" });
      await join({ ssid: "Open", password: "" });
      expect(wifi.address).toBeDefined();
    });

    test.each([
      ["a wrong password", HOME.ssid, "wrong horse", true],
      ["a missing network, distinct from a wrong password", "Nowhere", "correct horse", false],
      ["a missing password, distinct from a wrong one", HOME.ssid, "", false],
    ])("reports %s", async (_name, ssid, password, wrongPassword) => {
      wifi.connect({ ssid, password });
      await harness.pass(A_WHILE_MS);
      expect(events).toEqual([{ type: "disconnected", wrongPassword }]);
      expect(wifi.address).toBeUndefined();
    });

    test("reports only the connection in a network without DHCP", async () => {
      harness.surroundings.put({ ...HOME, dhcp: false });
      wifi.connect(HOME);
      await harness.pass(A_WHILE_MS);
      expect(types()).toEqual(["connected"]);
      expect(wifi.address).toBeUndefined();
    });

    test("reports a network that is lost and does not rejoin by itself", async () => {
      await join();
      harness.surroundings.remove(HOME.ssid);
      await harness.pass(A_WHILE_MS);
      harness.surroundings.put(HOME);
      await harness.pass(A_WHILE_MS);
      expect(events.slice(2)).toEqual([{ type: "disconnected", wrongPassword: false }]);
      expect(wifi.address).toBeUndefined();
    });

    test("reports a lost address and a new one without a disconnection", async () => {
      await join();
      harness.surroundings.put({ ...HOME, dhcp: false });
      await harness.until("it is lost", () => types().includes("lostIP"));
      expect(wifi.address).toBeUndefined();
      harness.surroundings.put({ ...HOME, dhcp: true });
      await harness.until("there is another", () => wifi.address !== undefined);
      expect(types()).toEqual(["connected", "gotIP", "lostIP", "gotIP"]);
    });

    test("reports a disconnection and drops its address", async () => {
      await join();
      wifi.disconnect();
      expect(wifi.address).toBeUndefined();
      await harness.until("it is reported", () => types().includes("disconnected"));
    });

    test("replaces a connection attempt by the next one", async () => {
      harness.surroundings.put({ ssid: "Other" });
      wifi.connect({ ssid: HOME.ssid, password: "wrong horse" });
      await join({ ssid: "Other", password: "" });
      await harness.pass(A_WHILE_MS);
      expect(types()).toEqual(["connected", "gotIP"]);
    });

    test("scans visible networks with channel, signal and authentication", async () => {
      harness.surroundings.put({ ssid: "Open", channel: 1, rssi: -40 });
      harness.surroundings.put({ ssid: "Secret", hidden: true });
      const { found, completions } = scan();
      expect([found.length, completions]).toEqual([0, 0]);
      await harness.pass(A_WHILE_MS);
      expect(found).toEqual([
        { ssid: HOME.ssid, channel: 11, rssi: -71, authentication: "wpa2_psk" },
        { ssid: "Open", channel: 1, rssi: -40, authentication: "none" },
      ]);
    });

    test("runs one scan at a time", async () => {
      const first = scan();
      expect(scan).toThrow("scan");
      await harness.until("it is complete", () => first.completions === 1);
      expect(scan).not.toThrow();
    });

    test.each([
      ["an SSID of no bytes", "", "12345678"],
      ["an SSID of 33 bytes", `${"é".repeat(16)}x`, "12345678"],
      ["a password of 7 bytes", "Home", "1234567"],
      ["a password of 64 bytes", "Home", "x".repeat(64)],
    ])("throws on %s", (_name, ssid, password) => {
      expect(() => wifi.connect({ ssid, password })).toThrow(RangeError);
    });

    test("calls no callback after close and drops its address", async () => {
      await join();
      const { found } = scan();
      wifi.close();
      wifi.close();
      harness.surroundings.remove(HOME.ssid);
      await harness.pass(A_WHILE_MS);
      expect(types()).toEqual(["connected", "gotIP"]);
      expect(found).toEqual([]);
      expect(wifi.address).toBeUndefined();
      expect(() => wifi.connect(HOME)).toThrow("closed");
    });

    test("has its access point open from construction to close", () => {
      const accessPoint = new io.AccessPoint({ ssid: "Station AP", password: "12345678", channel: 11 });
      expect(harness.surroundings.accessPoints).toEqual([
        { ssid: "Station AP", password: "12345678", channel: 11 },
      ]);
      accessPoint.close();
      accessPoint.close();
      expect(harness.surroundings.accessPoints).toEqual([]);
    });

    test("has its access point open while it is in a network", async () => {
      const accessPoint = new io.AccessPoint({ ssid: "Station AP" });
      await join();
      expect(harness.surroundings.accessPoints).toHaveLength(1);
      accessPoint.close();
      expect(wifi.address).toBeDefined();
    });

    test.each([
      ["a short password", { ssid: "AP", password: "1234567" }],
      ["an empty password", { ssid: "AP", password: "" }],
      ["no name", { ssid: "" }],
      ["a name of 33 bytes", { ssid: "x".repeat(33) }],
      ["an invalid channel", { ssid: "AP", channel: 14 }],
    ])("throws on an access point with %s, which does not open", (_name, options) => {
      expect(() => new io.AccessPoint(options)).toThrow(RangeError);
      expect(harness.surroundings.accessPoints).toEqual([]);
    });

    test("throws on a second access point while the first is open", () => {
      const first: IO = new io.AccessPoint({ ssid: "One" });
      expect(() => new io.AccessPoint({ ssid: "Two" })).toThrow("already");
      first.close();
      new io.AccessPoint({ ssid: "Two" }).close();
    });
  });
}

/** Defines the tests that each board's Ethernet has to pass (modules/board/network.ts). */
export function describeEthernetContract(name: string, makeHarness: MakeNetworkHarness): void {
  describe(`${name}: Ethernet`, () => {
    let harness: NetworkHarness;
    let ethernet: Ethernet;
    let events: string[];

    beforeEach(async () => {
      harness = await makeHarness({ network: "ethernet" });
      const { network } = harness.board.io;
      if (network.kind !== "ethernet") throw new Error("this board has no Ethernet");
      events = [];
      ethernet = new network.Ethernet({ onChanged: (event) => events.push(event.type) });
    });

    afterEach(async () => {
      ethernet.close();
      await harness.dispose();
    });

    test("has an address a moment after construction with a cable", async () => {
      expect(ethernet.address).toBeUndefined();
      await harness.until("it is reported", () => events.includes("gotIP"));
      expect(ethernet.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    });

    test("drops its address without the cable and gets one with it again", async () => {
      await harness.until("it is reported", () => events.includes("gotIP"));
      harness.cable.unplug();
      await harness.until("the loss is reported", () => events.includes("lostIP"));
      expect(ethernet.address).toBeUndefined();
      harness.cable.plug();
      await harness.until("it is reported again", () => events.length === 3);
      expect(events).toEqual(["gotIP", "lostIP", "gotIP"]);
    });

    test("calls no callback after close", async () => {
      ethernet.close();
      harness.cable.unplug();
      harness.cable.plug();
      await harness.pass(A_WHILE_MS);
      expect(events).toEqual([]);
      expect(ethernet.address).toBeUndefined();
    });
  });
}
