/** Pure state machine that joins a Wi-Fi network and rejoins it after a loss: (state, input) → state and effects. */

import type { WiFiEvent } from "../board/index.js";
import type { Failure } from "../failure/index.js";
import { formatJSON } from "../json/index.js";

/** Credentials of a Wi-Fi network. */
export interface Credentials {
  /** Name of the network, 1-32 bytes of UTF-8. */
  readonly ssid: string;
  /** Empty, or 8-63 bytes. */
  readonly password: string;
}

/** Reason why a network could not be joined. */
export type LinkFailure = Failure<LinkFailureCode>;

export type LinkFailureCode = "wifi-not-found" | "wifi-wrong-password" | "wifi-no-address";

interface Joining {
  readonly credentials: Credentials;
  /** Channel on which the last scan has found the network; `undefined` when it has not. */
  readonly channel: number | undefined;
  /** Number of failures of this join without a reason from the chip. */
  readonly unexplained: number;
}

/** State of the machine. */
export type WiFiState =
  | { readonly type: "down" }
  | ({ readonly type: "scanning" } & Joining)
  | ({ readonly type: "associating" } & Joining)
  /** The station has joined and has no address yet. */
  | ({ readonly type: "addressing" } & Joining)
  | {
      readonly type: "up";
      readonly credentials: Credentials;
      readonly channel: number | undefined;
      readonly address: string;
    }
  /** The station waits before the next try. */
  | { readonly type: "waiting"; readonly credentials: Credentials; readonly failure: LinkFailure };

/** Input of the machine. */
export type WiFiInput =
  | { readonly type: "join"; readonly credentials: Credentials }
  | { readonly type: "leave" }
  | { readonly type: "found"; readonly ssid: string; readonly channel: number }
  | { readonly type: "scanned" }
  | WiFiEvent
  | { readonly type: "timer" }
  /** Periodic reading of the address, in case an event was missed. */
  | { readonly type: "checked"; readonly address: string | undefined };

/** Effect that the caller performs. */
export type WiFiEffect =
  | { readonly type: "scan" }
  /** The radio is about to change to this channel. */
  | { readonly type: "channel"; readonly channel: number }
  | { readonly type: "connect"; readonly credentials: Credentials }
  | { readonly type: "disconnect" }
  /** Starts the timer, in place of a running one. */
  | { readonly type: "timer"; readonly delayMs: number | "backoff" }
  | { readonly type: "no-timer" };

/** Result of an input. */
export interface WiFiStep {
  readonly state: WiFiState;
  readonly effects: readonly WiFiEffect[];
}

const SCAN_TIMEOUT_MS = 10_000;
const ASSOCIATE_TIMEOUT_MS = 15_000;
const ADDRESS_TIMEOUT_MS = 15_000;
/** Failures without a reason that end a join. The chip sometimes fails the first try, so one failure is not enough. */
const UNEXPLAINED_FAILURES = 2;

/** Returns the state after an input, and the effects to perform. */
export function nextWiFi(state: WiFiState, input: WiFiInput): WiFiStep {
  if (input.type === "join")
    return scan({ credentials: input.credentials, channel: undefined, unexplained: 0 });
  if (input.type === "leave") {
    return { state: { type: "down" }, effects: [{ type: "no-timer" }, { type: "disconnect" }] };
  }
  switch (state.type) {
    case "down":
      return unchanged(state);
    case "scanning":
      return whileScanning(state, input);
    case "associating":
      return whileAssociating(state, input);
    case "addressing":
      return whileAddressing(state, input);
    case "up":
      return whileUp(state, input);
    case "waiting":
      if (input.type !== "timer") return unchanged(state);
      return scan({ credentials: state.credentials, channel: undefined, unexplained: 0 });
  }
}

function unchanged(state: WiFiState): WiFiStep {
  return { state, effects: [] };
}

function scan(joining: Joining): WiFiStep {
  return {
    state: { type: "scanning", ...joining },
    effects: [{ type: "scan" }, { type: "timer", delayMs: SCAN_TIMEOUT_MS }],
  };
}

/** Starts to associate, also with a network that the scan has not found: it may be hidden. */
function associate(joining: Joining): WiFiStep {
  return {
    state: { ...joining, type: "associating" },
    effects: [
      ...(joining.channel === undefined ? [] : [{ type: "channel", channel: joining.channel } as const]),
      { type: "connect", credentials: joining.credentials },
      { type: "timer", delayMs: ASSOCIATE_TIMEOUT_MS },
    ],
  };
}

function fail(credentials: Credentials, failure: LinkFailure): WiFiStep {
  return {
    state: { type: "waiting", credentials, failure },
    effects: [{ type: "disconnect" }, { type: "timer", delayMs: "backoff" }],
  };
}

function whileScanning(state: WiFiState & { type: "scanning" }, input: WiFiInput): WiFiStep {
  if (input.type === "found" && input.ssid === state.credentials.ssid) {
    return { state: { ...state, channel: input.channel }, effects: [] };
  }
  return input.type === "scanned" || input.type === "timer" ? associate(state) : unchanged(state);
}

function whileAssociating(state: WiFiState & { type: "associating" }, input: WiFiInput): WiFiStep {
  switch (input.type) {
    case "connected":
      return address(state);
    case "gotIP":
      return up(state, input.address);
    case "disconnected":
    case "timer":
      return explain(state, input.type === "disconnected" && input.wrongPassword);
    default:
      return unchanged(state);
  }
}

/** Ends a try that has failed: retries once, then derives the failure from the chip's reason and the scan. */
function explain(joining: Joining, wrongPassword: boolean): WiFiStep {
  const { credentials, channel } = joining;
  const name = formatJSON(credentials.ssid);
  if (wrongPassword) {
    const message = `the Wi-Fi network ${name} refused the password; check it and pair again`;
    return fail(credentials, { code: "wifi-wrong-password", message });
  }
  const unexplained = joining.unexplained + 1;
  if (unexplained < UNEXPLAINED_FAILURES) return associate({ credentials, channel, unexplained });
  if (channel !== undefined) {
    const message = `the Wi-Fi network ${name} refused the station, most likely for its password; check it and pair again`;
    return fail(credentials, { code: "wifi-wrong-password", message });
  }
  const message = `no Wi-Fi network ${name} is in reach (the station supports 2.4 GHz only); check its name and pair again`;
  return fail(credentials, { code: "wifi-not-found", message });
}

function address(joining: Joining): WiFiStep {
  return {
    state: { ...joining, type: "addressing" },
    effects: [{ type: "timer", delayMs: ADDRESS_TIMEOUT_MS }],
  };
}

function whileAddressing(state: WiFiState & { type: "addressing" }, input: WiFiInput): WiFiStep {
  switch (input.type) {
    case "gotIP":
      return up(state, input.address);
    case "disconnected":
      return explain(state, input.wrongPassword);
    case "timer": {
      const name = formatJSON(state.credentials.ssid);
      const message = `the Wi-Fi network ${name} gave no address; check its router's DHCP`;
      return fail(state.credentials, { code: "wifi-no-address", message });
    }
    default:
      return unchanged(state);
  }
}

function up(joined: Pick<Joining, "credentials" | "channel">, ipAddress: string): WiFiStep {
  const { credentials, channel } = joined;
  return { state: { type: "up", credentials, channel, address: ipAddress }, effects: [{ type: "no-timer" }] };
}

function whileUp(state: WiFiState & { type: "up" }, input: WiFiInput): WiFiStep {
  const joining = { credentials: state.credentials, channel: state.channel, unexplained: 0 };
  switch (input.type) {
    case "gotIP":
      return input.address === state.address ? unchanged(state) : up(state, input.address);
    case "lostIP":
      return address(joining);
    case "disconnected":
      return scan(joining);
    case "checked":
      return input.address === undefined ? scan(joining) : unchanged(state);
    default:
      return unchanged(state);
  }
}
