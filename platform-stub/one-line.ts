const MAX_CHARS = 1000;

/**
 * A text for a line of a log, where others have a say in it: what moves a terminal's cursor, ends the line or turns its
 * direction is written as an escape, and what is long is cut.
 */
export function oneLine(text: string): string {
  const cut = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
  return cut.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => {
    const code = mark.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
