import { beforeEach, expect, test } from "@jest/globals";
import type { RadioEvent } from "../../virtual/radio-link/events.js";
import { RadioSession } from "../../virtual/radio-link/session.js";
import { Scene } from "../../virtual/scene.js";

/** Number of repetitions. It is larger than a station's number of connections. */
const TIMES = 5;

let scene: Scene;
let address: string;
let events: RadioEvent[];

beforeEach(() => {
  scene = new Scene();
  scene.under.boot();
  scene.clock.advance(500);
  address = scene.device.mac;
  events = [];
});

function newSession(): RadioSession {
  return new RadioSession(scene.world.air, (event) => events.push(event));
}

function connect(session: RadioSession, link: number): void {
  session.obey({ op: "connect", link, address, mtu: undefined });
}

/** Returns whether another central can connect. */
function takesConnections(): boolean {
  const session = newSession();
  events = [];
  connect(session, 99);
  scene.clock.advance(1000);
  session.close();
  scene.clock.advance(1000);
  return events.some(({ event }) => event === "connected");
}

test("a radio session rejects a link number that is in use", () => {
  const session = newSession();
  connect(session, 1);
  connect(session, 1);
  expect(events).toEqual([{ event: "failed", link: 1, reason: "the link is in use" }]);
  scene.clock.advance(1000);
  expect(events.at(-1)).toMatchObject({ event: "connected", link: 1 });
  connect(session, 1);
  expect(events.at(-1)).toEqual({ event: "failed", link: 1, reason: "the link is in use" });
});

test("a radio session can use a link number again after its connection has ended", () => {
  const session = newSession();
  session.obey({ op: "connect", link: 1, address: "00:00:00:00:00:00", mtu: undefined });
  scene.clock.advance(1000);
  expect(events.at(-1)).toMatchObject({ event: "failed", link: 1 });
  for (const op of ["disconnect", "lose"] as const) {
    connect(session, 1);
    scene.clock.advance(1000);
    expect(events.at(-1)).toMatchObject({ event: "connected", link: 1 });
    session.obey({ op, link: 1 });
    scene.clock.advance(5000);
  }
  expect(events.at(-1)).toMatchObject({ event: "disconnected", link: 1 });
});

test("a radio session releases each connection when it is closed", () => {
  for (let i = 0; i < TIMES; i++) {
    const session = newSession();
    connect(session, 1);
    connect(session, 1);
    scene.clock.advance(1000);
    session.close();
    scene.clock.advance(1000);
  }
  expect(takesConnections()).toBe(true);
});

test("a radio session releases a connection attempt when it is closed, and ignores later commands", () => {
  for (let i = 0; i < TIMES; i++) {
    const session = newSession();
    connect(session, 1);
    session.close();
    connect(session, 2);
    scene.clock.advance(1000);
  }
  expect(takesConnections()).toBe(true);
});

test("a radio session leaves no connection after a cancelled attempt", () => {
  const session = newSession();
  for (let link = 1; link <= TIMES; link++) {
    connect(session, link);
    session.obey({ op: "disconnect", link });
    scene.clock.advance(1000);
  }
  expect(takesConnections()).toBe(true);
});
