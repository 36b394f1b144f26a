/** Types common to all ports, after ECMA-419 (https://419.ecma-international.org). */

export type Bytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

/** Holder of a resource of the board. `close()` is idempotent, and no callback follows it. */
export interface IO {
  close(): void;
}

/** A pin or a group of pins, in the form that the board's IO constructors accept. */
export type PinSpecifier = number | string;
