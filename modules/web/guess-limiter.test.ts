import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { GuessLimiter } from "./guess-limiter.js";

const PAUSE_MS = 6000;
const BURST = 10;

let clock: VirtualClock;
let limiter: GuessLimiter;
let checks: string[];

beforeEach(() => {
  clock = new VirtualClock();
  limiter = new GuessLimiter(clock);
  checks = [];
});

/** Lets a right login wait for its check. */
function waitAs(name: string) {
  return limiter.awaitTurn(() => checks.push(name));
}

/** Lets a wrong login wait for its check. */
function guess(): void {
  limiter.awaitTurn(() => {
    limiter.count();
    checks.push("wrong");
  });
}

describe("GuessLimiter", () => {
  test("checks at once while few logins are wrong", () => {
    for (let i = 0; i < BURST; i++) guess();
    expect(checks).toHaveLength(BURST);
    expect(waitAs("right")).toBeDefined();
    expect(checks).toHaveLength(BURST);
  });

  test("checks right logins at once, however many there are", () => {
    for (let i = 0; i < 100; i++) expect(waitAs("right")).toBeUndefined();
    expect(checks).toHaveLength(100);
  });

  test("checks one login in 6 s after 10 wrong ones, in the order of arrival", () => {
    for (let i = 0; i < BURST; i++) guess();
    checks = [];
    for (let i = 0; i < 3; i++) guess();
    waitAs("right");
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(PAUSE_MS - 1);
      expect(checks).toHaveLength(turn);
      clock.advance(1);
      expect(checks).toHaveLength(turn + 1);
    }
    clock.advance(PAUSE_MS);
    expect(checks).toEqual(["wrong", "wrong", "wrong", "right"]);
  });

  test("lets a right login wait for 24 s at most while other connections guess", () => {
    for (let i = 0; i < 1000; i++) {
      guess();
      if (checks.length % 3 === 0) clock.advance(100);
    }
    // A server has 4 connections, so 3 wait before this one.
    limiter.close();
    for (let i = 0; i < 3; i++) guess();
    checks = [];
    waitAs("right");
    clock.advance(4 * PAUSE_MS);
    expect(checks).toContain("right");
  });

  test("allows an attacker that never waits for an answer 10 guesses and then 10 a minute", () => {
    for (let ms = 0; ms < 600_000; ms += 100) {
      const turn = limiter.awaitTurn(() => {
        limiter.count();
        checks.push("wrong");
      });
      clock.advance(100);
      turn?.close();
    }
    expect(checks.length).toBeLessThanOrEqual(BURST + 100);
  });

  test("forgets wrong logins at the rate of its pauses", () => {
    for (let i = 0; i < BURST; i++) guess();
    clock.advance(BURST * PAUSE_MS);
    checks = [];
    for (let i = 0; i < BURST + 1; i++) guess();
    expect(checks).toHaveLength(BURST);
  });

  test("does not check a login whose client has gone, and checks the next one in its place", () => {
    for (let i = 0; i < BURST; i++) guess();
    checks = [];
    const gone = waitAs("gone");
    waitAs("right");
    gone?.close();
    gone?.close();
    clock.advance(PAUSE_MS);
    expect(checks).toEqual(["right"]);
  });

  test("checks nothing more and leaves no timer when it is closed", () => {
    for (let i = 0; i < BURST; i++) guess();
    checks = [];
    waitAs("right");
    limiter.close();
    clock.advance(10 * PAUSE_MS);
    expect(checks).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
