import { beforeEach, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";

let collected: (boolean | undefined)[];
let collectedAtConstruction: (boolean | undefined)[];
let isRefused: boolean;

/** What is on the air. */
let air: unknown[] | undefined;

class FakeGATTServer {
  constructor() {
    collectedAtConstruction = [...collected];
    if (isRefused) throw new Error("no memory");
  }

  startAdvertising(...records: unknown[]): void {
    air = records;
  }

  stopAdvertising(): void {
    air = undefined;
  }
}

jest.unstable_mockModule("debug", () => ({
  default: { gc: (...words: [boolean?]) => collected.push(...(words.length > 0 ? words : [undefined])) },
}));
jest.unstable_mockModule("embedded:io/bluetoothle/peripheral", () => ({ GATTServer: FakeGATTServer }), {
  virtual: true,
});

const { makeGATTServer } = await import("./gatt-server.js");
const { AdvertisingPause } = await import("./advertising-pause.js");

const GUARD = { run: (callback: () => void) => callback(), soon: () => {}, hold: () => () => {} };

function parts() {
  return { clock: new VirtualClock(), guard: GUARD, pause: new AdvertisingPause() };
}

beforeEach(() => {
  air = undefined;
  collected = [];
  collectedAtConstruction = [];
  isRefused = false;
});

test("no garbage is collected while the SDK builds the services, and there is room", () => {
  const GATTServer = makeGATTServer(parts());
  new GATTServer({ services: [] });
  expect(collectedAtConstruction).toEqual([undefined, false]);
  expect(collected.at(-1)).toBe(true);
});

test("garbage is collected again after a server that could not be built", () => {
  isRefused = true;
  const GATTServer = makeGATTServer(parts());
  expect(() => new GATTServer({ services: [] })).toThrow("no memory");
  expect(collected.at(-1)).toBe(true);
});

test("it is off the air until the last pause is over, and then advertises what is newest", () => {
  const { pause, ...rest } = parts();
  const GATTServer = makeGATTServer({ ...rest, pause });
  const server = new GATTServer({ services: [] });
  const [before, during] = [{ flags: 6 }, { flags: 4 }];
  server.startAdvertising(before);
  const endFirst = pause.begin();
  const endSecond = pause.begin();
  expect(air).toBeUndefined();
  server.startAdvertising(during, before);
  endFirst();
  endFirst();
  expect(air).toBeUndefined();
  endSecond();
  expect(air).toEqual([during, before]);
});

test("a pause does not bring a server back that has stopped advertising", () => {
  const { pause, ...rest } = parts();
  const GATTServer = makeGATTServer({ ...rest, pause });
  const server = new GATTServer({ services: [] });
  server.startAdvertising({ flags: 6 });
  server.stopAdvertising();
  pause.begin()();
  expect(air).toBeUndefined();
});
