import { expect, jest, test } from "@jest/globals";

let readingMv = 0;
let events: string[] = [];

jest.unstable_mockModule("./guard/native.js", () => ({
  analog: (pin: number) => {
    events.push(`pin ${pin}`);
    return readingMv;
  },
}));

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

test.each([2450, 2430, 0])("%d mV, at an end of the ADC's range, have no temperature", (atEndMv) => {
  readingMv = atEndMv;
  expect(makeThermometer(CIRCUIT, onAnalog)()).toBeUndefined();
});

test("the thermometer converts the divider's voltage", () => {
  readingMv = Math.round(millivoltsAt(1256));
  expect(Math.round(makeThermometer(CIRCUIT, onAnalog)() ?? 0)).toBe(80);
});

test("the thermometer uses the ADC only from its first measurement, after it was announced", () => {
  events = [];
  const measure = makeThermometer(CIRCUIT, onAnalog);
  expect(events).toEqual([]);
  measure();
  measure();
  expect(events).toEqual(["onAnalog", "pin 35", "pin 35"]);
});
