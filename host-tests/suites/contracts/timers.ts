import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Harness, MakeHarness } from "./harness.js";

/** Defines the tests that each board's clock has to pass (modules/board/clock.ts). */
export function describeTimerContract(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: timers`, () => {
    let harness: Harness;

    beforeEach(async () => {
      harness = await makeHarness();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    test("fire once, and not before their time", async () => {
      const { clock } = harness.board;
      const start = clock.monotonicMs();
      const calls: number[] = [];
      clock.set(() => calls.push(clock.monotonicMs() - start), 50);
      await harness.pass(200);
      expect(calls).toHaveLength(1);
      // Node's timers may fire up to a millisecond early.
      expect(calls[0]).toBeGreaterThanOrEqual(49);
    });

    test("with 0 ms do not fire inside set", async () => {
      let isInside = true;
      let wasInside: boolean | undefined;
      harness.board.clock.set(() => {
        wasInside = isInside;
      }, 0);
      isInside = false;
      await harness.until("it comes", () => wasInside !== undefined);
      expect(wasInside).toBe(false);
    });

    test("with the same delay fire in the order in which they were set", async () => {
      const order: number[] = [];
      for (let i = 0; i < 5; i++) harness.board.clock.set(() => order.push(i), 20);
      await harness.until("all come", () => order.length === 5);
      expect(order).toEqual([0, 1, 2, 3, 4]);
    });

    test("that repeat fire until they are cleared, also by their own callback", async () => {
      const { clock } = harness.board;
      let calls = 0;
      const timer = clock.repeat(() => {
        if (++calls === 3) clock.clear(timer);
      }, 10);
      await harness.until("it comes three times", () => calls === 3);
      await harness.pass(100);
      expect(calls).toBe(3);
    });

    test("do not fire after clear, which can be repeated or called with undefined", async () => {
      const { clock } = harness.board;
      let calls = 0;
      const timer = clock.set(() => calls++, 10);
      clock.clear(timer);
      clock.clear(timer);
      clock.clear(undefined);
      await harness.pass(100);
      expect(calls).toBe(0);
    });

    test("throw on an invalid delay", () => {
      const { clock } = harness.board;
      expect(() => clock.set(() => {}, -1)).toThrow(RangeError);
      expect(() => clock.set(() => {}, Number.NaN)).toThrow(RangeError);
      expect(() => clock.repeat(() => {}, 0)).toThrow(RangeError);
    });
  });
}
