import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { JSONObject } from "../json/index.js";
import type { RequestOutcome } from "../requests/index.js";
import { type FinishedSession, type SessionLog, SessionReporter } from "./index.js";

const ACCEPTED: RequestOutcome = { ok: true, data: { accepted: true } };
const MINUTE_MS = 60_000;

/** Makes a reporter with one session per slot; `undefined` is an unreadable slot. Accepted sessions are removed. */
function reporting(...ids: (string | undefined)[]) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const accepted: number[] = [];
  const world = { clock, ids, asked, accepted, forgets: true, answer: (_outcome: RequestOutcome) => {} };
  const log = {
    get slots() {
      return [...ids.keys()].filter((slot) => !accepted.includes(slot));
    },
    read: (slot: number) => (ids[slot] === undefined ? undefined : ({ id: ids[slot] } as FinishedSession)),
  };
  const reporter = new SessionReporter({
    clock,
    crypto: { random: (byteLength) => new ArrayBuffer(byteLength) },
    log: log as unknown as SessionLog,
    platform: {
      isOnline: true,
      request: (_endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void) => {
        asked.push(String(data.id));
        world.answer = done;
        return { close() {} };
      },
    },
    host: {
      prepareReport() {},
      handleAccepted(slot) {
        if (world.forgets) accepted.push(slot);
        return world.forgets;
      },
    },
  });
  reporter.wake();
  return world;
}

describe("an accepted session", () => {
  test("is removed, and the next one is reported", () => {
    const world = reporting("a", "b");
    world.answer(ACCEPTED);
    world.clock.advance(1);
    expect(world).toMatchObject({ asked: ["a", "b"], accepted: [0] });
  });

  test("does not remove another session that has replaced it in its slot", () => {
    const world = reporting("a");
    world.ids[0] = "b";
    world.answer(ACCEPTED);
    world.clock.advance(1);
    expect(world).toMatchObject({ asked: ["a", "b"], accepted: [] });
  });

  test("is reported again with backoff while it cannot be removed", () => {
    const world = reporting("a");
    world.forgets = false;
    for (let i = 0; i < 10; i++) {
      world.answer(ACCEPTED);
      world.clock.advance(1000);
      expect(world.asked).toHaveLength(i + 1);
      world.clock.advance(MINUTE_MS);
    }
    world.forgets = true;
    world.answer(ACCEPTED);
    expect(world.accepted).toEqual([0]);
  });
});

test("SessionReporter retries a failed session with backoff and reports the next one meanwhile", () => {
  const world = reporting("a");
  const fail = () => world.answer({ ok: true, data: {} });
  for (let i = 0; i < 6; i++) {
    fail();
    world.clock.advance(MINUTE_MS);
  }
  world.answer(ACCEPTED);
  world.ids.push("b");
  world.clock.advance(1);
  fail();
  world.clock.advance(4000);
  expect(world.asked.slice(-3)).toEqual(["a", "b", "b"]);
});

test("SessionReporter keeps an unreadable slot and reports the others", () => {
  const world = reporting(undefined, "b");
  world.clock.advance(MINUTE_MS);
  world.answer(ACCEPTED);
  world.clock.advance(MINUTE_MS);
  expect(world).toMatchObject({ asked: ["b"], accepted: [1] });
});
