import { describe, expect, test } from "@jest/globals";

/** Not a test file of Jest: one passing and one failing test, which the runner on XS has to tell apart. */
describe("canary", () => {
  test("passes", () => expect(1).toBe(1));
  test("fails", () => expect(1).toBe(2));
});
