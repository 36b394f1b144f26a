import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { DigitalIn, PulseCount, Serial } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Button, Meter, SerialDevice } from "../../virtual/world/wiring.js";
import type { Harness } from "./harness.js";

/** A board with a button, a meter and a card reader. */
export interface WiringHarness extends Harness {
  readonly button: Button;
  readonly meter: Meter;
  readonly cardReader: SerialDevice;
}

const A_WHILE_MS = 100;

/** Defines the tests that each board's inputs have to pass (modules/board/pins.ts, serial.ts). */
export function describeWiringContract(name: string, makeHarness: () => Promise<WiringHarness>): void {
  describe(`${name}: inputs`, () => {
    let harness: WiringHarness;
    let readables: number;

    beforeEach(async () => {
      harness = await makeHarness();
      readables = 0;
    });

    afterEach(async () => {
      await harness.dispose();
    });

    const onReadable = () => {
      readables++;
    };

    function pin(which: "button" | "meter" | "cardReader" | "cardReaderTransmit"): string | number {
      const found = harness.board.pins[which];
      if (found === undefined) throw new Error(`the board has no ${which}`);
      return found;
    }

    const button = (): DigitalIn => new harness.board.io.DigitalIn({ pin: pin("button"), onReadable });
    const meter = (): PulseCount => new harness.board.io.PulseCount({ pin: pin("meter"), onReadable });
    const reader = (baud = harness.cardReader.baud): Serial =>
      new harness.board.io.Serial({ pin: pin("cardReader"), baud, onReadable });

    test("read a pressed button as active and report its change asynchronously", async () => {
      const input = button();
      expect(input.read()).toBe(0);
      harness.button.press();
      expect(readables).toBe(0);
      await harness.until("the press is reported", () => readables === 1);
      expect(input.read()).toBe(1);
      harness.button.release();
      await harness.until("the release is reported", () => readables === 2);
      expect(input.read()).toBe(0);
    });

    const PULSE_MS = 30;
    const PAUSE_MS = 30;

    /**
     * Closes and opens the meter's contact with the shortest times of IEC 62053-31, bouncing for `bounceMs` each
     * time.
     */
    async function sendPulse({ bounceMs = 0 } = {}): Promise<void> {
      const { contact } = harness.meter;
      for (const [isOn, durationMs] of [
        [true, PULSE_MS],
        [false, PAUSE_MS],
      ] as const) {
        contact.switch(isOn);
        if (bounceMs > 0) {
          await harness.pass(bounceMs / 2);
          contact.switch(!isOn);
          await harness.pass(bounceMs / 2);
          contact.switch(isOn);
        }
        await harness.pass(durationMs - bounceMs);
      }
    }

    test("count pulses from construction on, also without reads", async () => {
      await sendPulse();
      const pulses = meter();
      for (let i = 0; i < 5; i++) await sendPulse();
      expect(pulses.read()).toBe(5);
      await harness.until("a pulse is reported", () => readables > 0);
      expect(pulses.read()).toBe(5);
    });

    test("count 100 pulses that bounce for 2 ms at both edges as 100", async () => {
      const pulses = meter();
      for (let i = 0; i < 100; i++) await sendPulse({ bounceMs: 2 });
      expect(pulses.read()).toBe(100);
      expect(readables).toBe(100);
    });

    test("count a pulse at its first edge, and not one that runs at construction", async () => {
      harness.meter.contact.switch(true);
      const pulses = meter();
      await harness.pass(PULSE_MS);
      harness.meter.contact.switch(false);
      await harness.pass(PAUSE_MS);
      expect(pulses.read()).toBe(0);
      harness.meter.contact.switch(true);
      expect(pulses.read()).toBe(1);
    });

    test("count one pulse when the input is never quiet for 20 ms", async () => {
      const pulses = meter();
      for (let i = 0; i < 50; i++) {
        harness.meter.contact.switch(i % 2 === 0);
        await harness.pass(19);
      }
      expect(pulses.read()).toBe(1);
    });

    test("read the bytes of a card reader together and once", async () => {
      const serial = reader();
      expect(serial.read()).toBeUndefined();
      harness.cardReader.send(encodeUTF8("0400"));
      harness.cardReader.send(encodeUTF8("AB\r"));
      await harness.until("they are reported", () => readables > 0);
      expect(new Uint8Array(serial.read() ?? new ArrayBuffer(0))).toEqual(encodeUTF8("0400AB\r"));
      expect(serial.read()).toBeUndefined();
    });

    test("lose only the bytes that are not read in time", async () => {
      const serial = reader();
      for (let i = 0; i < 100; i++) harness.cardReader.send(new Uint8Array(16).fill(i));
      await harness.pass(A_WHILE_MS);
      const bytes = serial.read();
      expect(bytes?.byteLength).toBeGreaterThan(0);
      expect(bytes?.byteLength).toBeLessThan(1600);
    });

    test("transmit bytes to a card reader in their order", async () => {
      const received: number[] = [];
      harness.cardReader.watchReceived((bytes) => received.push(...bytes));
      const { baud } = harness.cardReader;
      const serial = new harness.board.io.Serial({
        pin: pin("cardReader"),
        transmitPin: pin("cardReaderTransmit"),
        baud,
      });
      serial.write(encodeUTF8("PN"));
      serial.write(encodeUTF8("532").buffer);
      await harness.until("they are received", () => received.length === 5);
      expect(String.fromCharCode(...received)).toBe("PN532");
      expect(() => serial.write(new Uint8Array(129))).toThrow("full");
      serial.close();
      expect(() => serial.write(encodeUTF8("A"))).toThrow("closed");
    });

    test("throw on a transmission on a receive-only serial line", () => {
      expect(() => reader().write(encodeUTF8("A"))).toThrow("receive-only");
    });

    test("receive different bytes at another baud rate", async () => {
      const serial = reader(harness.cardReader.baud * 2);
      harness.cardReader.send(encodeUTF8("A"));
      await harness.pass(A_WHILE_MS);
      expect(new Uint8Array(serial.read() ?? new ArrayBuffer(0))).not.toEqual(encodeUTF8("A"));
    });

    test("throw on an input that is in use until it is closed", () => {
      for (const make of [button, meter, reader]) {
        const input = make();
        expect(() => make()).toThrow("in use");
        input.close();
        input.close();
        expect(() => make().close()).not.toThrow();
      }
    });

    test("throw on an input that is wired for another function", () => {
      const { io } = harness.board;
      expect(() => new io.DigitalIn({ pin: pin("meter") })).toThrow("cannot");
      expect(() => new io.PulseCount({ pin: pin("button") })).toThrow("cannot");
      expect(() => new io.Serial({ pin: pin("button"), baud: 9600 })).toThrow("cannot");
    });

    test("throw on the use of a closed input and call no callback", async () => {
      const inputs = [button(), meter(), reader()];
      harness.button.press();
      harness.meter.pulse();
      harness.cardReader.send(encodeUTF8("A"));
      for (const input of inputs) input.close();
      harness.button.release();
      await harness.pass(A_WHILE_MS);
      expect(readables).toBe(0);
      for (const input of inputs) expect(() => input.read()).toThrow("closed");
    });
  });
}
