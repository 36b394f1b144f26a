import { expect, test } from "@jest/globals";
import { Shelter } from "./shelter.js";

test("work that fails gives nothing, and why is said once in 10 minutes", () => {
  const said: string[] = [];
  let now = 0;
  const shelter = new Shelter(
    (why) => said.push(why),
    () => now,
  );
  const fail = (why: string) =>
    shelter.run(() => {
      throw new Error(why);
    });
  expect(shelter.run(() => 5)).toBe(5);
  for (const why of ["full", "busy", "full", "busy"]) expect(fail(why)).toBeUndefined();
  now = 599_999;
  fail("full");
  expect(said).toEqual(["full", "busy"]);
  now = 600_000;
  fail("full");
  expect(said).toEqual(["full", "busy", "full"]);
});
