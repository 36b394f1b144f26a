/**
 * What card readers send. Both kinds are pure readers of bytes: what is damaged is left out, what is too long is
 * given up, and the next card is read as if nothing had been.
 */

/** `em4100`: RDM6300 and its like, for cards of 125 kHz. `lines`: the card's number as a line of text. */
export const READER_KINDS = ["em4100", "lines"] as const;
export type ReaderKind = (typeof READER_KINDS)[number];

const STX = 2;
const ETX = 3;
const LF = 10;
const CR = 13;
/** A tag has 64 characters at most. */
const MAX_LINE_CHARS = 64;
/** Ten digits of the card and two of the checksum (RDM6300 data sheet). */
const EM4100_DIGITS = 12;

/** Takes the next byte; gives the tag that it completes. */
export type FrameReader = (byte: number) => string | undefined;

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

/** The card's ten digits; the checksum is the XOR of its five bytes. */
function em4100Tag(digits: string): string | undefined {
  if (!/^[0-9A-Fa-f]{12}$/.test(digits)) return undefined;
  let sum = 0;
  for (let i = 0; i < EM4100_DIGITS; i += 2) sum ^= Number.parseInt(digits.slice(i, i + 2), 16);
  return sum === 0 ? digits.slice(0, 10).toUpperCase() : undefined;
}
