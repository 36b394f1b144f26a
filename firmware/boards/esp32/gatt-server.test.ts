import { beforeEach, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";

let collected: (boolean | undefined)[];
let collectedAtConstruction: (boolean | undefined)[];
let isRefused: boolean;

/** Records that are advertised; `undefined` while the server does not advertise. */
let advertised: unknown[] | undefined;

class FakeGATTServer {
  constructor() {
    collectedAtConstruction = [...collected];
    if (isRefused) throw new Error("no memory");
  }

  startAdvertising(...records: unknown[]): void {
    advertised = records;
  }

  stopAdvertising(): void {
    advertised = undefined;
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
  advertised = undefined;
  collected = [];
  collectedAtConstruction = [];
  isRefused = false;
});

test("garbage collection runs before the SDK builds the services, and is off meanwhile", () => {
  const GATTServer = makeGATTServer(parts());
  new GATTServer({ services: [] });
  expect(collectedAtConstruction).toEqual([undefined, false]);
  expect(collected.at(-1)).toBe(true);
});

test("garbage collection is on again after a failed construction", () => {
  isRefused = true;
  const GATTServer = makeGATTServer(parts());
  expect(() => new GATTServer({ services: [] })).toThrow("no memory");
  expect(collected.at(-1)).toBe(true);
});

test("the server does not advertise until the last pause ends, and then advertises the newest records", () => {
  const { pause, ...rest } = parts();
  const GATTServer = makeGATTServer({ ...rest, pause });
  const server = new GATTServer({ services: [] });
  const [before, during] = [{ flags: 6 }, { flags: 4 }];
  server.startAdvertising(before);
  const endFirst = pause.begin();
  const endSecond = pause.begin();
  expect(advertised).toBeUndefined();
  server.startAdvertising(during, before);
  endFirst();
  endFirst();
  expect(advertised).toBeUndefined();
  endSecond();
  expect(advertised).toEqual([during, before]);
});

test("the end of a pause does not restart advertising that was stopped", () => {
  const { pause, ...rest } = parts();
  const GATTServer = makeGATTServer({ ...rest, pause });
  const server = new GATTServer({ services: [] });
  server.startAdvertising({ flags: 6 });
  server.stopAdvertising();
  pause.begin()();
  expect(advertised).toBeUndefined();
});
