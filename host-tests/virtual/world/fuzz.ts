/** Fuzzers: many random inputs from one seed, each checked by an oracle. */

import { concatBytes, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { FUZZ_RUNS, Random } from "./random.js";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Fuzzer<Input> {
  readonly seed: number;
  /** Number of inputs. Default: `FUZZ_RUNS`. */
  readonly runs?: number;
  readonly make: (random: Random) => Input;
  /** Throws if the input reveals a fault. `random` is for choices such as the sizes of pieces. */
  readonly check: (input: Input, random: Random) => void;
}

/** Time limit of each fuzzer, ms, for long runs (`npm run soak`). */
const { fuzzLimitMs: LIMIT_MS = Number.POSITIVE_INFINITY, console } = globalThis as {
  fuzzLimitMs?: number;
  console?: { log(text: string): void };
};

/**
 * Checks random inputs. Throws at the first fault, with the seed, the number of the run, and the input. Returns the number
 * of inputs.
 */
export function fuzz<Input>(fuzzer: Fuzzer<Input>): number {
  let count = 0;
  for (const { run, input, random } of inputsOf(fuzzer)) {
    try {
      fuzzer.check(input, random);
    } catch (error) {
      throw failureOf(error, { seed: fuzzer.seed, run, input });
    }
    count++;
  }
  return count;
}

export interface AsyncFuzzer<Input> extends Omit<Fuzzer<Input>, "check"> {
  readonly check: (input: Input, random: Random) => Promise<void>;
}

/** As `fuzz`, for an oracle that waits. */
export async function fuzzAsync<Input>(fuzzer: AsyncFuzzer<Input>): Promise<number> {
  let count = 0;
  for (const { run, input, random } of inputsOf(fuzzer)) {
    try {
      await fuzzer.check(input, random);
    } catch (error) {
      throw failureOf(error, { seed: fuzzer.seed, run, input });
    }
    count++;
  }
  return count;
}

/** Makes the inputs one after the other, until the runs or the time are over. */
function* inputsOf<Input>({ seed, runs = FUZZ_RUNS, make }: Omit<Fuzzer<Input>, "check">) {
  const limit = new Limit(seed, runs);
  for (let run = 0; run < runs && !limit.isOver(run); run++) {
    const random = randomOf(seed, run);
    yield { run, random, input: make(random) };
  }
}

/** Time limit of one fuzzer. */
class Limit {
  readonly #endMs = Date.now() + LIMIT_MS;
  readonly #seed: number;
  readonly #runs: number;

  constructor(seed: number, runs: number) {
    this.#seed = seed;
    this.#runs = runs;
  }

  isOver(run: number): boolean {
    if (LIMIT_MS === Number.POSITIVE_INFINITY || run % 64 !== 0 || Date.now() < this.#endMs) return false;
    console?.log(`seed ${this.#seed}: the time was over after ${run} of ${this.#runs} inputs`);
    return true;
  }
}

/** Random numbers of one run: a failing run can be repeated without those before it. */
function randomOf(seed: number, run: number): Random {
  return new Random(Math.imul(seed, 0x9e3779b1) + run);
}

function failureOf(error: unknown, of: { seed: number; run: number; input: unknown }): Error {
  const text = error instanceof Error ? error.message : String(error);
  return new Error(`seed ${of.seed}, run ${of.run}: ${text}\ninput: ${shown(of.input)}`, { cause: error });
}

function shown(input: unknown): string {
  const text = JSON.stringify(input, (_key, value: unknown) =>
    value instanceof Uint8Array ? encodeHex(value as Bytes) : value,
  );
  return String(text);
}

const ODD_BYTES = [0, 9, 10, 13, 32, 34, 37, 44, 45, 58, 59, 61, 92, 127, 128, 255];

/** Changes bytes in 1 to 4 places: other bits, other bytes, parts removed, repeated or inserted, or an earlier end. */
export function mutated(random: Random, bytes: Bytes, words: readonly string[] = []): Bytes {
  let changed = bytes.slice();
  for (let left = 1 + random.int(4); left > 0; left--) changed = change(random, changed, words);
  return changed;
}

function change(random: Random, bytes: Bytes, words: readonly string[]): Bytes {
  const at = random.int(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + random.int(16));
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.int(8)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.pick(ODD_BYTES);
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = random.int(256);
      return bytes;
    case 3:
      return concatBytes(head, bytes.subarray(end));
    case 4:
      return concatBytes(bytes.subarray(0, end), tail);
    case 5:
      return concatBytes(head, random.bytes(1 + random.int(8)), tail);
    case 6:
      return words.length === 0 ? bytes : concatBytes(head, encodeUTF8(random.pick(words)), tail);
    default:
      return random.bool(0.2) ? bytes.slice(0, at) : bytes;
  }
}

/** Splits bytes into pieces of random lengths. */
export function inPieces(random: Random, bytes: Bytes): Bytes[] {
  const longest = random.pick(bytes.length < 300 ? [1, 3, 20, 300] : [20, 300, 5000]);
  const pieces: Bytes[] = [];
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.slice(at, at + 1 + random.int(longest));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}
