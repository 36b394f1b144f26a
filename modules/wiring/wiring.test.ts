import { describe, expect, test } from "@jest/globals";
import type { Storage } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { ADC1, CHIPS, checkWiring, OUTPUT, pinProperties, readWiring, UNSTEADY, WIRED_KEY } from "./index.js";

const BUILT_IN = {
  controlPilot: { generatorPin: 25, adcPin: 34, zeroMv: 1250, divider: 11.3 },
  contactorPin: 26,
};
/** Every field, each valid. */
const WIRING = {
  chip: "esp32",
  controlPilot: { generatorPin: 27, adcPin: 36, zeroMv: 1330, divider: 9.76 },
  contactorPin: 4,
  contactorFeedbackPin: 13,
  lockPin: 14,
  proximity: { adcPin: 37, pullUpOhms: 1000, supplyMv: 3300 },
  lampPin: 2,
  buzzerPin: 19,
  thermistor: { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 },
  buttonPin: 0,
  meterPin: 34,
  cardReaderPin: 16,
  cardReaderTransmitPin: 21,
  w5500: { clockPin: 18, mosiPin: 23, misoPin: 38, selectPin: 32, interruptPin: 33 },
  ethernetResetPin: 17,
  meterPulsesPerKWh: 800,
  cardReaderKind: "lines",
  currentLimitA: 10,
};

/** A socket with each of its inputs. */
const SOCKET = {
  chip: "esp32",
  ...BUILT_IN,
  contactorFeedbackPin: 27,
  residualCurrentPin: 14,
  residualCurrentTestPin: 4,
  protectiveEarthPin: 39,
  phase1Pin: 17,
  phase2Pin: 21,
  phase3Pin: 22,
  temperatureCutOffPin: 13,
  shuntTripPin: 23,
  lockPin: 32,
  lockFeedbackPin: 33,
  proximity: { adcPin: 36, pullUpOhms: 1000, supplyMv: 3300 },
  ventilation: true,
  currentLimitA: 32,
};

function mistakesIn(wiring: Record<string, unknown>): string[] {
  const mistakes: string[] = [];
  checkWiring(wiring, (field, mistake) => mistakes.push(`${field}: ${mistake}`));
  return mistakes;
}

function storageWith(values: Readonly<Record<string, string>>): Storage {
  return {
    read: (key) => (key in values ? encodeUTF8(values[key] ?? "").buffer : undefined),
    write: () => {},
    delete: () => {},
    keys: () => Object.keys(values),
    close: () => {},
  };
}

const METER = { receivePin: 16, transmitPin: 17, baud: 9600, address: 1, type: "sdm630" };
const REGISTER = {
  value: "energy",
  functionCode: 4,
  register: 72,
  type: "float32",
  scale: 1000,
  wordOrder: "high-first",
};
const REGISTERS = [REGISTER, { ...REGISTER, value: "power", register: 52, scale: 1 }];

function deviceWith(wiring: unknown): Storage {
  return storageWith({ device: JSON.stringify({ v: 1, deviceId: "cafe-1", wiring }), [WIRED_KEY]: "1" });
}

function pinsWith(chip: keyof typeof CHIPS, property: number): number[] {
  return Array.from(CHIPS[chip].pins, (_, pin) => pin).filter((pin) => {
    const properties = pinProperties(CHIPS[chip], pin);
    return properties >= 0 && (properties & property) === property;
  });
}

describe("the chips", () => {
  test.each<[keyof typeof CHIPS, number, number[], number[], number[]]>([
    ["esp32", 40, [32, 33, 34, 35, 36, 37, 38, 39], [0, 2, 5, 12, 15], [1, 3, 6, 7, 8, 9, 10, 11]],
    ["esp32c3", 22, [0, 1, 2, 3, 4], [2, 8, 9, 18, 19], [11, 12, 13, 14, 15, 16, 17, 20, 21]],
    ["esp32s3", 49, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [0, 3, 19, 20, 45, 46], [26, 32, 33, 37, 43, 44]],
  ])("%s has the pins of its datasheet", (name, count, adc1, unsteady, reserved) => {
    const chip = CHIPS[name];
    expect(chip.pins).toHaveLength(count);
    expect(pinsWith(name, ADC1)).toEqual(adc1);
    expect(pinsWith(name, UNSTEADY)).toEqual(unsteady);
    for (const pin of [...reserved, count, -1]) expect(pinProperties(chip, pin) >= 0).toBe(false);
  });

  test("only an ESP32 has pins that are inputs only", () => {
    expect(pinsWith("esp32", OUTPUT).at(-1)).toBe(33);
    expect(pinsWith("esp32c3", OUTPUT)).toEqual(pinsWith("esp32c3", 0));
    expect(pinsWith("esp32s3", OUTPUT)).toEqual(pinsWith("esp32s3", 0));
  });
});

describe("checkWiring", () => {
  test("accepts a wiring with every field", () => {
    expect(mistakesIn(WIRING)).toEqual([]);
  });

  test("accepts a socket with each of its inputs", () => {
    expect(mistakesIn(SOCKET)).toEqual([]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["lockPin: needs proximity", { proximity: undefined }],
    ["lockPin: needs proximity", { proximity: undefined, currentLimitA: 13.5 }],
    ["lockPin: needs proximity", { proximity: undefined, currentLimitA: undefined }],
    ["lockFeedbackPin: needs lockPin", { lockPin: undefined }],
    ["residualCurrentTestPin: needs residualCurrentPin", { residualCurrentPin: undefined }],
    ["residualCurrentTestPin: unsuitable pin", { residualCurrentTestPin: 5 }],
    ["ventilation: invalid value", { ventilation: "true" }],
    ["ventilation: invalid value", { ventilation: 1 }],
    ["proximity: invalid value", { proximity: 36 }],
    ["proximity.adcPin: unsuitable pin", { proximity: { ...SOCKET.proximity, adcPin: 18 } }],
    ["proximity: proximity beyond the ADC", { proximity: { ...SOCKET.proximity, pullUpOhms: 700 } }],
    ["proximity: proximity beyond the ADC", { proximity: { ...SOCKET.proximity, pullUpOhms: 1800 } }],
    ["proximity: proximity beyond the ADC", { proximity: { ...SOCKET.proximity, supplyMv: 5000 } }],
  ])("reports %s of a socket", (mistake, change) => {
    const wiring = Object.entries({ ...SOCKET, ...change }).filter(([, value]) => value !== undefined);
    expect(mistakesIn(Object.fromEntries(wiring))).toEqual([mistake]);
  });

  test("accepts a socket without a proximity contact for at most 13 A, and a charging cable for more", () => {
    const { proximity, lockPin, lockFeedbackPin, ...cable } = SOCKET;
    expect(mistakesIn({ ...cable, lockPin, lockFeedbackPin, currentLimitA: 13 })).toEqual([]);
    expect(mistakesIn(cable)).toEqual([]);
  });

  test("accepts a wiring with pilot and contactor only", () => {
    expect(mistakesIn({ chip: "esp32", ...BUILT_IN })).toEqual([]);
  });

  test.each<[string, string, unknown]>([
    ["chip: invalid value", "chip", "esp8266"],
    ["chip: invalid value", "chip", "constructor"],
    ["lamp: unknown field", "lamp", 18],
    ["constructor: unknown field", "constructor", 18],
    ["contactorPin: invalid value", "contactorPin", "26"],
    ["contactorPin: invalid value", "contactorPin", null],
    ["contactorPin: invalid value", "contactorPin", 4.5],
    ["contactorPin: unsuitable pin", "contactorPin", -1],
    ["contactorPin: unsuitable pin", "contactorPin", 99],
    ["contactorPin: unsuitable pin", "contactorPin", 6],
    ["contactorPin: unsuitable pin", "contactorPin", 39],
    ["contactorPin: unsuitable pin", "contactorPin", 5],
    ["lockPin: unsuitable pin", "lockPin", 15],
    ["lampPin: unsuitable pin", "lampPin", 39],
    ["buzzerPin: unsuitable pin", "buzzerPin", 1],
    ["cardReaderPin: unsuitable pin", "cardReaderPin", 3],
    ["thermistor: invalid value", "thermistor", 35],
    ["currentLimitA: invalid value", "currentLimitA", 5],
    ["currentLimitA: invalid value", "currentLimitA", 33],
    ["meterPulsesPerKWh: invalid value", "meterPulsesPerKWh", 0.5],
    ["cardReaderKind: invalid value", "cardReaderKind", "rdm6300"],
    ["cardReaderTransmitPin: unsuitable pin", "cardReaderTransmitPin", 39],
    ["buzzerPin: pin used twice", "lampPin", 19],
    ["thermistor.adcPin: pin used twice", "contactorFeedbackPin", 35],
  ])("reports %s", (mistake, field, value) => {
    expect(mistakesIn({ ...WIRING, [field]: value })).toEqual([mistake]);
  });

  test.each<[string, string, unknown]>([
    ["controlPilot.generatorPin: unsuitable pin", "generatorPin", 12],
    ["controlPilot.adcPin: unsuitable pin", "adcPin", 25],
    ["controlPilot.zeroMv: invalid value", "zeroMv", "1330"],
    ["controlPilot: pilot beyond the ADC", "zeroMv", 1400],
    ["controlPilot: pilot beyond the ADC", "zeroMv", 1200],
    ["controlPilot: pilot beyond the ADC", "divider", 9],
    ["controlPilot.gain: unknown field", "gain", 2],
  ])("reports %s", (mistake, field, value) => {
    expect(mistakesIn({ ...WIRING, controlPilot: { ...WIRING.controlPilot, [field]: value } })).toEqual([
      mistake,
    ]);
  });

  const LAN8720 = { mdcPin: 23, mdioPin: 18, clock: "input 0", phyAddress: 1 };

  test("accepts a LAN8720 in place of the W5500", () => {
    const controlPilot = { ...WIRING.controlPilot, generatorPin: 32 };
    const lan8720 = { ...LAN8720, clock: "output 17" };
    expect(mistakesIn({ chip: "esp32", controlPilot, contactorPin: 4, lan8720 })).toEqual([]);
  });

  test.each<[string, string, object]>([
    ["contactorPin: pin used twice", "esp32", { contactorPin: 26 }],
    ["buttonPin: pin used twice", "esp32", { buttonPin: 0 }],
    ["lan8720.clock: invalid value", "esp32", { lan8720: { ...LAN8720, clock: "input 17" } }],
    ["lan8720.phyAddress: invalid value", "esp32", { lan8720: { ...LAN8720, phyAddress: 32 } }],
    ["lan8720: needs RMII", "esp32s3", { lan8720: { ...LAN8720, mdcPin: 7, mdioPin: 8 } }],
  ])("reports %s of a wiring with a LAN8720", (mistake, chip, change) => {
    const controlPilot = { generatorPin: 4, adcPin: chip === "esp32" ? 36 : 5, zeroMv: 1330, divider: 9.76 };
    const contactorPin = chip === "esp32" ? 32 : 6;
    expect(mistakesIn({ chip, controlPilot, contactorPin, lan8720: LAN8720, ...change })).toEqual([mistake]);
  });

  test("reports each missing field", () => {
    expect(mistakesIn({ thermistor: {} })).toEqual([
      "chip: missing",
      "controlPilot: missing",
      "contactorPin: missing",
      "thermistor.adcPin: missing",
      "thermistor.ohms: missing",
      "thermistor.beta: missing",
      "thermistor.pullUpOhms: missing",
    ]);
  });

  test("requires a pin to transmit for a PN532", () => {
    const wiring = { chip: "esp32", ...BUILT_IN, cardReaderPin: 16, cardReaderKind: "pn532" };
    expect(mistakesIn(wiring)).toEqual(["cardReaderTransmitPin: missing"]);
    expect(mistakesIn({ ...wiring, cardReaderTransmitPin: 17 })).toEqual([]);
  });

  test("refuses an ADC pin that the chip reads at its start", () => {
    const onStrapping = { ...BUILT_IN.controlPilot, generatorPin: 5, adcPin: 2 };
    expect(mistakesIn({ chip: "esp32c3", controlPilot: onStrapping, contactorPin: 6 })).toEqual([
      "controlPilot.adcPin: unsuitable pin",
    ]);
  });
});

describe("checkWiring of a Modbus meter", () => {
  const wiringWith = (modbusMeter: Record<string, unknown>) => ({
    chip: "esp32",
    ...BUILT_IN,
    modbusMeter: { ...METER, ...modbusMeter },
  });

  test("accepts the known types, and registers of its own", () => {
    for (const type of ["sdm72", "sdm72v2", "sdm120", "sdm630"]) {
      expect(mistakesIn(wiringWith({ type, directionPin: 21 }))).toEqual([]);
    }
    expect(mistakesIn(wiringWith({ type: "registers", registers: REGISTERS }))).toEqual([]);
  });

  test.each([
    ["modbusMeter.type: invalid value", { type: "sdm999" }],
    ["modbusMeter.address: invalid value", { address: 0 }],
    ["modbusMeter.baud: invalid value", { baud: 300 }],
    ["modbusMeter.directionPin: unsuitable pin", { directionPin: 36 }],
    ["modbusMeter.transmitPin: pin used twice", { transmitPin: 16 }],
    ["modbusMeter.registers: needs registers", { type: "registers" }],
    ["modbusMeter.registers: needs registers", { type: "registers", registers: REGISTERS.slice(0, 1) }],
    ["modbusMeter.registers: needs registers", { registers: REGISTERS }],
    ["modbusMeter.registers: value used twice", { type: "registers", registers: [...REGISTERS, REGISTER] }],
    [
      "modbusMeter.registers.1.type: invalid value",
      { type: "registers", registers: [REGISTERS[1], { ...REGISTER, type: "float64" }] },
    ],
    [
      "modbusMeter.registers.0.scale: missing",
      {
        type: "registers",
        registers: [{ ...REGISTER, scale: undefined }, REGISTERS[1]].map(withoutUndefined),
      },
    ],
  ])("reports %s", (mistake, meter) => {
    expect(mistakesIn(wiringWith(meter))).toEqual([mistake]);
  });

  test("reports a second meter, and a card reader on the only UART", () => {
    expect(mistakesIn({ ...wiringWith({}), meterPin: 33, cardReaderPin: 13 })).toEqual([
      "modbusMeter: second meter",
      "modbusMeter: second UART",
    ]);
  });
});

function withoutUndefined(object: object | undefined): object {
  return Object.fromEntries(Object.entries(object ?? {}).filter(([, value]) => value !== undefined));
}

describe("readWiring", () => {
  const { id } = CHIPS.esp32;

  test("returns the built-in wiring for a board without a record, and for a record without a wiring", () => {
    expect(readWiring(storageWith({}), BUILT_IN, id)).toBe(BUILT_IN);
    expect(readWiring(storageWith({ device: '{"v":1,"deviceId":"cafe-1"}' }), BUILT_IN, id)).toBe(BUILT_IN);
  });

  test("returns the provisioned wiring without anything of the built-in one", () => {
    const least = { chip: "esp32", ...BUILT_IN, contactorPin: 4 };
    expect(readWiring(deviceWith(least), { ...BUILT_IN, lockPin: 32 }, id)).toEqual(least);
  });

  test.each<[string, Storage]>([
    ["the record device is lost", storageWith({ [WIRED_KEY]: "1" })],
    ["the record device has no wiring", storageWith({ device: '{"v":1}', [WIRED_KEY]: "1" })],
    ["the record device cannot be read", storageWith({ device: '{"v":1,"wiring' })],
    ["wiring: invalid value", deviceWith(null)],
    ["wiring: invalid value", deviceWith([])],
    ["chip: missing", deviceWith({})],
    ["wiring for another chip", deviceWith({ ...WIRING, chip: "esp32s3", ...pinsOfS3() })],
    ["contactorPin: unsuitable pin", deviceWith({ ...WIRING, contactorPin: 1 })],
  ])("returns a message in place of a wiring: %s", (message, storage) => {
    expect(readWiring(storage, BUILT_IN, id)).toBe(message);
  });

  test("returns a message when the storage fails", () => {
    const broken: Storage = {
      ...storageWith({}),
      read: () => {
        throw new Error("no flash");
      },
    };
    expect(readWiring(broken, BUILT_IN, id)).toBe("the record device cannot be read: no flash");
  });
});

/** Pins that differ on an ESP32-S3. */
function pinsOfS3(): Record<string, unknown> {
  return {
    controlPilot: { ...WIRING.controlPilot, generatorPin: 21, adcPin: 1 },
    thermistor: { ...WIRING.thermistor, adcPin: 5 },
    proximity: { adcPin: 6, pullUpOhms: 1000, supplyMv: 3300 },
    lampPin: 40,
    w5500: { clockPin: 12, mosiPin: 11, misoPin: 10, selectPin: 9, interruptPin: 8 },
    meterPin: 41,
    cardReaderTransmitPin: 42,
  };
}

test("objects that cannot be converted to a number are mistakes", () => {
  const unnumbered = { valueOf: 1, toString: 1 };
  const mistakes = mistakesIn({
    ...WIRING,
    controlPilot: { ...WIRING.controlPilot, zeroMv: unnumbered, divider: unnumbered },
    lan8720: { mdcPin: 23, mdioPin: 18, clock: unnumbered, phyAddress: 1 },
    currentLimitA: unnumbered,
  });
  for (const field of ["controlPilot.zeroMv", "controlPilot.divider", "lan8720.clock", "currentLimitA"])
    expect(mistakes).toContain(`${field}: invalid value`);
});
