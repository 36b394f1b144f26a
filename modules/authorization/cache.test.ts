import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { AnswerCache } from "./cache.js";

const MAX_ANSWERS = 64;
const ALICE = "a".repeat(64);
const BOB = "b".repeat(64);

/** Returns a distinct hash for each number. */
function hashOf(n: number): string {
  return n.toString(16).padStart(64, "0").split("").reverse().join("");
}

function makeCache() {
  const clock = new VirtualClock();
  return { clock, cache: new AnswerCache({ clock }) };
}

describe("AnswerCache", () => {
  test("returns an answer with its current until its time has passed", () => {
    const { clock, cache } = makeCache();
    cache.allow(ALICE, 60, 16);
    clock.advance(59_999);
    expect(cache.get(ALICE)).toEqual({ maxCurrentA: 16 });
    clock.advance(1);
    expect(cache.get(ALICE)).toBeUndefined();
  });

  test("returns an answer without a current when the platform named none", () => {
    const { cache } = makeCache();
    cache.allow(ALICE, 60, undefined);
    expect(cache.get(ALICE)).toEqual({ maxCurrentA: undefined });
  });

  test("returns nothing for other tags", () => {
    const { cache } = makeCache();
    cache.allow(ALICE, 60, 16);
    expect(cache.get(BOB)).toBeUndefined();
  });

  test("ignores changes of the wall clock", () => {
    const { clock, cache } = makeCache();
    cache.allow(ALICE, 60, 16);
    clock.setEpochMs(4_000_000_000_000);
    expect(cache.get(ALICE)).toEqual({ maxCurrentA: 16 });
  });

  test("replaces an earlier answer for the same tag, also by a shorter one", () => {
    const { clock, cache } = makeCache();
    cache.allow(ALICE, 3600, 32);
    cache.allow(ALICE, 10, 6);
    expect(cache.size).toBe(1);
    expect(cache.get(ALICE)).toEqual({ maxCurrentA: 6 });
    clock.advance(10_000);
    expect(cache.get(ALICE)).toBeUndefined();
  });

  test("forgets one tag and keeps the others", () => {
    const { cache } = makeCache();
    cache.allow(ALICE, 60, 16);
    cache.allow(BOB, 60, 10);
    cache.forget(ALICE);
    expect(cache.get(ALICE)).toBeUndefined();
    expect(cache.get(BOB)).toEqual({ maxCurrentA: 10 });
  });

  test("is empty after it is cleared", () => {
    const { cache } = makeCache();
    cache.allow(ALICE, 60, 16);
    cache.clear();
    expect(cache.size).toBe(0);
    expect(cache.get(ALICE)).toBeUndefined();
  });

  test("holds 64 answers; a further one replaces the oldest", () => {
    const { cache } = makeCache();
    for (let n = 0; n < MAX_ANSWERS; n++) cache.allow(hashOf(n), 60, 16);
    expect(cache.size).toBe(MAX_ANSWERS);
    expect(cache.get(hashOf(0))).toBeDefined();
    cache.allow(hashOf(MAX_ANSWERS), 60, 16);
    expect(cache.size).toBe(MAX_ANSWERS);
    expect(cache.get(hashOf(0))).toBeUndefined();
    for (let n = 1; n <= MAX_ANSWERS; n++) expect(cache.get(hashOf(n))).toBeDefined();
  });

  test("counts a tag that is allowed again as the newest", () => {
    const { cache } = makeCache();
    for (let n = 0; n < MAX_ANSWERS; n++) cache.allow(hashOf(n), 60, 16);
    cache.allow(hashOf(0), 60, 16);
    cache.allow(hashOf(MAX_ANSWERS), 60, 16);
    expect(cache.get(hashOf(0))).toBeDefined();
    expect(cache.get(hashOf(1))).toBeUndefined();
  });
});
