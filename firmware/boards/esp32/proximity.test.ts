import { expect, jest, test } from "@jest/globals";
import { cableCurrentA } from "../../../modules/charging/index.js";

let readingMv = 0;

jest.unstable_mockModule("./guard/native.js", () => ({ analog: () => readingMv }));

const { makeProximity, proximityOhmsOf } = await import("./proximity.js");

const CIRCUIT = { adcPin: 36, pullUpOhms: 1000, supplyMv: 3300 };

/** Voltage of the divider at a resistance, mV. */
function millivoltsAt(ohms: number): number {
  return (CIRCUIT.supplyMv * ohms) / (ohms + CIRCUIT.pullUpOhms);
}

test.each([
  [1500, 13],
  [680, 20],
  [220, 32],
  [100, 63],
])("%i Ω are a cable of %i A, with an error of the ADC of 30 mV", (ohms, currentA) => {
  for (const errorMv of [-30, 0, 30]) {
    readingMv = Math.round(millivoltsAt(ohms)) + errorMv;
    expect(cableCurrentA(makeProximity(CIRCUIT, () => {})())).toBe(currentA);
  }
});

test.each([0, -5, 100, 2400, 2450, 3300, 3400])("%i mV are no cable", (millivolts) => {
  expect(cableCurrentA(proximityOhmsOf(CIRCUIT, millivolts))).toBe(0);
});
