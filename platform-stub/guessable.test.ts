import { describe, expect, test } from "@jest/globals";
import { CAFE } from "../host-tests/suites/owners.js";
import { Random } from "../host-tests/virtual/world/random.js";
import { makeCardId } from "./cards.js";
import type { Accepts } from "./entries.js";
import { guessFinder } from "./guessable.js";

function card(tag: string, accepts?: Accepts) {
  return { tag, owner: CAFE.email, accepts };
}

function warningOf(tag: string, others: readonly string[] = []): string | undefined {
  const cards = [tag, ...others].map((one) => card(one));
  return guessFinder(cards)(card(tag));
}

describe("guessFinder", () => {
  test.each([
    ["GUEST-0001", "it is a word and 4 digits"],
    ["CARD000000000123", "it is too short or too regular"],
    ["FORMULA", "it is a word"],
    ["anna.novak", "it is a word"],
    ["0000000001", "it is too short or too regular"],
    ["1234567890", "it is too short or too regular"],
    ["9876543210", "it is too short or too regular"],
    ["ABCDEF123456", "it is a word and 6 digits"],
    ["aaaaaaaaaaaaaaaa", "it is too short or too regular"],
    ["837261", "it is too short or too regular"],
    ["K7Q2", "it is too short or too regular"],
  ])("warns of %s: %s", (tag, why) => {
    expect(warningOf(tag)).toBe(
      `${tag} can be guessed: ${why}. Let the platform make the number, or let the card accept only proofs.`,
    );
  });

  test.each([
    ["a number of the platform", "ka5tqgx2m7bd4wzn"],
    ["a number of letters only", "qwkzmxhtbvjrpyfd"],
    ["an RFID card of 4 bytes", "04A2B9C1"],
    ["an RFID card of 5 bytes", "62E3086CED"],
    ["a word with 10 random digits", "CAFE-8305172946"],
  ])("accepts %s", (_what, tag) => {
    expect(warningOf(tag)).toBeUndefined();
  });

  test("warns of numbers of one batch, which differ only at their end", () => {
    expect(warningOf("62E3086CED", ["62E3086CEE"])).toContain(
      "another card's number differs only at its end",
    );
    expect(warningOf("62E3086CED", ["62E3186CED", "62E3086CED0"])).toBeUndefined();
  });

  test("accepts any number of a card that accepts only proofs", () => {
    expect(guessFinder([])(card("aaaaaaaaaaaaaaaa", "proof"))).toBeUndefined();
    expect(guessFinder([])(card("aaaaaaaaaaaaaaaa", "both"))).toContain("can be guessed");
  });

  test("accepts 2,000 numbers that the platform makes", () => {
    const numbers = Array.from({ length: 2000 }, makeCardId);
    const find = guessFinder(numbers.map((tag) => card(tag)));
    expect(numbers.filter((tag) => find(card(tag)) !== undefined)).toEqual([]);
  });

  test("accepts at least 96 % of 2,000 random numbers of 10 hex digits", () => {
    const random = new Random(5);
    const numbers = Array.from({ length: 2000 }, () =>
      Array.from({ length: 10 }, () => random.int(16).toString(16)).join(""),
    );
    const find = guessFinder(numbers.map((tag) => card(tag)));
    expect(numbers.filter((tag) => find(card(tag)) !== undefined).length).toBeLessThan(80);
  });
});
