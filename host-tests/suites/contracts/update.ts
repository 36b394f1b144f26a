import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { makeImage } from "../../virtual/world/firmware-image.js";
import type { Harness } from "./harness.js";

/** A board whose next start can be looked at. */
export interface UpdateHarness extends Harness {
  /** Which of its two slots a restart would start. */
  nextSlot(): number;
}

const image = makeImage({ version: 2, byteLength: 8192 });

/** What every board's updates do (modules/board/update.ts). */
export function describeUpdateContract(name: string, makeHarness: () => Promise<UpdateHarness>): void {
  describe(`${name}: an update`, () => {
    let harness: UpdateHarness;
    let before: number;

    beforeEach(async () => {
      harness = await makeHarness();
      before = harness.nextSlot();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    test("that is complete is what starts next, and nothing before", () => {
      const update = harness.board.openUpdate();
      update.write(image.slice(0, 5000));
      update.write(image.slice(5000));
      expect(harness.nextSlot()).toBe(before);
      update.complete();
      expect(harness.nextSlot()).not.toBe(before);
    });

    test("that is given up changes nothing, and another may follow", () => {
      const update = harness.board.openUpdate();
      update.write(image);
      update.close();
      update.close();
      expect(harness.nextSlot()).toBe(before);
      expect(() => update.write(image)).toThrow("over");
      expect(() => update.complete()).toThrow("over");
      expect(() => harness.board.openUpdate().close()).not.toThrow();
    });

    test("that is no firmware is refused at its end", () => {
      const update = harness.board.openUpdate();
      update.write(new Uint8Array(4096).fill(0x3c));
      expect(() => update.complete()).toThrow("no firmware");
      expect(harness.nextSlot()).toBe(before);
    });

    test("that is damaged is refused at its end", () => {
      const update = harness.board.openUpdate();
      const damaged = image.slice();
      damaged[6000] = (damaged[6000] ?? 0) ^ 1;
      update.write(damaged);
      expect(() => update.complete()).toThrow("no firmware");
      expect(harness.nextSlot()).toBe(before);
    });

    test("that is longer than its slot is refused as it is written", () => {
      const update = harness.board.openUpdate();
      update.write(new Uint8Array(0x1f0000));
      expect(() => update.write(new Uint8Array(1))).toThrow("longer than the slot");
    });

    test("is one at a time", () => {
      const update = harness.board.openUpdate();
      expect(() => harness.board.openUpdate()).toThrow("open already");
      update.close();
    });
  });
}
