/**
 * Inputs of each fuzzer. `npm run soak` sets more, an engine without a compiler less (host-tests/tools/xs), by the global
 * `fuzzRuns`.
 */
export const FUZZ_RUNS = (globalThis as { fuzzRuns?: number }).fuzzRuns ?? 1000;

/**
 * A seeded generator (xoshiro128**, Blackman and Vigna 2018), so that a run can be repeated from its seed.
 */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    // splitmix32 spreads the seed over the state, as the authors advise.
    let z = seed >>> 0;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      z = (z + 0x9e3779b9) >>> 0;
      let x = z;
      x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
      x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
      return (x ^ (x >>> 16)) >>> 0;
    });
  }

  /** Returns an integer from 0 to 2^32 - 1. */
  uint32(): number {
    const s = this.#state;
    // Destructuring would be ten times slower.
    const s0 = s[0] ?? 0;
    const s1 = s[1] ?? 0;
    const s2 = s[2] ?? 0;
    const s3 = s[3] ?? 0;
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    s[2] = s2 ^ s0;
    s[3] = s3 ^ s1;
    s[1] = s1 ^ (s[2] ?? 0);
    s[0] = s0 ^ (s[3] ?? 0);
    s[2] = (s[2] ?? 0) ^ (s1 << 9);
    s[3] = rotateLeft(s[3] ?? 0, 11);
    return result;
  }

  /** Returns an integer from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * below);
  }

  bool(probability = 0.5): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  bytes(byteLength: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("cannot pick from an empty list");
    return items[this.int(items.length)] as T;
  }
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
