import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { PairingParameters } from "../modules/pairing/index.js";
import {
  INITIAL_STATE,
  type LifeCycleEffect,
  type LifeCycleInput,
  type LifeCycleState,
  type LifeCycleStep,
  lifeCycleOf,
  nextLifeCycle,
  parametersOf,
} from "./life-cycle.js";

const PARAMETERS = makeParameters("owner@example.com");
const OTHERS = makeParameters("other@example.com");

function makeParameters(email: string): PairingParameters {
  return { email, token: "token", host: "broker.example", port: 8883, tls: true };
}

interface Transition extends LifeCycleStep {
  readonly before: LifeCycleState;
  readonly input: LifeCycleInput;
}

const anyParameters = fc.constantFrom(PARAMETERS, OTHERS);
const anyInput: fc.Arbitrary<LifeCycleInput> = fc.oneof(
  fc.record({
    type: fc.constant("started" as const),
    parameters: fc.option(anyParameters, { nil: undefined }),
  }),
  fc.record({ type: fc.constant("candidate" as const), leavesOwner: fc.boolean(), isLeaving: fc.boolean() }),
  fc.record({ type: fc.constant("paired" as const), parameters: anyParameters, isLinkUp: fc.boolean() }),
  fc.record({ type: fc.constant("transfer-failed" as const), isLinkUp: fc.boolean() }),
  fc.record({ type: fc.constant("left" as const), isClean: fc.boolean() }),
  fc.record({ type: fc.constant("platform" as const), isOnline: fc.boolean() }),
  fc.record({ type: fc.constant("reset" as const), isFree: fc.boolean() }),
  fc.constantFrom<LifeCycleInput>(
    { type: "candidate-failed" },
    { type: "transfer" },
    { type: "link-up" },
    { type: "charger-free" },
  ),
);

/** Checks each transition of random sequences of inputs, which begin at the initial state. */
function always(check: (transition: Transition, past: readonly Transition[]) => void): void {
  fc.assert(
    fc.property(fc.array(anyInput, { maxLength: 30 }), (inputs) => {
      const past: Transition[] = [];
      let state = INITIAL_STATE;
      for (const input of inputs) {
        const transition = { before: state, input, ...nextLifeCycle(state, input) };
        check(transition, past);
        past.push(transition);
        state = transition.state;
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
}

function effectOf<Type extends LifeCycleEffect["type"]>({ effects }: LifeCycleStep, type: Type) {
  return effects.find((effect): effect is LifeCycleEffect & { type: Type } => effect.type === type);
}

function isResetDue(state: LifeCycleState): boolean {
  return "isResetDue" in state && state.isResetDue;
}

describe("nextLifeCycle, for every sequence of inputs,", () => {
  test("restarts only for a reset, and only while the charger is free", () => {
    always((transition, past) => {
      if (!effectOf(transition, "restart")) return;
      const { input } = transition;
      if (input.type === "reset") expect(input.isFree).toBe(true);
      else {
        expect(input.type).toBe("charger-free");
        expect(past.some((earlier) => earlier.input.type === "reset")).toBe(true);
      }
    });
  });

  test("erases the records with each restart, and never without a reset", () => {
    always((transition) => {
      const isErased = effectOf(transition, "erase-records") !== undefined;
      if (effectOf(transition, "restart")) expect(isErased).toBe(true);
      if (isErased) expect(transition.input.type === "reset" || isResetDue(transition.before)).toBe(true);
    });
  });

  test("keeps no parameters after a reset", () => {
    always(({ input, state }) => {
      if (input.type === "reset") expect(parametersOf(state)).toBeUndefined();
      if (isResetDue(state)) expect(parametersOf(state)).toBeUndefined();
    });
  });

  test("begins a candidate only as it enters `trying`", () => {
    always((transition) => {
      const begins = effectOf(transition, "begin-candidate") !== undefined;
      if (begins) expect(transition.state.type).toBe("trying");
      if (transition.state.type === "trying" && transition.before.type !== "trying")
        expect(begins).toBe(true);
    });
  });

  test("has the parameters that were proven last, or none", () => {
    always((transition, past) => {
      const parameters = parametersOf(transition.state);
      if (!parameters) return;
      const proven = [...past, transition].flatMap(({ input }) =>
        (input.type === "started" || input.type === "paired") && input.parameters ? [input.parameters] : [],
      );
      expect(parameters).toBe(proven.at(-1));
    });
  });

  test("joins and connects only with the parameters of the state it enters", () => {
    always((transition) => {
      const { state } = transition;
      const join = effectOf(transition, "join");
      const connect = effectOf(transition, "connect");
      if (join) expect(state).toEqual({ type: "joining", parameters: join.parameters });
      if (connect) expect(state).toEqual({ type: "connecting", parameters: connect.parameters });
    });
  });

  test("continues a transfer only after the present owner was left", () => {
    always((transition) => {
      if (!effectOf(transition, "continue-transfer")) return;
      expect(transition.before).toMatchObject({ type: "leaving", next: "transfer" });
      expect(transition.input.type).toBe("left");
    });
  });

  test("ends each step with the effect that may report an input before it returns", () => {
    const reporting: readonly string[] = ["leave-owner", "begin-candidate", "continue-transfer"];
    always(({ effects }) => {
      const isReporting = effects.map(({ type }) => reporting.includes(type));
      expect(isReporting.slice(0, -1)).not.toContain(true);
    });
  });

  test("returns the same state where an input changes nothing", () => {
    always(({ before, state, effects }) => {
      if (effects.length === 0 && JSON.stringify(before) === JSON.stringify(state))
        expect(state).toBe(before);
    });
  });

  test("is reported as one of the five states of `/status`", () => {
    always(({ state }) => {
      expect(["unpaired", "joining", "connecting", "online", "offline"]).toContain(lifeCycleOf(state));
    });
  });
});
