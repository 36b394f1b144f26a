import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { JSONObject } from "../json/index.js";
import type { RequestOutcome } from "../requests/index.js";
import { type FinishedSession, type SessionLog, SessionReporter } from "./index.js";

const ACCEPTED: RequestOutcome = { ok: true, data: { accepted: true } };
const MINUTE_MS = 60_000;

/** A log with a session in each slot by its id, `undefined` where it cannot be read; what is accepted is forgotten. */
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
    random: (byteLength) => new ArrayBuffer(byteLength),
    log: log as unknown as SessionLog,
    platform: {
      isOnline: true,
      request: (_endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void) => {
        asked.push(String(data.id));
        world.answer = done;
        return { close() {} };
      },
    },
    prepare: () => {},
    onAccepted: (slot) => {
      if (world.forgets) accepted.push(slot);
      return world.forgets;
    },
  });
  reporter.wake();
  return world;
}

describe("what was accepted", () => {
  test("is forgotten, and the next one is asked", () => {
    const world = reporting("a", "b");
    world.answer(ACCEPTED);
    world.clock.advance(1);
    expect(world).toMatchObject({ asked: ["a", "b"], accepted: [0] });
  });

  test("and is in its place no more leaves the one that is there alone", () => {
    const world = reporting("a");
    world.ids[0] = "b";
    world.answer(ACCEPTED);
    world.clock.advance(1);
    expect(world).toMatchObject({ asked: ["a", "b"], accepted: [] });
  });

  test("and cannot be forgotten yet is asked again, later and later", () => {
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

test("a session that fails is asked again later and later, and the one after it is not", () => {
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

test("a slot that cannot be read stays, and lets the others go on", () => {
  const world = reporting(undefined, "b");
  world.clock.advance(MINUTE_MS);
  world.answer(ACCEPTED);
  world.clock.advance(MINUTE_MS);
  expect(world).toMatchObject({ asked: ["b"], accepted: [1] });
});
