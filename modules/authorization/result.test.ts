import { describe, expect, test } from "@jest/globals";
import { resultOf, resultOfFailure } from "./result.js";
import type { VerificationFailureCode } from "./verifier.js";

describe("resultOfFailure", () => {
  test.each<[VerificationFailureCode, number]>([
    ["timeout", 408],
    ["offline", 503],
    ["queue-full", 503],
    ["unprovisioned", 500],
    ["untrusted", 502],
    ["refused", 500],
    ["no-decision", 502],
    ["unknown-offline", 503],
  ])("reports the failure %s with code %s and its message", (code, result) => {
    const failed = { state: "failed", code: result, reason: "no answer in 10 s" };
    expect(resultOfFailure({ code, message: "no answer in 10 s" })).toEqual(failed);
  });
});

test.each([
  [200, "authorized"],
  [400, "rejected"],
  [403, "rejected"],
  [408, "failed"],
  [409, "rejected"],
  [423, "busy"],
  [429, "busy"],
  [500, "failed"],
  [502, "failed"],
  [503, "failed"],
] as const)("resultOf gives the code %d the state %s", (code, state) => {
  expect(resultOf(code, "why")).toEqual({ state, code, reason: "why" });
});
