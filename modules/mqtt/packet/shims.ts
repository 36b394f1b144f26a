/**
 * Minimal replacements of the Node modules that mqtt-packet needs, for any engine. The bundle `mqtt-packet.js` has them in
 * place of `buffer`, `bl`, `events`, `debug` and `process-nextick-args` (scripts/bundle-mqtt-packet.js).
 */

import { decodeUTF8, encodeUTF8 } from "../../bytes/index.js";

type Source = string | readonly number[] | Uint8Array<ArrayBuffer>;

/** The part of Node's Buffer that mqtt-packet uses, with the engine's own UTF-8. */
export class Buffer extends Uint8Array<ArrayBuffer> {
  static alloc(byteLength: number): Buffer {
    return new Buffer(new ArrayBuffer(byteLength));
  }

  static allocUnsafe(byteLength: number): Buffer {
    return new Buffer(new ArrayBuffer(byteLength));
  }

  // The parameter type is Node's, wider than Uint8Array.from's.
  static override from(source: Source | Iterable<number> | ArrayLike<number>): Buffer {
    const bytes =
      typeof source === "string" ? encodeUTF8(source) : Uint8Array.from(source as ArrayLike<number>);
    return new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof Uint8Array;
  }

  /** Accepts a plain Uint8Array where mqtt-packet tests `instanceof Buffer`. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return ArrayBuffer.isView(value);
  }

  static byteLength(value: string | Uint8Array<ArrayBuffer>): number {
    return typeof value === "string" ? encodeUTF8(value).length : value.length;
  }

  writeUInt8(value: number, offset: number): void {
    this[offset] = value;
  }

  writeUInt16BE(value: number, offset: number): void {
    this[offset] = value >> 8;
    this[offset + 1] = value;
  }

  writeUInt32BE(value: number, offset: number): void {
    this.writeUInt16BE(value >>> 16, offset);
    this.writeUInt16BE(value & 0xffff, offset + 2);
  }
}

/** Received bytes that are not parsed yet. Pieces are simply joined, because most of them hold whole packets. */
export class BufferList {
  private _bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  get length(): number {
    return this._bytes.length;
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    if (this._bytes.length === 0) {
      this._bytes = bytes;
      return;
    }
    const joined = new Uint8Array(this._bytes.length + bytes.length);
    joined.set(this._bytes);
    joined.set(bytes, this._bytes.length);
    this._bytes = joined;
  }

  consume(byteLength: number): void {
    this._bytes = this._bytes.subarray(byteLength);
  }

  readUInt8(offset: number): number {
    const value = this._bytes[offset];
    if (value === undefined) throw new RangeError("the packet is too short");
    return value;
  }

  readUInt16BE(offset: number): number {
    return this.readUInt8(offset) * 256 + this.readUInt8(offset + 1);
  }

  readUInt32BE(offset: number): number {
    return this.readUInt16BE(offset) * 65_536 + this.readUInt16BE(offset + 2);
  }

  slice(start: number, end: number): Uint8Array<ArrayBuffer> {
    return this._bytes.slice(start, end);
  }

  /** Decodes UTF-8. Throws for ill-formed UTF-8, which has to close the connection [MQTT-1.5.3-1]. */
  toString(_encoding?: string, start = 0, end = this._bytes.length): string {
    const text = decodeUTF8(this._bytes.subarray(start, end));
    if (text === undefined) throw new Error("a string is not UTF-8");
    return text;
  }
}

/** Makes a `BufferList`, as the export of `bl` does. */
export function bl(): BufferList {
  return new BufferList();
}

/** The part of Node's EventEmitter that mqtt-packet uses. The events go to one target, in place of a function for each. */
export class EventEmitter {
  target: { handleEvent(event: string, argument: unknown): void } | undefined;

  emit(event: string, argument: unknown): void {
    this.target?.handleEvent(event, argument);
  }
}

/** Makes a function that discards its output, as the export of `debug` does for a disabled name. */
export function debug(): () => void {
  return () => {};
}

/** Never called: only streams with `cork` need it. */
export function nextTick(): never {
  throw new Error("the codec's stream has no cork");
}
