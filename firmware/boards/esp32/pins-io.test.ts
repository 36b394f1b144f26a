/** The chip's pins over fakes of the SDK's IO. */

import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { VirtualClock } from "../../../host-tests/virtual/world/clock.js";

/** An S0 output on the chip's input: it pulls the pin to ground during a pulse. */
const contact = { isClosed: false, switchTo: (_isClosed: boolean) => {} };

class FakeDigital {
  static readonly InputPullUp = 1;
  static readonly Rising = 1;
  static readonly Falling = 2;

  constructor({ edge, onReadable }: { edge: number; onReadable(): void }) {
    contact.switchTo = (isClosed) => {
      if (isClosed === contact.isClosed) return;
      contact.isClosed = isClosed;
      if (edge & (isClosed ? FakeDigital.Falling : FakeDigital.Rising)) onReadable();
    };
  }

  read(): number {
    return contact.isClosed ? 0 : 1;
  }

  close(): void {}
}

jest.unstable_mockModule("embedded:io/digital", () => ({ default: FakeDigital }), { virtual: true });

const { makePulseCount } = await import("./pins-io.js");

const METER_PIN = 33;

describe("PulseCount on the chip", () => {
  let clock: VirtualClock;
  let readables: number;

  beforeEach(() => {
    clock = new VirtualClock();
    readables = 0;
    contact.isClosed = false;
  });

  function makeCounter() {
    const guard = {
      run: (callback: () => void) => callback(),
      soon: (callback: () => void) => callback(),
      hold: (release: () => void) => release,
    };
    const onReadable = () => {
      readables++;
    };
    return new (makePulseCount(guard, clock))({ pin: METER_PIN, onReadable });
  }

  /** The contact switches, and opens or closes again for a millisecond 1 ms later. */
  function switchBouncing(isClosed: boolean): void {
    contact.switchTo(isClosed);
    clock.advance(1);
    contact.switchTo(!isClosed);
    clock.advance(1);
    contact.switchTo(isClosed);
    clock.advance(28);
  }

  test("100 pulses of 30 ms that bounce at both ends count as 100", () => {
    const counter = makeCounter();
    for (let i = 0; i < 100; i++) {
      switchBouncing(true);
      switchBouncing(false);
    }
    expect(counter.read()).toBe(100);
    expect(readables).toBe(100);
  });

  test("a pulse counts although the engine receives both of its edges late, at once", () => {
    const counter = makeCounter();
    for (let i = 0; i < 3; i++) {
      contact.switchTo(true);
      contact.switchTo(false);
      clock.advance(30);
    }
    expect(counter.read()).toBe(3);
  });

  test("a counter that is closed sets no timer and reports nothing", () => {
    const counter = makeCounter();
    contact.switchTo(true);
    counter.close();
    counter.close();
    expect(clock.pending).toBe(0);
    contact.switchTo(false);
    clock.advance(30);
    contact.switchTo(true);
    expect(readables).toBe(1);
    expect(() => counter.read()).toThrow("closed");
  });
});
