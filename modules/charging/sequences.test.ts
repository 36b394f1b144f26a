/** Tests every sequence of five inputs. A file of its own keeps the unit tests fast enough for mutation tests. */

import { test } from "@jest/globals";
import { type ChargingInput, type ChargingState, nextState, outputsOf } from "./machine.js";
import { type PilotState, requestsEnergy } from "./pilot.js";

const session = { id: "0001", grant: { tag: "00", tagEnd: "1234", method: "ble" as const, currentA: 16 } };
const authorize: ChargingInput = { type: "authorize", session };

function pilot(state: PilotState): ChargingInput {
  return { type: "pilot", pilot: state };
}

const INPUTS: readonly ChargingInput[] = [
  ...(["A", "B", "C", "D", "E", "F"] as const).map(pilot),
  authorize,
  { type: "timeout" },
  { type: "withdraw" },
  { type: "stop" },
  { type: "abort" },
  { type: "pilot-unsettled" },
];

/** A simple model beside the machine: it knows what was granted and measured, and not the machine's states. */
class Model {
  #pilot: PilotState = "A";
  #isGranted = false;
  /** The vehicle has requested energy since its authorization. */
  #hasStarted = false;
  #wasClosed = false;
  /** The offer was withdrawn while the contactor was closed. */
  #isEnding = false;

  /** Returns what is wrong with the outputs after an input; `undefined` if nothing is. */
  check(input: ChargingInput, state: ChargingState): string | undefined {
    const { contactorClosed, dutyPermille } = outputsOf(state, 32);
    const requestsNow = input.type === "pilot" && requestsEnergy(input.pilot);
    if (input.type === "pilot") this.#pilot = input.pilot;
    const wasGranted = this.#isGranted;
    this.#updateGrant(input);
    this.#hasStarted ||= requestsNow && this.#isGranted;
    const wasEnding = this.#isEnding;
    if (input.type === "withdraw" || input.type === "stop") this.#isEnding ||= this.#wasClosed;
    const wasClosed = this.#wasClosed;
    this.#wasClosed = contactorClosed;
    if (!contactorClosed) {
      this.#isEnding = false;
      return undefined;
    }
    if (!requestsEnergy(this.#pilot)) return "closed, and the vehicle is not in C or D";
    if (input.type === "abort" || input.type === "pilot-unsettled") return `closed after ${input.type}`;
    if (wasEnding && input.type === "timeout") return "closed after the time to stop";
    if (!wasClosed && !(requestsNow && wasGranted)) return "closes without a grant and a request for energy";
    if (this.#isEnding !== (dutyPermille === 1000)) return `closed at a duty of ${dutyPermille}`;
    return undefined;
  }

  #updateGrant(input: ChargingInput): void {
    const isOver =
      input.type === "stop" ||
      input.type === "abort" ||
      this.#pilot === "E" ||
      this.#pilot === "F" ||
      (this.#pilot === "A" && (!this.#hasStarted || input.type === "timeout")) ||
      (input.type === "timeout" && !this.#hasStarted);
    if (isOver) this.#isGranted = false;
    else if (input.type === "authorize") this.#isGranted = true;
    if (!this.#isGranted) this.#hasStarted = false;
  }
}

test("after any five inputs the contactor is closed only by a grant and a C or D since, and under a steady pilot only until the vehicle or its time has ended that", () => {
  for (let n = 0; n < INPUTS.length ** 5; n++) {
    let state: ChargingState = { type: "available" };
    const model = new Model();
    for (let rest = n, i = 0; i < 5; i++, rest = Math.floor(rest / INPUTS.length)) {
      const input = INPUTS[rest % INPUTS.length] as ChargingInput;
      state = nextState(state, input);
      const problem = model.check(input, state);
      if (problem) throw new Error(`sequence ${n}, input ${i}: ${problem}, in ${JSON.stringify(state)}`);
    }
  }
});
