import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "../../../modules/bytes/index.js";
import { ChipRandom, type RandomHardware } from "./random.js";

/** The generator of a chip, whose numbers are constant while neither a radio nor the entropy source is on. */
class FakeHardware implements RandomHardware {
  readonly calls: string[] = [];
  readonly #noise: number;
  #isSourceOn = false;

  constructor(noise: number) {
    this.#noise = noise;
  }

  bootloader_random_enable(): void {
    this.calls.push("enable");
    this.#isSourceOn = true;
  }

  bootloader_random_disable(): void {
    this.calls.push("disable");
    this.#isSourceOn = false;
  }

  esp_fill_random(buffer: ArrayBuffer, byteLength: number): void {
    this.calls.push(`fill ${byteLength}`);
    new Uint8Array(buffer).fill(this.#isSourceOn ? this.#noise : 0);
  }
}

function sourceWith(noise: number): { hardware: FakeHardware; random: ChipRandom } {
  const hardware = new FakeHardware(noise);
  const random = new ChipRandom(
    hardware,
    (data) => sha256(new Uint8Array(data as ArrayBuffer)).buffer as ArrayBuffer,
  );
  return { hardware, random };
}

describe("ChipRandom", () => {
  test("takes its seed, of 256 bits, from the entropy source", () => {
    const { hardware, random } = sourceWith(1);
    expect(hardware.calls).toEqual(["enable", "fill 32"]);
    random.releaseSource();
    expect(hardware.calls).toEqual(["enable", "fill 32", "disable"]);
  });

  test("turns the entropy source off once, before ADC and radio", () => {
    const { hardware, random } = sourceWith(1);
    random.releaseSource();
    random.releaseSource();
    expect(hardware.calls.filter((call) => call === "disable")).toEqual(["disable"]);
  });

  test("gives two chips different numbers, also while their hardware generators have no entropy", () => {
    const numbers = [1, 2].map((noise) => {
      const { random } = sourceWith(noise);
      random.releaseSource();
      return encodeHex(random.fill(32));
    });
    expect(numbers[0]).not.toBe(numbers[1]);
  });

  test("does not repeat itself while the hardware generator has no entropy", () => {
    const { random } = sourceWith(1);
    random.releaseSource();
    const blocks = new Set(Array.from({ length: 200 }, () => encodeHex(random.fill(16))));
    expect(blocks.size).toBe(200);
  });

  test("mixes fresh noise into each block", () => {
    const numbers = [true, false].map((isReleased) => {
      const { random } = sourceWith(1);
      if (isReleased) random.releaseSource();
      return encodeHex(random.fill(32));
    });
    expect(numbers[0]).not.toBe(numbers[1]);
  });

  test.each([0, 1, 31, 32, 33, 100])(
    "returns exactly %i bytes, of which none are left empty",
    (byteLength) => {
      const { random } = sourceWith(1);
      const bytes = random.fill(byteLength);
      expect(bytes.byteLength).toBe(byteLength);
      const rest = encodeHex(bytes).slice(-64);
      expect(byteLength < 4 || /[^0]/.test(rest)).toBe(true);
    },
  );
});
