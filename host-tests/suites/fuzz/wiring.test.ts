/** Fuzzes the wiring in the record `device`: no pin may be driven that the chip or another part needs. */

import { expect, jest, test } from "@jest/globals";
import type { Storage } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { CHIPS, readWiring, type Wiring, wiringIn } from "../../../modules/wiring/index.js";
import { fuzz, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";

const HOUR_MS = 60 * 60_000;
const CHIP_ID = CHIPS.esp32.id;
const BUILT_IN: Wiring = {
  controlPilot: { generatorPin: 25, adcPin: 34, zeroMv: 1250, divider: 11.3 },
  contactorPin: 26,
};
const WIRING = {
  chip: "esp32",
  controlPilot: { generatorPin: 27, adcPin: 36, zeroMv: 1330, divider: 9.76 },
  contactorPin: 4,
  contactorFeedbackPin: 13,
  lockPin: 14,
  thermistor: { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 },
  w5500: { clockPin: 18, mosiPin: 23, misoPin: 39, selectPin: 32, interruptPin: 33 },
  meterPulsesPerKWh: 800,
  cardReaderKind: "lines",
  currentLimitA: 10,
};
/** Pins of an ESP32's flash and of its log, by the vendor's datasheet. */
const FIXED = [1, 3, 6, 7, 8, 9, 10, 11];
const STRAPPING = [0, 2, 5, 12, 15];
const VALUES = [
  0,
  1,
  2,
  4,
  5,
  6,
  12,
  16,
  20,
  21,
  22,
  25,
  26,
  33,
  34,
  36,
  39,
  40,
  -1,
  1.5,
  99,
  1e9,
  "4",
  null,
  true,
  "",
  [],
  {},
];

jest.setTimeout(HOUR_MS);

type Group = Record<string, unknown>;

function makeWiring(random: Random): Group {
  const wiring = structuredClone(WIRING) as Group;
  for (let left = 1 + random.int(3); left > 0; left--) {
    const groups = [wiring, ...Object.values(wiring).filter((one): one is Group => Object(one) === one)];
    const group = random.pick(groups);
    const field = random.pick([...Object.keys(group), "lampPin", "buzzerPin", "lan8720", "__proto__", "x"]);
    if (random.bool(0.2)) delete group[field];
    else group[field] = random.pick(VALUES);
  }
  return wiring;
}

/** Each pin of a wiring with the name of its field. */
function pinsOf(wiring: object): [string, unknown][] {
  return Object.entries(wiring).flatMap(([name, value]): [string, unknown][] =>
    name.endsWith("Pin") ? [[name, value]] : typeof value === "object" && value !== null ? pinsOf(value) : [],
  );
}

function checkPins(wiring: object): void {
  const pins = pinsOf(wiring);
  expect(new Set(pins.map(([, pin]) => pin)).size).toBe(pins.length);
  for (const [name, pin] of pins) {
    expect(Number.isInteger(pin) && Number(pin) >= 0 && Number(pin) <= 39).toBe(true);
    expect(FIXED).not.toContain(pin);
    if (name === "adcPin") expect(Number(pin)).toBeGreaterThanOrEqual(32);
    if (["contactorPin", "generatorPin", "lockPin"].includes(name)) {
      expect(Number(pin)).toBeLessThanOrEqual(33);
      expect(STRAPPING).not.toContain(pin);
    }
  }
}

test(`${FUZZ_RUNS} wirings are accepted only with distinct, suitable pins and a measurable pilot`, () => {
  let accepted = 0;
  const runs = fuzz({
    seed: 81,
    make: makeWiring,
    check: (given) => {
      const wiring = wiringIn(given, CHIP_ID);
      if (typeof wiring === "string") {
        expect(wiring).not.toBe("");
        return;
      }
      accepted++;
      checkPins(wiring);
      const { zeroMv, divider } = wiring.controlPilot;
      expect(zeroMv - 10_500 / divider).toBeGreaterThanOrEqual(150);
      expect(zeroMv + 10_500 / divider).toBeLessThanOrEqual(2450);
    },
  });
  expect(accepted).toBeGreaterThan(runs / 50);
});

function storageWith(device: Uint8Array<ArrayBuffer>): Storage {
  const values = new Map([
    ["device", device],
    ["wired", encodeUTF8("1")],
  ]);
  return {
    read: (key) => values.get(key)?.slice().buffer,
    write: () => {},
    delete: () => {},
    keys: () => [...values.keys()],
    close: () => {},
  };
}

test(`${FUZZ_RUNS} changed records of a wired board never give it the built-in wiring`, () => {
  const valid = encodeUTF8(JSON.stringify({ v: 1, deviceId: "cafe-1", wiring: WIRING }));
  fuzz({
    seed: 82,
    make: (random) => mutated(random, valid, ['"wiring":', "null", "{}", "0", '"x":']),
    check: (bytes) => {
      const wiring = readWiring(storageWith(bytes), BUILT_IN, CHIP_ID);
      expect(wiring).not.toBe(BUILT_IN);
      if (typeof wiring !== "string") checkPins(wiring);
    },
  });
});
