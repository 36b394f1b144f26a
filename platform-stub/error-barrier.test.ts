import { expect, test } from "@jest/globals";
import { ErrorBarrier } from "./error-barrier.js";

test("an error barrier returns undefined for failed work and reports each failure once in 10 minutes", () => {
  const reported: string[] = [];
  let now = 0;
  const errorBarrier = new ErrorBarrier(
    (why) => reported.push(why),
    () => now,
  );
  const fail = (why: string) =>
    errorBarrier.run(() => {
      throw new Error(why);
    });
  expect(errorBarrier.run(() => 5)).toBe(5);
  for (const why of ["full", "busy", "full", "busy"]) expect(fail(why)).toBeUndefined();
  now = 599_999;
  fail("full");
  expect(reported).toEqual(["full", "busy"]);
  now = 600_000;
  fail("full");
  expect(reported).toEqual(["full", "busy", "full"]);
});
