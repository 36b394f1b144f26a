import { expect, jest, test } from "@jest/globals";

let reading = 0;
let events: string[] = [];

jest.unstable_mockModule(
  "embedded:io/analog",
  () => ({
    default: class {
      readonly resolution = 12;
      constructor() {
        events.push("ADC");
      }
      read(): number {
        return reading;
      }
    },
  }),
  { virtual: true },
);

const { makeThermometer, temperatureOf } = await import("./thermistor.js");

const onAnalog = () => {
  events.push("onAnalog");
};

const CIRCUIT = { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 };

/** Voltage of the divider at a resistance of the thermistor, mV. */
function millivoltsAt(ohms: number): number {
  return (3300 * ohms) / (ohms + CIRCUIT.pullUpOhms);
}

// From the table of a 10 kΩ thermistor with B25/85 3950 K.
test.each([
  [55_330, -10],
  [32_740, 0],
  [10_000, 25],
  [2490, 60],
  [1256, 80],
  [698, 100],
])("%d Ω are %d °C, to a degree", (ohms, temperatureC) => {
  const measured = temperatureOf(CIRCUIT, millivoltsAt(ohms)) ?? Number.NaN;
  expect(Math.abs(measured - temperatureC)).toBeLessThan(1.5);
});

test("a broken or shorted thermistor has no temperature", () => {
  expect(temperatureOf(CIRCUIT, 3299)).toBeUndefined();
  expect(temperatureOf(CIRCUIT, 3300)).toBeUndefined();
  expect(temperatureOf(CIRCUIT, 0)).toBeUndefined();
  expect(temperatureOf(CIRCUIT, 5)).toBeUndefined();
});

test.each([4095, 4080, 0])("a reading of %d at an end of the ADC's range has no temperature", (atEnd) => {
  reading = atEnd;
  expect(makeThermometer(CIRCUIT, onAnalog)()).toBeUndefined();
});

test("the thermometer converts the ADC's reading to the divider's voltage", () => {
  reading = Math.round((millivoltsAt(1256) / 2450) * 4095);
  expect(Math.round(makeThermometer(CIRCUIT, onAnalog)() ?? 0)).toBe(80);
});

test("the thermometer uses the ADC only from its first measurement, after it was announced", () => {
  events = [];
  const measure = makeThermometer(CIRCUIT, onAnalog);
  expect(events).toEqual([]);
  measure();
  measure();
  expect(events).toEqual(["onAnalog", "ADC"]);
});
