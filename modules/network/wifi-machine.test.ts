import { describe, expect, test } from "@jest/globals";
import { nextWiFi, type WiFiInput, type WiFiState } from "./wifi-machine.js";

const credentials = { ssid: "Café", password: "12345678" };
const join: WiFiInput = { type: "join", credentials };
const found: WiFiInput = { type: "found", ssid: "Café", channel: 11 };
const scanned: WiFiInput = { type: "scanned" };
const connected: WiFiInput = { type: "connected" };
const timer: WiFiInput = { type: "timer" };
const lost: WiFiInput = { type: "disconnected", wrongPassword: false };
const gotIP: WiFiInput = { type: "gotIP", address: "192.168.1.2" };

function run(...inputs: WiFiInput[]): { state: WiFiState; effects: string[] } {
  let state: WiFiState = { type: "down" };
  let effects: string[] = [];
  for (const input of inputs) {
    const step = nextWiFi(state, input);
    state = step.state;
    effects = step.effects.map(({ type }) => type);
  }
  return { state, effects };
}

function failureOf(...inputs: WiFiInput[]): string | undefined {
  const { state } = run(...inputs);
  return state.type === "waiting" ? state.failure.code : undefined;
}

describe("joining", () => {
  test("scans, connects, waits for an address, and is up", () => {
    expect(run(join)).toMatchObject({ state: { type: "scanning" }, effects: ["scan", "timer"] });
    expect(run(join, found, scanned)).toMatchObject({
      state: { type: "associating" },
      effects: ["channel", "connect", "timer"],
    });
    expect(run(join, found, scanned, connected).state.type).toBe("addressing");
    expect(run(join, found, scanned, connected, gotIP)).toMatchObject({
      state: { type: "up", address: "192.168.1.2" },
      effects: ["no-timer"],
    });
  });

  test("tries a network that the scan has not found, because it may be hidden", () => {
    expect(run(join, scanned, connected, gotIP).state.type).toBe("up");
  });

  test("reports the channel before it connects, if the scan has found the network", () => {
    const { state } = run(join, found);
    expect(nextWiFi(state, scanned).effects[0]).toEqual({ type: "channel", channel: 11 });
    expect(run(join, scanned).effects).toEqual(["connect", "timer"]);
  });

  test("continues when the scan does not end", () => {
    expect(run(join, timer).state.type).toBe("associating");
  });
});

describe("a failed join", () => {
  test.each<[string, string, WiFiInput[]]>([
    [
      "wifi-wrong-password",
      "the chip reports a wrong password",
      [scanned, { type: "disconnected", wrongPassword: true }],
    ],
    ["wifi-wrong-password", "a found network refuses twice", [found, scanned, lost, lost]],
    ["wifi-not-found", "a network that was not found refuses twice", [scanned, lost, lost]],
    ["wifi-not-found", "two tries time out", [scanned, timer, timer]],
    ["wifi-no-address", "DHCP gives no address", [scanned, connected, timer]],
  ])("fails with %s when %s", (code, _why, inputs) => {
    expect(failureOf(join, ...inputs)).toBe(code);
  });

  test("is retried at once after a first failure without a reason", () => {
    expect(run(join, found, scanned, lost)).toMatchObject({
      state: { type: "associating" },
      effects: ["channel", "connect", "timer"],
    });
  });

  test("waits, then scans again", () => {
    expect(run(join, scanned, lost, lost).effects).toEqual(["disconnect", "timer"]);
    expect(run(join, scanned, lost, lost, timer).state.type).toBe("scanning");
  });
});

describe("up", () => {
  const up = [join, found, scanned, connected, gotIP];

  test.each<[string, WiFiInput, WiFiState["type"]]>([
    ["rejoins a lost network", lost, "scanning"],
    ["waits for a lost address", { type: "lostIP" }, "addressing"],
    [
      "detects an address that was lost without an event",
      { type: "checked", address: undefined },
      "scanning",
    ],
    ["stays up when the check finds an address", { type: "checked", address: "192.168.1.2" }, "up"],
    ["accepts a new address", { type: "gotIP", address: "192.168.1.3" }, "up"],
    ["goes down on leave", { type: "leave" }, "down"],
    [
      "scans for another network on join",
      { type: "join", credentials: { ssid: "Other", password: "" } },
      "scanning",
    ],
  ])("%s", (_name, input, type) => {
    expect(run(...up, input).state.type).toBe(type);
  });
});

test("a link that is down ignores every event of the chip", () => {
  for (const input of [connected, gotIP, lost, timer, scanned]) expect(run(input).state.type).toBe("down");
});
