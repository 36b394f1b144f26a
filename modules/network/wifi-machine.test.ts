import { describe, expect, test } from "@jest/globals";
import { nextWiFi, type WiFiInput, type WiFiState } from "./wifi-machine.js";

const credentials = { ssid: "Café", password: "12345678" };
const join: WiFiInput = { type: "join", credentials };
const heard: WiFiInput = { type: "heard", ssid: "Café", channel: 11 };
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
  test("scans, connects, waits for an address, is up", () => {
    expect(run(join)).toMatchObject({ state: { type: "scanning" }, effects: ["scan", "timer"] });
    expect(run(join, heard, scanned)).toMatchObject({
      state: { type: "associating" },
      effects: ["channel", "connect", "timer"],
    });
    expect(run(join, heard, scanned, connected).state.type).toBe("addressing");
    expect(run(join, heard, scanned, connected, gotIP)).toMatchObject({
      state: { type: "up", address: "192.168.1.2" },
      effects: ["no-timer"],
    });
  });

  test("tries a network that was not heard: it may be hidden", () => {
    expect(run(join, scanned, connected, gotIP).state.type).toBe("up");
  });

  test("says where the radio goes before it goes there, if the network was heard", () => {
    const { state } = run(join, heard);
    expect(nextWiFi(state, scanned).effects[0]).toEqual({ type: "channel", channel: 11 });
    expect(run(join, scanned).effects).toEqual(["connect", "timer"]);
  });

  test("goes on when the scan does not end", () => {
    expect(run(join, timer).state.type).toBe("associating");
  });
});

describe("failures are told apart", () => {
  test.each<[string, string, WiFiInput[]]>([
    ["wifi-wrong-password", "the chip says so", [scanned, { type: "disconnected", wrongPassword: true }]],
    ["wifi-wrong-password", "a network that is there refuses twice", [heard, scanned, lost, lost]],
    ["wifi-not-found", "nobody of that name answers twice", [scanned, lost, lost]],
    ["wifi-not-found", "nothing happens twice", [scanned, timer, timer]],
    ["wifi-no-address", "DHCP is silent", [scanned, connected, timer]],
  ])("%s: %s", (code, _why, inputs) => {
    expect(failureOf(join, ...inputs)).toBe(code);
  });

  test("a first failure without a reason is tried again at once", () => {
    expect(run(join, heard, scanned, lost)).toMatchObject({
      state: { type: "associating" },
      effects: ["channel", "connect", "timer"],
    });
  });

  test("after a failure it waits, and begins again", () => {
    expect(run(join, scanned, lost, lost).effects).toEqual(["disconnect", "timer"]);
    expect(run(join, scanned, lost, lost, timer).state.type).toBe("scanning");
  });
});

describe("up", () => {
  const up = [join, heard, scanned, connected, gotIP];

  test.each<[string, WiFiInput, WiFiState["type"]]>([
    ["a lost network is joined again", lost, "scanning"],
    ["a lost address is waited for", { type: "lostIP" }, "addressing"],
    ["an address that went without a word is noticed", { type: "checked", address: undefined }, "scanning"],
    ["an address that is there is left alone", { type: "checked", address: "192.168.1.2" }, "up"],
    ["a new address is taken", { type: "gotIP", address: "192.168.1.3" }, "up"],
    ["leaving ends it", { type: "leave" }, "down"],
    [
      "joining another begins anew",
      { type: "join", credentials: { ssid: "Other", password: "" } },
      "scanning",
    ],
  ])("%s", (_name, input, type) => {
    expect(run(...up, input).state.type).toBe(type);
  });
});

test("down, nothing that the chip says changes anything", () => {
  for (const input of [connected, gotIP, lost, timer, scanned]) expect(run(input).state.type).toBe("down");
});
