import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { IDENTITY } from "../../host-tests/suites/identity.js";
import type { Storage } from "../../modules/board/index.js";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import {
  CHIPS,
  type ChipName,
  type FieldRule,
  type GroupRule,
  readWiring,
  WIRED_KEY,
  WIRING_RULES,
} from "../../modules/wiring/index.js";
import { parseBoard, readBoardFile } from "./board-file.js";
import { identityIn, imageOf } from "./identity.js";
import { readNVSImage } from "./nvs-reader.js";

const BOARD = {
  name: "A board",
  chip: "esp32",
  controlPilot: { generatorPin: 25, adcPin: 34, zeroMv: 1250, divider: 11.3 },
  contactorPin: 26,
  contactorFeedbackPin: 27,
  lockPin: null,
  lampPin: 18,
  thermistor: { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 },
  cardReaderPin: 21,
};
const BUILT_IN = { controlPilot: BOARD.controlPilot, contactorPin: 26 };

function storageOf(values: ReadonlyMap<string, Uint8Array<ArrayBuffer>> | undefined): Storage {
  const read = (key: string) => values?.get(key)?.slice().buffer;
  return {
    read,
    write: () => {},
    delete: () => {},
    keys: () => [...(values?.keys() ?? [])],
    close: () => {},
  };
}

describe("a wiring file", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-board-"));
    file = join(directory, "board.json");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  test("is read without its remarks and without the parts that are null", () => {
    writeFileSync(file, JSON.stringify(BOARD));
    const { name, lockPin, ...stored } = BOARD;
    expect(readBoardFile(file)).toEqual({ wiring: stored, warnings: [] });
  });

  test("that does not exist, or is not JSON, is reported with its name", () => {
    expect(() => readBoardFile(file)).toThrow(`the wiring file ${file} does not exist`);
    writeFileSync(file, "{");
    expect(() => readBoardFile(file)).toThrow(`${file} is not JSON: `);
    expect(() => readBoardFile(directory)).toThrow(`cannot read the wiring file ${directory}: EISDIR`);
  });

  test("with mistakes is refused with a line for each", () => {
    writeFileSync(file, JSON.stringify({ ...BOARD, lampPin: 26, relayPin: 4 }));
    expect(() => readBoardFile(file)).toThrow(
      /is not a valid wiring:\n {2}lampPin: GPIO 26 is used by contactorPin, too\n {2}relayPin is unknown; the fields are chip, .*$/,
    );
  });
});

describe("parseBoard", () => {
  test.each<[string, Record<string, unknown>]>([
    [
      "contactorPin: GPIO 34 of an ESP32 is only an input",
      { contactorPin: 34, controlPilot: { ...BOARD.controlPilot, adcPin: 36 } },
    ],
    ["contactorPin: GPIO 6 of an ESP32 is connected to the flash", { contactorPin: 6 }],
    [
      "contactorPin: GPIO 5 is read by the chip at its start, and its level may change then",
      { contactorPin: 5 },
    ],
    ["lampPin: GPIO 1 of an ESP32 is UART0, which has the log", { lampPin: 1 }],
    ["lampPin: GPIO 24 of an ESP32 does not exist", { lampPin: 24 }],
    ['lampPin is "18"; it must be the number of a GPIO', { lampPin: "18" }],
    ["lampPin: GPIO 27 is used by contactorFeedbackPin, too", { lampPin: 27 }],
    ["contactorPin is missing", { contactorPin: null }],
    ["currentLimitA is 40; it must be a number from 6 to 32", { currentLimitA: 40 }],
    ["meterPulsesPerKWh is 1.5; it must be a whole number from 1 to 1000000", { meterPulsesPerKWh: 1.5 }],
    ['cardReaderKind is "x"; it must be em4100, lines or pn532', { cardReaderKind: "x" }],
    ["thermistor is 35; it must be an object with adcPin, ohms, beta, pullUpOhms", { thermistor: 35 }],
    [
      "controlPilot.adcPin: GPIO 25 is not on ADC1, which has 32, 33, 34, 35, 36, 37, 38, 39",
      { controlPilot: { ...BOARD.controlPilot, adcPin: 25, generatorPin: 33 } },
    ],
    [
      "controlPilot: the pilot from -10.5 V to +10.5 V must be 150-2450 mV at the pin; it is 321 to 2679 mV",
      { controlPilot: { ...BOARD.controlPilot, zeroMv: 1500, divider: 8.905 } },
    ],
  ])("returns the mistake: %s", (sentence, change) => {
    expect(parseBoard({ ...BOARD, ...change })).toEqual({
      wiring: undefined,
      mistakes: [sentence],
      warnings: [],
    });
  });

  const W5500 = { clockPin: 18, mosiPin: 23, misoPin: 19, selectPin: 4, interruptPin: 36 };
  const LAN8720 = { mdcPin: 23, mdioPin: 18, clock: "output 17", phyAddress: 0 };
  const WITHOUT_RMII = {
    controlPilot: { ...BOARD.controlPilot, generatorPin: 33 },
    contactorPin: 32,
    contactorFeedbackPin: 14,
    lampPin: 4,
    cardReaderPin: 13,
  };

  test.each<[string, Record<string, unknown>]>([
    [
      "w5500 is true; it must be an object with clockPin, mosiPin, misoPin, selectPin, interruptPin",
      { w5500: true },
    ],
    [
      "w5500.resetPin is unknown; the fields are clockPin, mosiPin, misoPin, selectPin, interruptPin",
      { w5500: { ...W5500, resetPin: 13 } },
    ],
    ["w5500.selectPin: GPIO 39 of an ESP32 is only an input", { w5500: { ...W5500, selectPin: 39 } }],
    ["w5500.misoPin: GPIO 27 is used by contactorFeedbackPin, too", { w5500: { ...W5500, misoPin: 27 } }],
    [
      "lampPin: GPIO 22 is used by the RMII of lan8720, too",
      { ...WITHOUT_RMII, lampPin: 22, lan8720: LAN8720 },
    ],
    [
      'lan8720.clock is "output 5"; it must be input 0, output 16 or output 17',
      { ...WITHOUT_RMII, lampPin: 2, lan8720: { ...LAN8720, clock: "output 5" } },
    ],
  ])("returns the mistake of Ethernet: %s", (sentence, change) => {
    expect(parseBoard({ ...BOARD, lampPin: 5, ...change }).mistakes).toEqual([sentence]);
  });

  test("reports that only an ESP32 has the RMII of a LAN8720", () => {
    const c3 = {
      chip: "esp32c3",
      controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
      contactorPin: 10,
      lan8720: { ...LAN8720, mdcPin: 4, mdioPin: 6 },
    };
    expect(parseBoard(c3).mistakes).toEqual(["lan8720: an ESP32-C3 has no RMII; use a W5500"]);
  });

  test("accepts a W5500 and a LAN8720", () => {
    const w5500 = parseBoard({ ...BOARD, lampPin: 5, w5500: W5500, ethernetResetPin: 13 }).wiring;
    expect(w5500).toMatchObject({ w5500: W5500, ethernetResetPin: 13 });
    expect(parseBoard({ ...BOARD, ...WITHOUT_RMII, lan8720: LAN8720 }).wiring?.lan8720).toEqual(LAN8720);
  });

  test("returns a mistake for anything but an object", () => {
    for (const value of [null, [], "x", 1])
      expect(parseBoard(value).mistakes).toEqual(["it is not a JSON object"]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["lampPin: GPIO 2 is read by the chip at its start: nothing may hold its level then", { lampPin: 2 }],
    ["lampPin: GPIO 12 must be low at the start; otherwise the chip does not start", { lampPin: 12 }],
    ["lampPin: GPIO 16 is not available on modules with PSRAM (WROVER)", { lampPin: 16 }],
    ["buttonPin: GPIO 39 has no pull-up: it needs an external one to 3.3 V", { buttonPin: 39 }],
    [
      "contactorFeedbackPin: without a feedback contact, a welded contactor is not detected",
      { contactorFeedbackPin: null },
    ],
    [
      "controlPilot: +12 V or -12 V are beyond the range of the ADC; the states are still distinguished",
      { controlPilot: { ...BOARD.controlPilot, zeroMv: 1330, divider: 9.76 } },
    ],
    ["ethernetResetPin: not used without w5500 or lan8720", { ethernetResetPin: 13 }],
  ])("returns the warning: %s", (sentence, change) => {
    const { wiring, warnings } = parseBoard({ ...BOARD, ...change });
    expect([wiring === undefined, warnings]).toEqual([false, [sentence]]);
  });

  const C3 = {
    chip: "esp32c3",
    controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
    contactorPin: 6,
    contactorFeedbackPin: 10,
  };

  test("warns of Ethernet that no firmware uses", () => {
    const s3 = {
      ...C3,
      chip: "esp32s3",
      controlPilot: { ...C3.controlPilot, adcPin: 4 },
      w5500: { clockPin: 12, mosiPin: 11, misoPin: 13, selectPin: 14, interruptPin: 15 },
    };
    expect(parseBoard(s3).warnings).toEqual(["w5500: there is no firmware with Ethernet for an ESP32-S3"]);
    const both = {
      ...BOARD,
      ...WITHOUT_RMII,
      lampPin: 2,
      cardReaderPin: 39,
      lan8720: LAN8720,
      w5500: { clockPin: 5, mosiPin: 13, misoPin: 36, selectPin: 4, interruptPin: 16 },
    };
    expect(parseBoard(both).warnings).toContain("lan8720: not used, because the board has a w5500");
  });

  test("warns of the USB pins", () => {
    expect(parseBoard({ ...C3, lampPin: 18 }).warnings).toEqual(["lampPin: GPIO 18 is the chip's USB"]);
  });

  test("refuses a contactor on a USB pin, which is pulled up while the chip starts", () => {
    expect(parseBoard({ ...C3, contactorPin: 19 }).mistakes).toEqual([
      "contactorPin: GPIO 19 is the chip's USB, which may pull it up at the start",
    ]);
  });
});

/** Values near the valid ones of a field, and some far from them. */
function near(rule: FieldRule): fc.Arbitrary<unknown> {
  const wild = fc.constantFrom<unknown>(null, "", "0", true, [], {}, 1.5, -1, 1e9);
  return fc.oneof({ weight: 9, arbitrary: nearlyValid(rule) }, wild);
}

function nearlyValid(rule: FieldRule): fc.Arbitrary<unknown> {
  if (typeof rule === "number") return fc.integer({ min: 0, max: 48 });
  if (!Array.isArray(rule)) return objectNear(rule as GroupRule);
  const [min, max] = rule;
  if (typeof min !== "number") return fc.constantFrom(...rule);
  return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, min - 1, max + 1));
}

/** An object of a wiring, most often with all of its fields. */
function objectNear(rules: GroupRule): fc.Arbitrary<unknown> {
  const fields = Object.entries(rules).map(([name, rule]) => [name, nearlyValid(rule)] as const);
  return fc.oneof({ weight: 4, arbitrary: fc.record(Object.fromEntries(fields)) }, groupNear(rules));
}

function groupNear(rules: GroupRule): fc.Arbitrary<unknown> {
  const entries = Object.entries(rules).map(([name, rule]) => [name, near(rule)] as const);
  return fc.record(Object.fromEntries(entries), { requiredKeys: [] });
}

function w5500(...[clockPin, mosiPin, misoPin, selectPin, interruptPin]: number[]): object {
  return { w5500: { clockPin, mosiPin, misoPin, selectPin, interruptPin } };
}

/** Valid pins of each chip: generator, ADC and contactor, and network interfaces. */
const VALID: Readonly<Record<ChipName, { pins: [number, number, number]; networks: object[] }>> = {
  esp32: {
    pins: [33, 34, 14],
    networks: [
      w5500(18, 23, 19, 4, 36),
      { lan8720: { mdcPin: 23, mdioPin: 18, clock: "output 17", phyAddress: 0 } },
    ],
  },
  esp32c3: { pins: [5, 3, 6], networks: [w5500(10, 7, 0, 1, 4)] },
  esp32s3: { pins: [21, 4, 14], networks: [w5500(12, 11, 13, 10, 9)] },
};

/** A valid board of a chip in which up to four fields are changed. */
const boards = fc
  .record({
    chip: fc.constantFrom<ChipName>("esp32", "esp32c3", "esp32s3"),
    network: fc.nat(3),
    change: groupNear(WIRING_RULES),
    names: fc.subarray(Object.keys(WIRING_RULES), { maxLength: 4 }),
    unknown: fc.option(fc.constantFrom("lamp", "constructor", "__proto__"), { freq: 3 }),
  })
  .map(({ chip, network, change, names, unknown }) => {
    const { pins, networks } = VALID[chip];
    const [generatorPin, adcPin, contactorPin] = pins;
    const controlPilot = { generatorPin, adcPin, zeroMv: 1250, divider: 11.3 };
    const changes = Object.entries(change as object).filter(([name]) => names.includes(name));
    const board: Record<string, unknown> = {
      chip,
      controlPilot,
      contactorPin,
      ...networks[network],
      ...Object.fromEntries(changes),
    };
    if (unknown !== null) Object.defineProperty(board, unknown, { value: 1, enumerable: true });
    return board;
  });

describe("provisioning and the chip", () => {
  test("accept the same wirings, and the chip reads what was provisioned", () => {
    let accepted = 0;
    let withEthernet = 0;
    fc.assert(
      fc.property(boards, (board) => {
        const { wiring } = parseBoard(board);
        const chipId = CHIPS[board.chip as ChipName]?.id ?? 0;
        if (wiring) {
          accepted++;
          if (wiring.w5500 || wiring.lan8720) withEthernet++;
          const values = readNVSImage(imageOf(IDENTITY, { wiring })).get("plugpass");
          expect(readWiring(storageOf(values), BUILT_IN, chipId)).toEqual(wiring);
          return;
        }
        const fields = Object.entries(board).filter(([, value]) => value !== null);
        const record = { v: 1, wiring: Object.fromEntries(fields) };
        const values = new Map([["device", encodeUTF8(JSON.stringify(record))]]);
        expect(typeof readWiring(storageOf(values), BUILT_IN, chipId)).toBe("string");
      }),
      { seed: 13, numRuns: 3000 },
    );
    // The property is about both cases.
    expect(accepted).toBeGreaterThan(300);
    expect(accepted).toBeLessThan(2700);
    expect(withEthernet).toBeGreaterThan(100);
  });

  test("use no pin when one byte of the record device is changed in a way that leaves no valid wiring", () => {
    const wiring = parseBoard(BOARD).wiring;
    const values = readNVSImage(imageOf(IDENTITY, { wiring })).get("plugpass");
    const record = values?.get("device") as Uint8Array<ArrayBuffer>;
    fc.assert(
      fc.property(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = record.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const read = readWiring(storageOf(new Map([...(values ?? []), ["device", damaged]])), BUILT_IN, 0);
        expect(read).not.toBe(BUILT_IN);
      }),
      { seed: 13, numRuns: 1000 },
    );
  });

  test("keep the identity beside a wiring", () => {
    expect(identityIn(imageOf(IDENTITY, { wiring: parseBoard(BOARD).wiring }))).toEqual(IDENTITY);
  });

  test("mark an image with a wiring only", () => {
    const keysOf = (image: Uint8Array) => [...(readNVSImage(image).get("plugpass")?.keys() ?? [])];
    expect(keysOf(imageOf(IDENTITY))).toEqual(["device"]);
    expect(keysOf(imageOf(IDENTITY, { wiring: parseBoard(BOARD).wiring }))).toEqual(["device", WIRED_KEY]);
  });
});
