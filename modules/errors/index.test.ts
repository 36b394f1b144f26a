import { describe, expect, test } from "@jest/globals";
import { messageOf } from "./index.js";

describe("messageOf", () => {
  test("returns the message of an Error", () => {
    expect(messageOf(new RangeError("the flash is full"))).toBe("the flash is full");
  });

  test.each([new Error(""), "text", undefined])("returns `unknown` for %p", (error) => {
    expect(messageOf(error)).toBe("unknown");
  });
});
