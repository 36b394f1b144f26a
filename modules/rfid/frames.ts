/**
 * Decoders of the serial protocols of card readers. Both are pure functions of bytes. They drop damaged and too long
 * frames and recover at the next frame.
 */

/**
 * `em4100`: RDM6300 and compatible readers of 125 kHz cards. `lines`: readers that send the tag as a line of text.
 */
export const READER_KINDS = ["em4100", "lines"] as const;
export type ReaderKind = (typeof READER_KINDS)[number];

const STX = 2;
const ETX = 3;
const LF = 10;
const CR = 13;
/** Maximum length of a tag, characters. */
const MAX_LINE_CHARS = 64;
/** Digits in a frame: ten of the card and two of the checksum (RDM6300 data sheet). */
const EM4100_DIGITS = 12;

/** Decodes the next byte. Returns the tag that it completes, if any. */
export type FrameReader = (byte: number) => string | undefined;

/** Makes a decoder for one serial line. */
export function makeFrameReader(kind: ReaderKind): FrameReader {
  const isLines = kind === "lines";
  const maxChars = isLines ? MAX_LINE_CHARS : EM4100_DIGITS;
  let text = "";
  let isDamaged = !isLines;
  return (byte) => {
    const isEnd = isLines ? byte === LF || byte === CR : byte === ETX;
    if (isEnd || (byte === STX && !isLines)) {
      const whole = isEnd && !isDamaged ? text : "";
      text = "";
      isDamaged = isEnd && !isLines;
      return isLines ? whole.trim() || undefined : em4100Tag(whole);
    }
    if (text.length === maxChars) isDamaged = true;
    else text += String.fromCharCode(byte);
    return undefined;
  };
}

/** Returns the ten digits of the card; `undefined` when the checksum, the XOR of its five bytes, is wrong. */
function em4100Tag(digits: string): string | undefined {
  if (!/^[0-9A-Fa-f]{12}$/.test(digits)) return undefined;
  let sum = 0;
  for (let i = 0; i < EM4100_DIGITS; i += 2) sum ^= Number.parseInt(digits.slice(i, i + 2), 16);
  return sum === 0 ? digits.slice(0, 10).toUpperCase() : undefined;
}
