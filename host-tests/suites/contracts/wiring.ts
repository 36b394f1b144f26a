import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { DigitalIn, PulseCount, Serial } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Button, Meter, SerialSender } from "../../virtual/world/wiring.js";
import type { Harness } from "./harness.js";

/** A board with a button, a meter and a card reader on it. */
export interface WiringHarness extends Harness {
  readonly button: Button;
  readonly meter: Meter;
  readonly cardReader: SerialSender;
}

const A_WHILE_MS = 100;

/** What every board's inputs do (modules/board/pins.ts, serial.ts). */
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

    function pin(which: "button" | "meter" | "cardReader"): string | number {
      const found = harness.board.pins[which];
      if (found === undefined) throw new Error(`the board has no ${which}`);
      return found;
    }

    const button = (): DigitalIn => new harness.board.io.DigitalIn({ pin: pin("button"), onReadable });
    const meter = (): PulseCount => new harness.board.io.PulseCount({ pin: pin("meter"), onReadable });
    const reader = (baud = harness.cardReader.baud): Serial =>
      new harness.board.io.Serial({ pin: pin("cardReader"), baud, onReadable });

    test("a button is active while it is pressed, and a change is told later", async () => {
      const input = button();
      expect(input.read()).toBe(0);
      harness.button.press();
      expect(readables).toBe(0);
      await harness.until("the press is told", () => readables === 1);
      expect(input.read()).toBe(1);
      harness.button.release();
      await harness.until("the release is told", () => readables === 2);
      expect(input.read()).toBe(0);
    });

    const PULSE_MS = 30;
    const PAUSE_MS = 30;

    /** The meter's contact closes and opens, as briefly as IEC 62053-31 allows, and bounces for `bounceMs` each time. */
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

    test("pulses are counted from construction on, also while nothing reads the count", async () => {
      await sendPulse();
      const pulses = meter();
      for (let i = 0; i < 5; i++) await sendPulse();
      expect(pulses.read()).toBe(5);
      await harness.until("a pulse is told", () => readables > 0);
      expect(pulses.read()).toBe(5);
    });

    test("100 pulses that bounce after 2 ms, when they begin and when they end, count as 100", async () => {
      const pulses = meter();
      for (let i = 0; i < 100; i++) await sendPulse({ bounceMs: 2 });
      expect(pulses.read()).toBe(100);
      expect(readables).toBe(100);
    });

    test("a pulse counts at its first edge, and a pulse that runs at construction does not count", async () => {
      harness.meter.contact.switch(true);
      const pulses = meter();
      await harness.pass(PULSE_MS);
      harness.meter.contact.switch(false);
      await harness.pass(PAUSE_MS);
      expect(pulses.read()).toBe(0);
      harness.meter.contact.switch(true);
      expect(pulses.read()).toBe(1);
    });

    test("an input that is never quiet for 20 ms counts one pulse", async () => {
      const pulses = meter();
      for (let i = 0; i < 50; i++) {
        harness.meter.contact.switch(i % 2 === 0);
        await harness.pass(19);
      }
      expect(pulses.read()).toBe(1);
    });

    test("bytes that a reader sends are read together, once", async () => {
      const serial = reader();
      expect(serial.read()).toBeUndefined();
      harness.cardReader.send(encodeUTF8("0400"));
      harness.cardReader.send(encodeUTF8("AB\r"));
      await harness.until("they are told", () => readables > 0);
      expect(new Uint8Array(serial.read() ?? new ArrayBuffer(0))).toEqual(encodeUTF8("0400AB\r"));
      expect(serial.read()).toBeUndefined();
    });

    test("what nobody reads in time is lost, and no more than that", async () => {
      const serial = reader();
      for (let i = 0; i < 100; i++) harness.cardReader.send(new Uint8Array(16).fill(i));
      await harness.pass(A_WHILE_MS);
      const bytes = serial.read();
      expect(bytes?.byteLength).toBeGreaterThan(0);
      expect(bytes?.byteLength).toBeLessThan(1600);
    });

    test("at another speed nothing is what was sent", async () => {
      const serial = reader(harness.cardReader.baud * 2);
      harness.cardReader.send(encodeUTF8("A"));
      await harness.pass(A_WHILE_MS);
      expect(new Uint8Array(serial.read() ?? new ArrayBuffer(0))).not.toEqual(encodeUTF8("A"));
    });

    test("an input that is in use is an error, and free again after close", () => {
      for (const make of [button, meter, reader]) {
        const input = make();
        expect(() => make()).toThrow("in use");
        input.close();
        input.close();
        expect(() => make().close()).not.toThrow();
      }
    });

    test("an input does only what it is wired for", () => {
      const { io } = harness.board;
      expect(() => new io.DigitalIn({ pin: pin("meter") })).toThrow("cannot");
      expect(() => new io.PulseCount({ pin: pin("button") })).toThrow("cannot");
      expect(() => new io.Serial({ pin: pin("button"), baud: 9600 })).toThrow("cannot");
    });

    test("a closed input refuses to be read, and tells nothing", async () => {
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
