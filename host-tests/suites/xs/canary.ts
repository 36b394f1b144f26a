import { describe, expect, test } from "@jest/globals";

/** Not a test file of jest's: what has to be found when tests run on XS. */
describe("canary", () => {
  test("passes", () => expect(1).toBe(1));
  test("fails", () => expect(1).toBe(2));
});
