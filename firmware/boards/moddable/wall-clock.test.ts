/** The wall clock over a fake of the SDK's SNTP client, which sends again every 5 s. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";
import type { Timer } from "../../../modules/board/index.js";
import { TimeWait } from "../../../modules/wall-clock/index.js";

const TIME_S = 1_800_000_000;
const SEND_MS = 5000;
const HOUR_MS = 60 * 60 * 1000;

let clock: VirtualClock;
/** Answers of the time servers: a time in seconds, or `error` for a name without an address. Others are silent. */
let answers: Record<string, number | "error">;
let asked: string[];
let open: number;

class FakeSNTP {
  static readonly time = 1;
  static readonly retry = 2;
  static readonly error = -1;
  private readonly _timer: Timer;

  constructor({ host }: { host: string }, callback: (message: number, value?: unknown) => void) {
    if (open > 0) throw new Error("no socket");
    asked.push(host);
    open++;
    this._timer = clock.repeat(() => callback(FakeSNTP.retry), SEND_MS);
    const answer = answers[host];
    if (answer === undefined) return;
    clock.set(() => {
      if (answer !== "error") this.close();
      callback(answer === "error" ? FakeSNTP.error : FakeSNTP.time, answer);
      if (answer === "error") this.close();
    }, 100);
  }

  close(): void {
    clock.clear(this._timer);
    open--;
  }
}

jest.unstable_mockModule("sntp", () => ({ default: FakeSNTP }), { virtual: true });
jest.unstable_mockModule(
  "time",
  () => ({
    default: { set: (seconds: number) => clock.setEpochMs(seconds > 0 ? seconds * 1000 : undefined) },
  }),
  { virtual: true },
);

const { WallClock } = await import("./wall-clock.js");

describe("WallClock", () => {
  let servers: string[];

  beforeEach(() => {
    clock = new VirtualClock();
    answers = {};
    asked = [];
    open = 0;
    servers = ["router", "pool"];
  });

  function start() {
    const guard = {
      run: (callback: () => void) => callback(),
      soon: (callback: () => void) => void clock.set(callback, 0),
      hold: () => () => {},
    };
    const wallClock = new WallClock({ clock, guard, servers: () => servers });
    wallClock.sync();
    return wallClock;
  }

  test("takes the time of the first server, and again after 12 h", () => {
    answers.router = TIME_S;
    start();
    clock.advance(100);
    expect(clock.epochMs()).toBe(TIME_S * 1000);
    clock.advance(12 * HOUR_MS);
    expect(asked).toEqual(["router", "router"]);
  });

  test("asks the next server after 5 s without an answer, and stays with the one that answers", () => {
    answers.pool = TIME_S;
    start();
    clock.advance(SEND_MS + 100);
    expect(clock.epochMs()).toBe(TIME_S * 1000);
    clock.advance(12 * HOUR_MS);
    expect(asked).toEqual(["router", "pool", "pool"]);
    expect(open).toBe(1);
  });

  test.each<[string, number | "error"]>([
    ["has no address", "error"],
    ["gives a time that is too early", 0],
  ])("asks the next server if one %s", (_name, answer) => {
    answers = { router: answer, pool: TIME_S };
    start();
    clock.advance(11_000);
    expect(asked).toEqual(["router", "pool"]);
    expect(clock.epochMs()).toBeDefined();
  });

  test("gives both servers two tries within a TLS connection's wait for the time, which then ends without it", () => {
    const results: boolean[] = [];
    start();
    new TimeWait(clock, (isKnown) => results.push(isKnown));
    clock.advance(19_999);
    expect(asked).toEqual(["router", "pool", "router", "pool"]);
    clock.advance(1000);
    expect(results).toEqual([false]);
    expect(open).toBe(1);
  });

  test("stays with a server that is the only one: the SDK sends again", () => {
    servers = ["pool"];
    start();
    clock.advance(19_999);
    expect(asked).toEqual(["pool"]);
  });

  test("uses the servers of the network that it is in at the time of the request", () => {
    servers = ["pool"];
    start();
    servers = ["other-router", "pool"];
    clock.advance(2 * SEND_MS);
    expect(asked).toEqual(["pool", "pool", "other-router"]);
  });

  test("asks nothing after close", () => {
    start().close();
    clock.advance(HOUR_MS);
    expect([asked, open]).toEqual([["router"], 0]);
  });
});
