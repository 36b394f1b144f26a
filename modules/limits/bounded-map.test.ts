import { describe, expect, test } from "@jest/globals";
import { BoundedMap } from "./index.js";

describe("BoundedMap", () => {
  test("drops the entry that was set first when it is full", () => {
    const map = new BoundedMap<string, number>(2).set("a", 1).set("b", 2).set("c", 3);
    expect([...map]).toEqual([
      ["b", 2],
      ["c", 3],
    ]);
  });

  test("makes an entry the latest when it is set again", () => {
    const map = new BoundedMap<string, number>(2).set("a", 1).set("b", 2).set("a", 3).set("c", 4);
    expect([...map]).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
  });

  test("drops nothing when a present entry is set in a full map", () => {
    const map = new BoundedMap<string, number>(2).set("a", 1).set("b", 2).set("b", 3);
    expect(map.size).toBe(2);
  });
});
