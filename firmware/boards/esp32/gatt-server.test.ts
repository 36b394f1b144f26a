import { beforeEach, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/world/clock.js";

let collected: (boolean | undefined)[];
let collectedAtConstruction: (boolean | undefined)[];
let isRefused: boolean;

class FakeGATTServer {
  constructor() {
    collectedAtConstruction = [...collected];
    if (isRefused) throw new Error("no memory");
  }
}

jest.unstable_mockModule("debug", () => ({
  default: { gc: (...words: [boolean?]) => collected.push(...(words.length > 0 ? words : [undefined])) },
}));
jest.unstable_mockModule("embedded:io/bluetoothle/peripheral", () => ({ GATTServer: FakeGATTServer }), {
  virtual: true,
});

const { makeGATTServer } = await import("./gatt-server.js");

const GUARD = { run: (callback: () => void) => callback(), soon: () => {}, hold: () => () => {} };

beforeEach(() => {
  collected = [];
  collectedAtConstruction = [];
  isRefused = false;
});

test("no garbage is collected while the SDK builds the services, and there is room", () => {
  const GATTServer = makeGATTServer(new VirtualClock(), GUARD);
  new GATTServer({ services: [] });
  expect(collectedAtConstruction).toEqual([undefined, false]);
  expect(collected.at(-1)).toBe(true);
});

test("garbage is collected again after a server that could not be built", () => {
  isRefused = true;
  const GATTServer = makeGATTServer(new VirtualClock(), GUARD);
  expect(() => new GATTServer({ services: [] })).toThrow("no memory");
  expect(collected.at(-1)).toBe(true);
});
