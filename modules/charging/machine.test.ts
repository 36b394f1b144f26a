import { describe, expect, test } from "@jest/globals";
import {
  type ChargingInput,
  type ChargingOutputs,
  type ChargingState,
  nextState,
  outputsOf,
  sessionEndOf,
  sessionOf,
} from "./machine.js";
import type { PilotState } from "./pilot.js";

const session = { id: "0001", grant: { tag: "00", tagEnd: "1234", method: "ble" as const, currentA: 16 } };
const authorize: ChargingInput = { type: "authorize", session };
const timeout: ChargingInput = { type: "timeout" };
const withdraw: ChargingInput = { type: "withdraw" };
const unsettled: ChargingInput = { type: "pilot-unsettled" };
const stop: ChargingInput = { type: "stop" };
const abort: ChargingInput = { type: "abort" };

function pilot(state: PilotState): ChargingInput {
  return { type: "pilot", pilot: state };
}

function reached(...inputs: ChargingInput[]): ChargingState {
  let state: ChargingState = { type: "available" };
  for (const input of inputs) state = nextState(state, input);
  return state;
}

const charging = [pilot("B"), authorize, pilot("C")];

const SHORTED = {
  code: "pilot-shorted",
  message: "the control pilot is shorted or the vehicle's diode is missing",
} as const;
const NEGATIVE = { code: "pilot-negative", message: "the control pilot is at -12 V" } as const;
const WELDED = { code: "contactor-welded", message: "the contactor does not open" } as const;

const STATES = {
  available: { type: "available" },
  plugged: { type: "plugged" },
  authorized: { type: "authorized", session },
  charging: { type: "charging", session },
  pausing: { type: "ending", session, next: "suspended" },
  stopping: { type: "ending", session, next: "finishing" },
  suspended: { type: "suspended", session },
  away: { type: "away", session },
  finishing: { type: "finishing" },
  shorted: { type: "faulted", fault: SHORTED },
  negative: { type: "faulted", fault: NEGATIVE },
  welded: { type: "faulted", fault: WELDED, isWelded: true },
  /** The contactor is open again, and the vehicle has not left. */
  unwelded: { type: "faulted", fault: WELDED },
} as const satisfies Record<string, ChargingState>;

type StateName = keyof typeof STATES;
const STATE_NAMES = Object.keys(STATES) as StateName[];

describe("a session start", () => {
  test("leads from plugged to authorized to charging", () => {
    expect(reached(pilot("B")).type).toBe("plugged");
    expect(reached(pilot("B"), authorize).type).toBe("authorized");
    expect(reached(...charging)).toEqual({ type: "charging", session });
  });

  test("requires a C measured under the square wave, which shows the diode", () => {
    expect(reached(pilot("C"), authorize)).toEqual({ type: "authorized", session });
    expect(reached(pilot("C"), authorize, pilot("E")).type).toBe("faulted");
    expect(reached(pilot("C"), authorize, pilot("C"))).toEqual({ type: "charging", session });
  });

  test("closes the contactor for a vehicle that requires ventilation (D)", () => {
    expect(outputsOf(reached(pilot("B"), authorize, pilot("D")), 32).contactorClosed).toBe(true);
  });

  test("is refused without a vehicle", () => {
    expect(reached(authorize).type).toBe("available");
  });

  test("is refused after the time of the authorization, and a running session has no time", () => {
    expect(reached(pilot("B"), authorize, timeout).type).toBe("plugged");
    expect(reached(...charging, timeout).type).toBe("charging");
  });

  test("keeps its session when a second authorization arrives", () => {
    const second: ChargingInput = { type: "authorize", session: { ...session, id: "0002" } };
    expect(sessionOf(reached(...charging, second))?.id).toBe("0001");
  });
});

describe("a fault of the guard", () => {
  const TRIPPED = { code: "residual-current", message: "the residual current device has tripped" } as const;
  const fault: ChargingInput = { type: "fault", fault: TRIPPED };

  test.each(Object.keys(STATES) as StateName[])("faults the station in the state %s", (name) => {
    expect(nextState(STATES[name], fault)).toMatchObject({ type: "faulted", fault: TRIPPED });
  });

  test("is the station's fault until the vehicle has left, and is not repeated", () => {
    const faulted = reached(...charging, fault);
    expect(faulted).toEqual({ type: "faulted", fault: TRIPPED });
    expect(nextState(faulted, fault)).toBe(faulted);
    expect(nextState(faulted, pilot("A")).type).toBe("available");
  });

  test("keeps the position that the feedback contact reports", () => {
    expect(nextState(STATES.welded, fault)).toEqual({ type: "faulted", fault: TRIPPED, isWelded: true });
  });
});

describe("the contactor feedback after a fault", () => {
  const closed: ChargingInput = { type: "contactor", isWelded: true };
  const welded = () => reached(...charging, pilot("E"), closed);

  test("that reports a closed contactor keeps the station faulted, and locks the plug", () => {
    expect(outputsOf(reached(...charging, pilot("E")), 32).isLocked).toBe(false);
    expect(welded()).toMatchObject({ type: "faulted", isWelded: true });
    expect(outputsOf(welded(), 32)).toEqual({ contactorClosed: false, dutyPermille: 1000, isLocked: true });
  });

  test("that reports a closed contactor once more changes nothing", () => {
    const state = welded();
    expect(nextState(state, closed)).toBe(state);
  });

  test("that reports a closed contactor keeps the plug locked after the pilot has reached A", () => {
    const left = nextState(welded(), pilot("A"));
    expect(left.type).toBe("faulted");
    expect(outputsOf(left, 32).isLocked).toBe(true);
  });

  test("that matches the command unlocks the plug and waits for the vehicle to leave", () => {
    const opened = nextState(welded(), { type: "contactor", isWelded: false });
    expect(opened.type).toBe("faulted");
    expect(outputsOf(opened, 32).isLocked).toBe(false);
    expect(nextState(opened, pilot("A")).type).toBe("available");
  });
});

describe("the contactor", () => {
  test.each<[string, ChargingInput]>([
    ["is unplugged", pilot("A")],
    ["pauses", pilot("B")],
    ["shorts the pilot", pilot("E")],
    ["meets a pilot at -12 V", pilot("F")],
    ["is stopped at once", abort],
    ["leaves C and does not settle", { type: "pilot-unsettled" }],
  ])("opens when a charging vehicle %s", (_name, input) => {
    expect(outputsOf(reached(...charging), 32).contactorClosed).toBe(true);
    expect(outputsOf(reached(...charging, input), 32).contactorClosed).toBe(false);
  });

  test("closes again after a pause, in the same session", () => {
    const state = reached(...charging, pilot("B"), pilot("C"));
    expect(outputsOf(state, 32).contactorClosed).toBe(true);
    expect(sessionOf(state)?.id).toBe("0001");
  });

  test.each<[string, ChargingInput, ChargingState["type"]]>([
    ["a stop", stop, "finishing"],
    ["a withdrawn offer", withdraw, "suspended"],
  ])(
    "stays closed after %s under a steady pilot, until the vehicle has left C or its time is over",
    (_name, input, next) => {
      const ending = reached(...charging, input);
      expect(outputsOf(ending, 0)).toEqual({ contactorClosed: true, dutyPermille: 1000, isLocked: true });
      expect(nextState(ending, pilot("C"))).toBe(ending);
      expect(nextState(ending, pilot("D"))).toBe(ending);
      for (const over of [pilot("B"), timeout, unsettled]) expect(nextState(ending, over).type).toBe(next);
    },
  );

  test("opens at once for E, F and a fault while it waits for the vehicle", () => {
    for (const input of [pilot("E"), pilot("F"), { type: "fault", fault: SHORTED } as const])
      expect(outputsOf(reached(...charging, stop, input), 32).contactorClosed).toBe(false);
  });

  test("opens at once for a vehicle that leaves, whose session continues when it returns in time", () => {
    const away = reached(...charging, pilot("A"));
    expect(away).toEqual({ type: "away", session });
    expect(outputsOf(away, 32).contactorClosed).toBe(false);
    expect(nextState(away, pilot("B"))).toEqual({ type: "suspended", session });
    expect(nextState(away, pilot("C"))).toEqual({ type: "charging", session });
    expect(nextState(away, timeout).type).toBe("available");
  });

  test("closes for a stopped vehicle only after another authorization", () => {
    const stopped = reached(...charging, stop, pilot("B"));
    expect(nextState(stopped, pilot("C"))).toBe(stopped);
    const again = nextState(stopped, { type: "authorize", session: { ...session, id: "0002" } });
    expect(sessionOf(nextState(again, pilot("C")))?.id).toBe("0002");
    expect(nextState(stopped, pilot("A")).type).toBe("available");
  });

  test("stays open after a fault until the vehicle has left", () => {
    const faulted = reached(...charging, pilot("E"));
    expect(faulted.type).toBe("faulted");
    expect(nextState(nextState(faulted, pilot("C")), authorize).type).toBe("faulted");
    expect(nextState(faulted, pilot("A")).type).toBe("available");
  });
});

test("the pilot offers the granted current only while authorized or charging", () => {
  expect(outputsOf(reached(pilot("B")), 32).dutyPermille).toBe(1000);
  expect(outputsOf(reached(pilot("B"), authorize), 32).dutyPermille).toBe(266);
  expect(outputsOf(reached(...charging), 32).dutyPermille).toBe(266);
  expect(outputsOf(reached(...charging, pilot("E")), 32).dutyPermille).toBe(1000);
});

const INPUTS: Readonly<Record<string, ChargingInput>> = {
  A: pilot("A"),
  B: pilot("B"),
  C: pilot("C"),
  D: pilot("D"),
  E: pilot("E"),
  F: pilot("F"),
  unsettled,
  open: { type: "contactor", isWelded: false },
  closed: { type: "contactor", isWelded: true },
  authorize,
  timeout,
  withdraw,
  stop,
  abort,
};

/** Transition table: one row per state, one column per input. "." is the same state object. */
const TRANSITIONS = `
            A         B         C        D        E       F        unsettled open     closed authorize  timeout   withdraw stop      abort
available   .         plugged   plugged  plugged  shorted negative .         .        welded .          .         .        .         .
plugged     available .         .        .        shorted negative .         .        welded authorized .         .        .         .
authorized  available .         charging charging shorted negative .         .        welded .          plugged   .        plugged   plugged
charging    away      suspended .        .        shorted negative suspended .        welded .          .         pausing  stopping  finishing
pausing     away      suspended .        .        shorted negative suspended .        welded .          suspended .        stopping  finishing
stopping    available finishing .        .        shorted negative finishing .        welded .          finishing .        .         finishing
suspended   away      .         charging charging shorted negative .         .        welded .          .         .        finishing finishing
away        .         suspended charging charging shorted negative .         .        welded .          available .        available available
finishing   available .         .        .        shorted negative .         .        welded authorized .         .        .         .
shorted     available .         .        .        .       .        .         .        welded .          .         .        .         .
negative    available .         .        .        .       .        .         .        welded .          .         .        .         .
welded      .         .         .        .        .       .        .         unwelded .      .          .         .        .         .
unwelded    available .         .        .        .       .        .         .        welded .          .         .        .         .
`;

describe("the transition table", () => {
  const [inputNames = [], ...rows] = TRANSITIONS.trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/));

  test("has a row for each state and a column for each input", () => {
    expect(rows.map(([name]) => name)).toEqual(STATE_NAMES);
    expect(inputNames).toEqual(Object.keys(INPUTS));
  });

  test.each(rows)("leads from state %s to the states of its row", (from, ...expected) => {
    const state = STATES[from as StateName];
    for (const [i, name] of inputNames.entries()) {
      const reachedState = nextState(state, INPUTS[name] as ChargingInput);
      if (expected[i] === ".") expect(reachedState).toBe(state);
      else expect(reachedState).toEqual(STATES[expected[i] as StateName]);
    }
  });
});

describe("the outputs", () => {
  const OFF: ChargingOutputs = { contactorClosed: false, dutyPermille: 1000, isLocked: false };

  test.each<[StateName, ChargingOutputs]>([
    ["available", OFF],
    ["plugged", OFF],
    ["authorized", { contactorClosed: false, dutyPermille: 266, isLocked: true }],
    ["charging", { contactorClosed: true, dutyPermille: 266, isLocked: true }],
    ["pausing", { contactorClosed: true, dutyPermille: 1000, isLocked: true }],
    ["stopping", { contactorClosed: true, dutyPermille: 1000, isLocked: true }],
    ["suspended", { contactorClosed: false, dutyPermille: 266, isLocked: true }],
    ["away", { contactorClosed: false, dutyPermille: 266, isLocked: true }],
    ["finishing", OFF],
    ["shorted", OFF],
    ["negative", OFF],
    ["welded", { ...OFF, isLocked: true }],
    ["unwelded", OFF],
  ])("of state %s match the table", (name, outputs) => {
    expect(outputsOf(STATES[name], 32)).toEqual(outputs);
  });

  test.each([
    [32, 266],
    [16, 266],
    [10, 166],
    [6, 100],
  ])("under a limit of %d A close the contactor and offer %d permille", (limitA, dutyPermille) => {
    expect(outputsOf(STATES.charging, limitA)).toEqual({
      contactorClosed: true,
      dutyPermille,
      isLocked: true,
    });
  });

  test.each([5.99, 5, 0, -1, Number.NaN])("under a limit of %d A open the contactor", (limitA) => {
    const paused = { contactorClosed: false, dutyPermille: 1000, isLocked: true };
    for (const name of ["authorized", "charging", "suspended", "away"] as const) {
      expect(outputsOf(STATES[name], limitA)).toEqual(paused);
    }
  });

  test("offer nothing for a grant of less than 6 A", () => {
    const small = { ...session, grant: { ...session.grant, currentA: 5 } };
    const state: ChargingState = { type: "charging", session: small };
    expect(outputsOf(state, 32)).toEqual({
      contactorClosed: false,
      dutyPermille: 1000,
      isLocked: true,
    });
  });
});

test("a session is active from the first request for energy to its end, also while it is suspended", () => {
  const withSession = STATE_NAMES.filter((name) => sessionOf(STATES[name]) !== undefined);
  expect(withSession).toEqual(["charging", "pausing", "stopping", "suspended", "away"]);
  expect(sessionOf(STATES.suspended)).toBe(session);
});

test.each<[StateName, StateName, string]>([
  ["away", "available", "unplugged"],
  ["stopping", "finishing", "stopped"],
  ["stopping", "available", "stopped"],
  ["suspended", "finishing", "stopped"],
  ["charging", "finishing", "stopped"],
  ["pausing", "finishing", "stopped"],
  ["pausing", "available", "unplugged"],
  ["charging", "shorted", "faulted"],
  ["stopping", "shorted", "faulted"],
  ["charging", "welded", "faulted"],
])("a session that ends between %s and %s was %s", (before, after, why) => {
  expect(sessionEndOf(STATES[before], STATES[after])).toBe(why);
});
