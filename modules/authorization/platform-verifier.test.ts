import { beforeEach, describe, expect, test } from "@jest/globals";
import type { JSONObject } from "../json/index.js";
import { type RequestFailure, type RequestOutcome, requestFailure } from "../requests/index.js";
import { PlatformVerifier, type Verdict } from "./index.js";

const CARD = { tag: "04A1B2C3", hash: "ab".repeat(32), method: "ble" } as const;
const UNCLEAR = {
  type: "failed",
  failure: { code: "no-decision", message: "the platform's answer does not say whether the tag may charge" },
};
const NO_CURRENT = {
  type: "failed",
  failure: {
    code: "no-decision",
    message: "the platform's answer has a maxCurrent that no station can offer",
  },
};

let requests: { readonly endpoint: string; readonly data: JSONObject }[];
let closed: number;

/** Verifies a card at a platform with this answer. */
function verify(outcome: RequestOutcome): Verdict[] {
  const verdicts: Verdict[] = [];
  const verifier = new PlatformVerifier({
    request: (endpoint, data, done) => {
      requests.push({ endpoint, data });
      done(outcome);
      return { close: () => closed++ };
    },
  });
  verifier.verify(CARD, (verdict) => verdicts.push(verdict)).close();
  return verdicts;
}

function verdictOf(data: JSONObject): Verdict | undefined {
  return verify({ ok: true, data })[0];
}

function verdictOfFailure(failure: RequestFailure): Verdict | undefined {
  return verify({ ok: false, failure })[0];
}

function refused(platformCode: number): RequestFailure {
  return { code: "refused", message: `the platform answered with code ${platformCode}`, platformCode };
}

beforeEach(() => {
  requests = [];
  closed = 0;
});

describe("PlatformVerifier", () => {
  test("requests the endpoint authorize with tag and method, decides once, and returns the request", () => {
    expect(verify({ ok: true, data: { authorized: true } })).toEqual([{ type: "authorized" }]);
    expect(requests).toEqual([{ endpoint: "authorize", data: { tag: "04A1B2C3", method: "ble" } }]);
    expect(closed).toBe(1);
  });

  test.each<[JSONObject, object]>([
    [{ maxCurrent: 10 }, { maxCurrentA: 10 }],
    [{ maxCurrent: 6 }, { maxCurrentA: 6 }],
    [{ maxCurrent: 1000 }, { maxCurrentA: 1000 }],
    [{ cacheFor: 1 }, { cacheForS: 1 }],
    [
      { maxCurrent: 10, cacheFor: 600 },
      { maxCurrentA: 10, cacheForS: 600 },
    ],
    [{ cacheFor: 0 }, {}],
    [{ cacheFor: "600" }, {}],
    [{ cacheFor: 2 ** 53 }, {}],
  ])("authorizes with the limits %j of the answer", (fields, limits) => {
    expect(verdictOf({ authorized: true, ...fields })).toEqual({ type: "authorized", ...limits });
  });

  test.each([[5.99], [0], [-10], ["10"], [null], [2 ** 53]])(
    "has no decision when the answer authorizes %j A",
    (maxCurrent) => {
      expect(verdictOf({ authorized: true, maxCurrent })).toEqual(NO_CURRENT);
    },
  );

  test.each<[JSONObject, string]>([
    [{ reason: "blocked" }, "blocked"],
    [{ reason: "x".repeat(64) }, "x".repeat(64)],
    [{ reason: "x".repeat(65) }, "not-allowed"],
    [{ reason: 5 }, "not-allowed"],
    [{}, "not-allowed"],
    [{ maxCurrent: 1 }, "not-allowed"],
  ])("rejects an answer with %j for the reason %s", (fields, reason) => {
    expect(verdictOf({ authorized: false, ...fields })).toEqual({ type: "rejected", reason });
  });

  test.each<[JSONObject]>([
    [{}],
    [{ authorized: 1 }],
    [{ authorized: 0 }],
    [{ authorized: "true" }],
    [{ authorized: null }],
    [{ reason: "blocked" }],
  ])("has no decision when the answer is %j", (data) => {
    expect(verdictOf(data)).toEqual(UNCLEAR);
  });

  test.each(["timeout", "offline", "unprovisioned", "queue-full", "untrusted"] as const)(
    "passes on the failure of a request that failed with %s",
    (code) => {
      const failure = requestFailure(code);
      expect(failure.message).not.toBe("");
      expect(verdictOfFailure(failure)).toEqual({ type: "failed", failure });
    },
  );

  test("rejects a request that the platform refused with 403", () => {
    expect(verdictOfFailure(refused(403))).toEqual({ type: "rejected", reason: "not-allowed" });
  });

  test.each([200, 400, 404, 500])("fails when the platform refused with %d", (platformCode) => {
    const failure = refused(platformCode);
    expect(verdictOfFailure(failure)).toEqual({ type: "failed", failure });
  });
});
