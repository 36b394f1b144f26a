/** Every sequence of five inputs: apart from the unit tests, so that these stay fast enough for mutation tests. */

import { test } from "@jest/globals";
import { type ChargingInput, type ChargingState, nextState, outputsOf } from "./machine.js";
import type { PilotState } from "./pilot.js";

const session = { id: "0001", grant: { tag: "00", tagEnd: "1234", method: "ble" as const, currentA: 16 } };
const authorize: ChargingInput = { type: "authorize", session };

function pilot(state: PilotState): ChargingInput {
  return { type: "pilot", pilot: state };
}

test("the contactor is closed only with a session and a vehicle in C or D since then, after any inputs at all", () => {
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
