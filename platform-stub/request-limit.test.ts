import { expect, test } from "@jest/globals";
import { RequestLimit } from "./request-limit.js";

test("RequestLimit refuses the first request of a device beyond the limit, and drops further ones until a minute is over", () => {
  let nowMs = 0;
  const limit = new RequestLimit({ maxRequests: 2, now: () => nowMs });
  const admitted = () => Array.from({ length: 4 }, () => limit.admit("cafe-1"));
  expect(admitted()).toEqual(["accepted", "accepted", "refused", "dropped"]);
  expect(limit.admit("cafe-2")).toBe("accepted");
  nowMs = 59_999;
  expect(limit.admit("cafe-1")).toBe("dropped");
  nowMs = 60_000;
  expect(admitted()).toEqual(["accepted", "accepted", "refused", "dropped"]);
});
