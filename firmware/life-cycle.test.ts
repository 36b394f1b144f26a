import { describe, expect, test } from "@jest/globals";
import type { PairingParameters } from "../modules/pairing/index.js";
import {
  INITIAL_STATE,
  type LifeCycleInput,
  type LifeCycleState,
  lifeCycleOf,
  nextLifeCycle,
  parametersOf,
} from "./life-cycle.js";

const PARAMETERS = makeParameters("owner@example.com");
const OTHERS = makeParameters("other@example.com");
const RESET_DUE: LifeCycleState = { type: "unpaired", isResetDue: true };
const TRYING: LifeCycleState = { type: "trying", parameters: PARAMETERS, isResetDue: false };
const LEAVING_FOR_CANDIDATE: LifeCycleState = { ...TRYING, type: "leaving", next: "candidate" };
const LEAVING_FOR_TRANSFER: LifeCycleState = { ...TRYING, type: "leaving", next: "transfer" };
const TRANSFERRING: LifeCycleState = { type: "transferring", parameters: PARAMETERS };
const JOINING: LifeCycleState = { type: "joining", parameters: PARAMETERS };
const CONNECTING: LifeCycleState = { type: "connecting", parameters: PARAMETERS };
const ONLINE: LifeCycleState = { type: "online", parameters: PARAMETERS };
const OFFLINE: LifeCycleState = { type: "offline", parameters: PARAMETERS };
const ALL_STATES = [
  INITIAL_STATE,
  RESET_DUE,
  TRYING,
  LEAVING_FOR_CANDIDATE,
  LEAVING_FOR_TRANSFER,
  TRANSFERRING,
  JOINING,
  CONNECTING,
  ONLINE,
  OFFLINE,
];

const CANDIDATE: LifeCycleInput = { type: "candidate", leavesOwner: false, isLeaving: false };
const LINK_UP: LifeCycleInput = { type: "link-up" };
const CHARGER_FREE: LifeCycleInput = { type: "charger-free" };

function makeParameters(email: string): PairingParameters {
  return { email, token: "token", host: "broker.example", port: 8883, tls: true };
}

/** State and effect types after an input. */
function step(state: LifeCycleState, input: LifeCycleInput) {
  const { state: after, effects } = nextLifeCycle(state, input);
  return { state: after, effects: effects.map(({ type }) => type ?? "an effect without a type") };
}

function expectIgnored(states: readonly LifeCycleState[], input: LifeCycleInput): void {
  for (const state of states) expect(nextLifeCycle(state, input)).toEqual({ state, effects: [] });
}

function except(...states: LifeCycleState[]): LifeCycleState[] {
  return ALL_STATES.filter((state) => !states.includes(state));
}

describe("nextLifeCycle on start", () => {
  test("a station with parameters joins its network", () => {
    expect(step(INITIAL_STATE, { type: "started", parameters: PARAMETERS })).toEqual({
      state: JOINING,
      effects: ["disconnect", "adopt-owner", "join"],
    });
  });

  test("a station without parameters enters pairing mode", () => {
    expect(step(INITIAL_STATE, { type: "started", parameters: undefined })).toEqual({
      state: INITIAL_STATE,
      effects: ["enter-pairing-mode"],
    });
  });
});

describe("nextLifeCycle with a candidate", () => {
  test.each(ALL_STATES)("state %j begins it at once when no owner has to be left", (state) => {
    const isResetDue = state === RESET_DUE;
    expect(step(state, CANDIDATE)).toEqual({
      state: { type: "trying", parameters: parametersOf(state), isResetDue },
      effects: ["cancel-transfer", "disconnect", "begin-candidate"],
    });
  });

  test("an online station leaves the present owner first", () => {
    expect(step(ONLINE, { ...CANDIDATE, leavesOwner: true })).toEqual({
      state: LEAVING_FOR_CANDIDATE,
      effects: ["cancel-transfer", "leave-owner"],
    });
  });

  test("a station that already leaves its owner waits for that, without a connection beside it", () => {
    expect(step(LEAVING_FOR_TRANSFER, { ...CANDIDATE, isLeaving: true })).toEqual({
      state: LEAVING_FOR_CANDIDATE,
      effects: ["cancel-transfer", "disconnect", "leave-owner"],
    });
  });

  test.each([true, false])("the candidate begins once the owner is left (isClean: %s)", (isClean) => {
    expect(step(LEAVING_FOR_CANDIDATE, { type: "left", isClean })).toEqual({
      state: TRYING,
      effects: ["begin-candidate"],
    });
  });

  test("a failed candidate returns a paired station to its parameters", () => {
    expect(step(TRYING, { type: "candidate-failed" })).toEqual({ state: JOINING, effects: ["join"] });
  });

  test("a failed candidate leaves an unpaired station unpaired, and a due reset due", () => {
    for (const isResetDue of [true, false]) {
      const trying: LifeCycleState = { type: "trying", parameters: undefined, isResetDue };
      expect(step(trying, { type: "candidate-failed" })).toEqual({
        state: { type: "unpaired", isResetDue },
        effects: ["leave-network"],
      });
    }
  });
});

describe("nextLifeCycle with proven parameters", () => {
  test.each(ALL_STATES)("state %j connects when the link is up", (state) => {
    expect(step(state, { type: "paired", parameters: OTHERS, isLinkUp: true })).toEqual({
      state: { type: "connecting", parameters: OTHERS },
      effects: ["disconnect", "adopt-owner", "connect"],
    });
  });

  test.each(ALL_STATES)("state %j joins the network when the link is down", (state) => {
    expect(step(state, { type: "paired", parameters: OTHERS, isLinkUp: false })).toEqual({
      state: { type: "joining", parameters: OTHERS },
      effects: ["disconnect", "adopt-owner", "join"],
    });
  });

  test("the owner is certainly another one only after a reset", () => {
    const isSure = (state: LifeCycleState) =>
      nextLifeCycle(state, { type: "paired", parameters: OTHERS, isLinkUp: true }).effects.flatMap(
        (effect) => (effect.type === "adopt-owner" ? [effect.isSure] : []),
      );
    for (const state of except(RESET_DUE)) expect(isSure(state)).toEqual([false]);
    expect(isSure(RESET_DUE)).toEqual([true]);
    expect(isSure({ type: "trying", parameters: undefined, isResetDue: true })).toEqual([true]);
  });
});

describe("nextLifeCycle in an ownership transfer", () => {
  test("a paired station leaves the present owner", () => {
    for (const state of [JOINING, CONNECTING, ONLINE, OFFLINE]) {
      expect(step(state, { type: "transfer" })).toEqual({
        state: LEAVING_FOR_TRANSFER,
        effects: ["leave-owner"],
      });
    }
  });

  test("an unpaired station ignores it", () => {
    expectIgnored([INITIAL_STATE, RESET_DUE], { type: "transfer" });
  });

  test.each([true, false])("the transfer continues once the owner is left (isClean: %s)", (isClean) => {
    expect(nextLifeCycle(LEAVING_FOR_TRANSFER, { type: "left", isClean })).toEqual({
      state: TRANSFERRING,
      effects: [{ type: "continue-transfer", isClean }],
    });
  });

  test("a failed transfer returns the station to its present owner", () => {
    for (const state of [LEAVING_FOR_TRANSFER, TRANSFERRING]) {
      expect(step(state, { type: "transfer-failed", isLinkUp: true }).state).toEqual(CONNECTING);
      expect(step(state, { type: "transfer-failed", isLinkUp: false }).state).toEqual(JOINING);
    }
  });

  test("a failure is ignored outside of a transfer", () => {
    const states = except(LEAVING_FOR_TRANSFER, TRANSFERRING);
    expectIgnored(states, { type: "transfer-failed", isLinkUp: true });
  });
});

describe("nextLifeCycle with network and broker", () => {
  test("the station connects when the link of its own parameters comes up", () => {
    expect(step(JOINING, LINK_UP)).toEqual({ state: CONNECTING, effects: ["connect"] });
  });

  test("a link that comes up changes nothing in any other state", () => {
    expectIgnored(except(JOINING), LINK_UP);
  });

  test("a reached broker brings a connecting or offline station online", () => {
    for (const state of [CONNECTING, OFFLINE]) {
      expect(step(state, { type: "platform", isOnline: true })).toEqual({ state: ONLINE, effects: [] });
    }
  });

  test("a lost broker makes only an online station offline", () => {
    const lost: LifeCycleInput = { type: "platform", isOnline: false };
    expect(step(ONLINE, lost)).toEqual({ state: OFFLINE, effects: [] });
    expectIgnored(except(ONLINE), lost);
  });

  test("the platform is ignored while a candidate or a transfer is under way", () => {
    expectIgnored(except(CONNECTING, ONLINE, OFFLINE), { type: "platform", isOnline: true });
  });

  test("`left` is ignored by a station that does not leave", () => {
    expectIgnored(except(LEAVING_FOR_CANDIDATE, LEAVING_FOR_TRANSFER), { type: "left", isClean: true });
  });
});

describe("nextLifeCycle with a reset", () => {
  test.each(ALL_STATES)("state %j restarts at once while the charger is free", (state) => {
    expect(step(state, { type: "reset", isFree: true })).toEqual({
      state: RESET_DUE,
      effects: ["erase-records", "restart"],
    });
  });

  test.each(ALL_STATES)("state %j disconnects but does not restart during a session", (state) => {
    expect(step(state, { type: "reset", isFree: false })).toEqual({
      state: RESET_DUE,
      effects: [
        "erase-records",
        "cancel-candidate",
        "cancel-transfer",
        "disconnect",
        "leave-network",
        "enter-pairing-mode",
      ],
    });
  });

  test("a due reset is completed when the charger becomes free, also while a candidate is tried", () => {
    const trying: LifeCycleState = { type: "trying", parameters: undefined, isResetDue: true };
    for (const state of [RESET_DUE, trying]) {
      expect(step(state, CHARGER_FREE)).toEqual({ state, effects: ["erase-records", "restart"] });
    }
  });

  test("a charger that becomes free changes nothing without a due reset", () => {
    expectIgnored(except(RESET_DUE), CHARGER_FREE);
  });
});

test("a station begins unpaired, without a due reset", () => {
  expect(INITIAL_STATE).toEqual({ type: "unpaired", isResetDue: false });
});

describe("lifeCycleOf", () => {
  test.each([TRYING, LEAVING_FOR_CANDIDATE, LEAVING_FOR_TRANSFER, TRANSFERRING])(
    "names %j joining",
    (state) => {
      expect(lifeCycleOf(state)).toBe("joining");
    },
  );

  test.each([INITIAL_STATE, RESET_DUE, JOINING, CONNECTING, ONLINE, OFFLINE])(
    "names %j by its type",
    (state) => {
      expect(lifeCycleOf(state)).toBe(state.type);
    },
  );
});
