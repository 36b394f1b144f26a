/** Checks for fuzzers. `expect` takes 20 µs for each, as it records the stack for a failure that does not come. */

import { isDeepStrictEqual } from "node:util";
import { expect } from "@jest/globals";

/** As `expect(actual).toEqual(expected)`. */
export function same<T>(actual: T, expected: T): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** Throws with a sentence unless the condition holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
