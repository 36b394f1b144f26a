/** Tests every sequence of five inputs. A file of its own keeps the unit tests fast enough for mutation tests. */

import { test } from "@jest/globals";
import { type ChargingInput, type ChargingState, nextState, outputsOf } from "./machine.js";
import type { PilotState } from "./pilot.js";

const session = { id: "0001", grant: { tag: "00", tagEnd: "1234", method: "ble" as const, currentA: 16 } };
const authorize: ChargingInput = { type: "authorize", session };

function pilot(state: PilotState): ChargingInput {
  return { type: "pilot", pilot: state };
}

test("after any five inputs the contactor is closed only with a session and a vehicle in C or D since its authorization", () => {
  const inputs: ChargingInput[] = [
    ...(["A", "B", "C", "D", "E", "F"] as const).map(pilot),
    authorize,
    { type: "authorization-expired" },
    { type: "stop" },
    { type: "pilot-unsettled" },
  ];
  // A simple model runs beside the machine: whether charging is granted, and whether the pilot was measured since.
  for (let n = 0; n < inputs.length ** 5; n++) {
    let state: ChargingState = { type: "available" };
    let lastPilot: PilotState = "A";
    let granted = false;
    let isMeasured = false;
    for (let rest = n, i = 0; i < 5; i++, rest = Math.floor(rest / inputs.length)) {
      const input = inputs[rest % inputs.length] as ChargingInput;
      if (input.type === "pilot") lastPilot = input.pilot;
      // A second authorization changes nothing.
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
