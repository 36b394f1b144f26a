import { describe, expect, test } from "@jest/globals";
import {
  type LinkFailure,
  nextWiFi,
  type WiFiEffect,
  type WiFiInput,
  type WiFiState,
  type WiFiStep,
} from "./wifi-machine.js";

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

const NEVER_FOUND = { credentials, channel: undefined, unexplained: 0 };
const FOUND = { ...NEVER_FOUND, channel: 11 };
const NAME = 'the Wi-Fi network "Café"';

function waiting(code: LinkFailure["code"], message: string): WiFiState {
  return { type: "waiting", credentials, failure: { code, message } };
}

/** States by the names of the transition table. A `?` marks a network that the scan has not found. */
const STATES: Readonly<Record<string, WiFiState>> = {
  down: { type: "down" },
  "scanning?": { type: "scanning", ...NEVER_FOUND },
  scanning: { type: "scanning", ...FOUND },
  "joining?": { type: "associating", ...NEVER_FOUND },
  joining: { type: "associating", ...FOUND },
  "again?": { type: "associating", ...NEVER_FOUND, unexplained: 1 },
  again: { type: "associating", ...FOUND, unexplained: 1 },
  "address?": { type: "addressing", ...NEVER_FOUND },
  address: { type: "addressing", ...FOUND },
  "address2?": { type: "addressing", ...NEVER_FOUND, unexplained: 1 },
  address2: { type: "addressing", ...FOUND, unexplained: 1 },
  "up?": { type: "up", credentials, channel: undefined, address: "192.168.1.2" },
  up: { type: "up", credentials, channel: 11, address: "192.168.1.2" },
  "moved?": { type: "up", credentials, channel: undefined, address: "192.168.1.3" },
  moved: { type: "up", credentials, channel: 11, address: "192.168.1.3" },
  refused: waiting("wifi-wrong-password", `${NAME} refused the password; check it and pair again`),
  likely: waiting(
    "wifi-wrong-password",
    `${NAME} refused the station, most likely for its password; check it and pair again`,
  ),
  absent: waiting(
    "wifi-not-found",
    `no Wi-Fi network "Café" is in reach (the station supports 2.4 GHz only); check its name and pair again`,
  ),
  silent: waiting("wifi-no-address", `${NAME} gave no address; check its router's DHCP`),
};

/** Effects on the way to a state of each type. */
const EFFECTS: Readonly<Record<WiFiState["type"], readonly WiFiEffect[]>> = {
  down: [{ type: "no-timer" }, { type: "disconnect" }],
  scanning: [{ type: "scan" }, { type: "timer", delayMs: 10_000 }],
  associating: [
    { type: "connect", credentials },
    { type: "timer", delayMs: 15_000 },
  ],
  addressing: [{ type: "timer", delayMs: 15_000 }],
  up: [{ type: "no-timer" }],
  waiting: [{ type: "disconnect" }, { type: "timer", delayMs: "backoff" }],
};

const INPUTS: Readonly<Record<string, WiFiInput>> = {
  join,
  leave: { type: "leave" },
  found,
  other: { type: "found", ssid: "Other", channel: 1 },
  scanned,
  joined: connected,
  gotIP,
  newIP: { type: "gotIP", address: "192.168.1.3" },
  lostIP: { type: "lostIP" },
  wrong: { type: "disconnected", wrongPassword: true },
  lost,
  timer,
  checked: { type: "checked", address: "192.168.1.2" },
  gone: { type: "checked", address: undefined },
};

/** One row per state, one column per input. "." is the same state object; "~" a state without effects. */
const TRANSITIONS = `
          join      leave found     other scanned  joined    gotIP newIP  lostIP   wrong     lost      timer     checked gone
down      scanning? down  .         .     .        .         .     .      .        .         .         .         .       .
scanning? scanning? down  ~scanning .     joining? .         .     .      .        .         .         joining?  .       .
scanning  scanning? down  ~scanning .     joining  .         .     .      .        .         .         joining   .       .
joining?  scanning? down  .         .     .        address?  up?   moved? .        refused   again?    again?    .       .
joining   scanning? down  .         .     .        address   up    moved  .        refused   again     again     .       .
again?    scanning? down  .         .     .        address2? up?   moved? .        refused   absent    absent    .       .
again     scanning? down  .         .     .        address2  up    moved  .        refused   likely    likely    .       .
address?  scanning? down  .         .     .        .         up?   moved? .        refused   again?    silent    .       .
address   scanning? down  .         .     .        .         up    moved  .        refused   again     silent    .       .
address2? scanning? down  .         .     .        .         up?   moved? .        refused   absent    silent    .       .
address2  scanning? down  .         .     .        .         up    moved  .        refused   likely    silent    .       .
up?       scanning? down  .         .     .        .         .     moved? address? scanning? scanning? .         .       scanning?
up        scanning? down  .         .     .        .         .     moved  address  scanning  scanning  .         .       scanning
silent    scanning? down  .         .     .        .         .     .      .        .         .         scanning? .       .
`;

function stepTo(name: string): WiFiStep {
  const state = STATES[name.replace("~", "")];
  if (!state) throw new Error(`no state ${name}`);
  const isFound = state.type === "associating" && state.channel !== undefined;
  const channel: WiFiEffect[] = isFound ? [{ type: "channel", channel: 11 }] : [];
  return { state, effects: name.startsWith("~") ? [] : [...channel, ...EFFECTS[state.type]] };
}

describe("the transition table", () => {
  const [inputNames = [], ...rows] = TRANSITIONS.trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/));

  test("has a column for each input", () => {
    expect(inputNames).toEqual(Object.keys(INPUTS));
  });

  test.each(rows)("leads from state %s to the states of its row, with their effects", (from, ...expected) => {
    const state = STATES[from ?? ""] as WiFiState;
    for (const [i, name] of inputNames.entries()) {
      const step = nextWiFi(state, INPUTS[name] as WiFiInput);
      if (expected[i] !== ".") expect(step).toEqual(stepTo(expected[i] ?? ""));
      else {
        expect(step.state).toBe(state);
        expect(step.effects).toEqual([]);
      }
    }
  });
});
