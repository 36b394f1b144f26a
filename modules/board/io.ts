/** What every port shares, after ECMA-419 (https://419.ecma-international.org). */

export type Bytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Anything that holds a resource of the board. `close()` may be called twice; no callback comes after it. */
export interface IO {
  close(): void;
}

/** A pin or a group of pins, in whatever form the board's IO constructors take. */
export type PinSpecifier = number | string;
