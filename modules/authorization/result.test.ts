import { describe, expect, test } from "@jest/globals";
import { resultOfFailure } from "./result.js";
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
