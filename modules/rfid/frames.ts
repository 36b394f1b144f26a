/**
 * Decoders of the serial protocols of card readers that only send. Both are pure functions of bytes. They report damaged
 * and too long frames as `UNKNOWN` and recover at the next frame.
 */

/**
 * `em4100`: RDM6300, ID-12LA and compatible readers of 125 kHz cards. `lines`: readers that send the tag as a line of
 * text. `pn532`: a PN532 for 13.56 MHz cards, which receives commands.
 */
export const READER_KINDS = ["em4100", "lines", "pn532"] as const;
export type ReaderKind = (typeof READER_KINDS)[number];

/** Result of a decoder for bytes that are no frame. No tag is empty. */
export const UNKNOWN = "";

const STX = 2;
const ETX = 3;
const LF = 10;
const CR = 13;
/** Maximum length of a tag, characters. */
const MAX_LINE_CHARS = 64;
/** Digits in a frame: ten of the card and two of the checksum (RDM6300 data sheet). */
const EM4100_DIGITS = 12;
/** Longest frame without STX and ETX: an ID-12LA sends CR and LF after the digits. */
const EM4100_CHARS = EM4100_DIGITS + 2;

/** Decodes the next byte. Returns the tag that it completes, or `UNKNOWN`, if any. */
export type FrameReader = (byte: number) => string | undefined;

/** Makes a decoder for one serial line. */
export function makeFrameReader(kind: ReaderKind): FrameReader {
  return kind === "lines" ? makeLineReader() : makeEM4100Reader();
}

/** Lines end with CR or LF; some readers put STX and ETX around them. */
function makeLineReader(): FrameReader {
  let text = "";
  let isTooLong = false;
  return (byte) => {
    if (byte !== LF && byte !== CR && byte !== STX && byte !== ETX) {
      if (text.length === MAX_LINE_CHARS) isTooLong = true;
      else text += String.fromCharCode(byte);
      return undefined;
    }
    const tag = isTooLong ? UNKNOWN : lineTag(text.trim());
    text = "";
    isTooLong = false;
    return tag;
  };
}

/** Returns the tag of a line; of `04 a1 b2 c3` the digits without spaces, upper case. */
function lineTag(line: string): string | undefined {
  if (line === "") return undefined;
  if (!/^[ -~]+$/.test(line)) return UNKNOWN;
  return /^[0-9A-F]{2}( [0-9A-F]{2})+$/i.test(line) ? line.replaceAll(" ", "").toUpperCase() : line;
}

/** A frame is between STX and ETX. */
function makeEM4100Reader(): FrameReader {
  let text = "";
  let isInside = false;
  return (byte) => {
    if (byte === STX || byte === ETX) {
      const isWhole = isInside && byte === ETX;
      const tag = isWhole ? em4100Tag(text) : isInside && text !== "" ? UNKNOWN : undefined;
      text = "";
      isInside = byte === STX;
      return tag;
    }
    if (text.length < EM4100_CHARS) {
      text += String.fromCharCode(byte);
      return undefined;
    }
    text = "";
    isInside = false;
    return UNKNOWN;
  };
}

/** Returns the ten digits of the card; `UNKNOWN` when the checksum, the XOR of its five bytes, is wrong. */
function em4100Tag(text: string): string {
  if (!/^[0-9A-F]{12}(\r\n)?$/i.test(text)) return UNKNOWN;
  let sum = 0;
  for (let i = 0; i < EM4100_DIGITS; i += 2) sum ^= Number.parseInt(text.slice(i, i + 2), 16);
  return sum === 0 ? text.slice(0, 10).toUpperCase() : UNKNOWN;
}
