/** Frames of the PN532's serial line (NXP UM0701-02 section 6.2.1). Pure functions of bytes. */

/** Content of a received frame: TFI, command code and data; or the acknowledgement of a command. */
export type PN532Frame = "ack" | readonly number[];

const [START_1, START_2] = [0x00, 0xff];
/** TFI of a frame to the PN532. */
const TO_PN532 = 0xd4;
/** Longest content of a frame, bytes. A target with a UID of 10 bytes and an ATS of 20 bytes has 39. */
export const MAX_CONTENT_BYTES = 64;
/** Start code, length and checksum of the length. */
const HEAD_BYTES = 4;

/** Builds the normal information frame of a command: its code and its parameters. */
export function commandFrame(command: readonly number[]): number[] {
  const length = command.length + 1;
  let sum = TO_PN532;
  for (const byte of command) sum += byte;
  return [0x00, START_1, START_2, length, -length & 0xff, TO_PN532, ...command, -sum & 0xff, 0x00];
}

/**
 * Decoder of received frames. It skips whatever is no frame: it drops one byte at a time and looks for a start again, so
 * that a damaged frame does not hide the one behind it. Extended frames and NACK are skipped, too.
 */
export class PN532FrameReader {
  private _bytes: number[] = [];

  /** Adds received bytes. To be followed by calls of `next` until it returns `undefined`. */
  add(bytes: Iterable<number>): void {
    this._bytes.push(...bytes);
  }

  /** Drops the bytes of an incomplete frame. */
  clear(): void {
    this._bytes.length = 0;
  }

  /** Returns the next whole frame; `undefined` until more bytes are added. */
  next(): PN532Frame | undefined {
    const bytes = this._bytes;
    for (let start = 0; ; start++) {
      const byteLength = start < bytes.length ? frameLength(bytes, start) : 0;
      if (byteLength === undefined) continue;
      if (byteLength === 0 || start + byteLength > bytes.length) {
        bytes.splice(0, start);
        return undefined;
      }
      if (byteLength !== HEAD_BYTES && !hasValidSum(bytes, start, byteLength)) continue;
      const frame = bytes.splice(0, start + byteLength);
      return byteLength === HEAD_BYTES ? "ack" : frame.slice(start + HEAD_BYTES, -1);
    }
  }
}

/**
 * Returns the length of a frame from its start code to its checksum, bytes; 0 if its head is incomplete, `undefined` if
 * there is no frame.
 */
function frameLength(bytes: readonly number[], start: number): number | undefined {
  const available = bytes.length - start;
  if (bytes[start] !== START_1 || (available > 1 && bytes[start + 1] !== START_2)) return undefined;
  if (available < HEAD_BYTES) return 0;
  const length = bytes[start + 2] ?? 0;
  const checksum = bytes[start + 3] ?? 0;
  if (length === 0) return checksum === 0xff ? HEAD_BYTES : undefined;
  if (length > MAX_CONTENT_BYTES || ((length + checksum) & 0xff) !== 0) return undefined;
  return HEAD_BYTES + length + 1;
}

/** `true` if content and checksum of a frame add up to 0. */
function hasValidSum(bytes: readonly number[], start: number, byteLength: number): boolean {
  let sum = 0;
  for (let i = start + HEAD_BYTES; i < start + byteLength; i++) sum += bytes[i] ?? 0;
  return (sum & 0xff) === 0;
}
