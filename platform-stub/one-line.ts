const MAX_CHARS = 1000;

/**
 * Makes text from untrusted sources safe for one line of a log. Control characters, line ends and direction marks are
 * written as escapes. Text over 1000 characters is cut.
 */
export function oneLine(text: string): string {
  const cut = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
  return cut.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => {
    const code = mark.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
