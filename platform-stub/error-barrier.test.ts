import { expect, test } from "@jest/globals";
import { ErrorBarrier } from "./error-barrier.js";

test("work that fails gives nothing, and why is said once in 10 minutes", () => {
  const said: string[] = [];
  let now = 0;
  const errorBarrier = new ErrorBarrier(
    (why) => said.push(why),
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
  expect(said).toEqual(["full", "busy"]);
  now = 600_000;
  fail("full");
  expect(said).toEqual(["full", "busy", "full"]);
});
