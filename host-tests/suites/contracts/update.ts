import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { makeImage } from "../../virtual/world/firmware-image.js";
import type { Harness } from "./harness.js";

/** A board whose next boot slot can be inspected. */
export interface UpdateHarness extends Harness {
  /** Returns the slot, of two, that a restart would boot. */
  nextSlot(): number;
}

const image = makeImage({ version: 2, byteLength: 8192 });

/** Defines the tests that each board's updates have to pass (modules/board/update.ts). */
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

    test("is booted next once it is complete, and not before", () => {
      const update = harness.board.openUpdate();
      update.write(image.slice(0, 5000));
      update.write(image.slice(5000));
      expect(harness.nextSlot()).toBe(before);
      update.complete();
      expect(harness.nextSlot()).not.toBe(before);
    });

    test("that is closed early changes nothing, and another one can follow", () => {
      const update = harness.board.openUpdate();
      update.write(image);
      update.close();
      update.close();
      expect(harness.nextSlot()).toBe(before);
      expect(() => update.write(image)).toThrow("over");
      expect(() => update.complete()).toThrow("over");
      expect(() => harness.board.openUpdate().close()).not.toThrow();
    });

    test("without a firmware image is rejected at completion", () => {
      const update = harness.board.openUpdate();
      update.write(new Uint8Array(4096).fill(0x3c));
      expect(() => update.complete()).toThrow("no firmware");
      expect(harness.nextSlot()).toBe(before);
    });

    test("with a damaged image is rejected at completion", () => {
      const update = harness.board.openUpdate();
      const damaged = image.slice();
      damaged[6000] = (damaged[6000] ?? 0) ^ 1;
      update.write(damaged);
      expect(() => update.complete()).toThrow("no firmware");
      expect(harness.nextSlot()).toBe(before);
    });

    test("that exceeds its slot is rejected while writing", () => {
      const update = harness.board.openUpdate();
      update.write(new Uint8Array(0x1f0000));
      expect(() => update.write(new Uint8Array(1))).toThrow("longer than the slot");
    });

    test("cannot be opened while another one is open", () => {
      const update = harness.board.openUpdate();
      expect(() => harness.board.openUpdate()).toThrow("open already");
      update.close();
    });
  });
}
