import { describe, expect, test } from "@jest/globals";
import { type ChargingInput, type ChargingState, nextState, outputsOf, sessionOf } from "./machine.js";
import type { PilotState } from "./pilot.js";

const session = { id: "0001", grant: { tag: "00", tagEnd: "1234", method: "ble" as const, currentA: 16 } };
const authorize: ChargingInput = { type: "authorize", session };

function pilot(state: PilotState): ChargingInput {
  return { type: "pilot", pilot: state };
}

function reached(...inputs: ChargingInput[]): ChargingState {
  let state: ChargingState = { type: "available" };
  for (const input of inputs) state = nextState(state, input);
  return state;
}

const charging = [pilot("B"), authorize, pilot("C")];

describe("the way to a session", () => {
  test("a vehicle is plugged, authorized, and draws", () => {
    expect(reached(pilot("B")).type).toBe("plugged");
    expect(reached(pilot("B"), authorize).type).toBe("authorized");
    expect(reached(...charging)).toEqual({ type: "charging", session, drawing: true });
  });

  test("what was measured before the square wave closes nothing: only that shows the diode", () => {
    expect(reached(pilot("C"), authorize)).toEqual({ type: "authorized", session });
    expect(reached(pilot("C"), authorize, pilot("E")).type).toBe("faulted");
    expect(reached(pilot("C"), authorize, pilot("C"))).toEqual({ type: "charging", session, drawing: true });
  });

  test("a vehicle that wants ventilation (D) draws too", () => {
    expect(outputsOf(reached(pilot("B"), authorize, pilot("D")), 32).contactorClosed).toBe(true);
  });

  test("without a vehicle nothing is authorized", () => {
    expect(reached(authorize).type).toBe("available");
  });

  test("an authorization expires", () => {
    expect(reached(pilot("B"), authorize, { type: "authorization-expired" }).type).toBe("plugged");
    expect(reached(...charging, { type: "authorization-expired" }).type).toBe("charging");
  });

  test("a second authorization changes nothing", () => {
    const second: ChargingInput = { type: "authorize", session: { ...session, id: "0002" } };
    expect(sessionOf(reached(...charging, second))?.id).toBe("0001");
  });
});

describe("the contactor feedback after a fault", () => {
  const faulted = reached(...charging, pilot("E"));

  test("that reports a closed contactor keeps the station faulted, and locks the plug", () => {
    expect(outputsOf(faulted, 32).isLocked).toBe(false);
    const welded = nextState(faulted, { type: "contactor", differs: "closed" });
    expect(welded).toMatchObject({ type: "faulted", contactor: "closed" });
    expect(outputsOf(welded, 32)).toEqual({ contactorClosed: false, dutyPermille: 1000, isLocked: true });
  });

  test("that reports a closed contactor once more changes nothing", () => {
    const welded = nextState(faulted, { type: "contactor", differs: "closed" });
    expect(nextState(welded, { type: "contactor", differs: "closed" })).toBe(welded);
  });

  test("that reports a closed contactor holds the plug although the vehicle's pilot has left", () => {
    const welded = nextState(faulted, { type: "contactor", differs: "closed" });
    const left = nextState(welded, pilot("A"));
    expect(left.type).toBe("faulted");
    expect(outputsOf(left, 32).isLocked).toBe(true);
  });

  test("that matches the command unlocks the plug and waits for the vehicle to leave", () => {
    const welded = nextState(faulted, { type: "contactor", differs: "closed" });
    const opened = nextState(welded, { type: "contactor", differs: undefined });
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
    ["is stopped", { type: "stop" }],
    ["leaves C and does not settle", { type: "pilot-unsettled" }],
  ])("opens when a charging vehicle %s", (_name, input) => {
    expect(outputsOf(reached(...charging), 32).contactorClosed).toBe(true);
    expect(outputsOf(reached(...charging, input), 32).contactorClosed).toBe(false);
  });

  test("closes again when a vehicle goes on after a pause, in the same session", () => {
    const state = reached(...charging, pilot("B"), pilot("C"));
    expect(outputsOf(state, 32).contactorClosed).toBe(true);
    expect(sessionOf(state)?.id).toBe("0001");
  });

  test("stays open after a stop until the vehicle has left and is authorized anew", () => {
    const stopped = reached(...charging, { type: "stop" });
    expect(stopped.type).toBe("finishing");
    expect(nextState(nextState(stopped, pilot("C")), authorize).type).toBe("finishing");
    expect(nextState(stopped, pilot("A")).type).toBe("available");
  });

  test("stays open after a fault until the vehicle has left", () => {
    const faulted = reached(...charging, pilot("E"));
    expect(faulted.type).toBe("faulted");
    expect(nextState(nextState(faulted, pilot("C")), authorize).type).toBe("faulted");
    expect(nextState(faulted, pilot("A")).type).toBe("available");
  });

  test("is closed only with a session and a vehicle in C or D since then, after any inputs at all", () => {
    const inputs: ChargingInput[] = [
      ...(["A", "B", "C", "D", "E", "F"] as const).map(pilot),
      authorize,
      { type: "authorization-expired" },
      { type: "stop" },
      { type: "pilot-unsettled" },
    ];
    // Every sequence of 5 inputs, with what the model says beside it.
    for (let n = 0; n < inputs.length ** 5; n++) {
      let state: ChargingState = { type: "available" };
      let lastPilot: PilotState = "A";
      let granted = false;
      let isMeasured = false;
      for (let rest = n, i = 0; i < 5; i++, rest = Math.floor(rest / inputs.length)) {
        const input = inputs[rest % inputs.length] as ChargingInput;
        if (input.type === "pilot") lastPilot = input.pilot;
        // An authorization of what is authorized already changes nothing.
        if (input.type === "pilot") isMeasured = true;
        else if (input.type === "authorize" && !granted) isMeasured = false;
        if (input.type === "authorize") granted ||= lastPilot !== "A";
        else if (lastPilot === "A" || lastPilot === "E" || lastPilot === "F") granted = false;
        state = nextState(state, input);
        if (!outputsOf(state, 32).contactorClosed) continue;
        if (!granted || !isMeasured || (lastPilot !== "C" && lastPilot !== "D")) {
          throw new Error(`sequence ${n}, input ${i}: the contactor is closed in ${JSON.stringify(state)}`);
        }
      }
    }
  });
});

test("the pilot offers the granted current while authorized or charging, and nothing else", () => {
  expect(outputsOf(reached(pilot("B")), 32).dutyPermille).toBe(1000);
  expect(outputsOf(reached(pilot("B"), authorize), 32).dutyPermille).toBe(266);
  expect(outputsOf(reached(...charging), 32).dutyPermille).toBe(266);
  expect(outputsOf(reached(...charging, pilot("E")), 32).dutyPermille).toBe(1000);
});
