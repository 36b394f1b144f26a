import { decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { formatJSON } from "../json/index.js";

/** The fields of a query or a form, or an error as a sentence. */
export type Form =
  | { readonly ok: true; readonly fields: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly message: string };

/** Maximum number of fields in a form. */
const MAX_FIELDS = 32;

/**
 * Parses `application/x-www-form-urlencoded` (WHATWG URL 5.1), the format of queries and forms. It is strict: a broken
 * escape, invalid UTF-8, a NUL or a repeated field is an error, because other parsers read these differently.
 */
export function parseForm(text: string): Form {
  const fields = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = decode(equals < 0 ? "" : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return wrong("a field is not percent-encoded UTF-8");
    if (fields.has(name)) return wrong(`the field ${formatJSON(name.slice(0, 32))} is given twice`);
    if (fields.size === MAX_FIELDS) return wrong(`there are more than ${MAX_FIELDS} fields`);
    fields.set(name, value);
  }
  return { ok: true, fields };
}

function wrong(message: string): Form {
  return { ok: false, message };
}

function decode(text: string): string | undefined {
  // XS matches a NUL with a negated class that contains it.
  if (text.includes("\0") || !/^(?:[^%]|%[0-9a-fA-F]{2})*$/s.test(text)) return undefined;
  const spaced = text.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced;
  const bytes: number[] = [];
  for (let at = 0; at < spaced.length; ) {
    if (spaced.charAt(at) === "%") {
      bytes.push(Number.parseInt(spaced.slice(at + 1, at + 3), 16));
      at += 3;
    } else {
      const end = spaced.indexOf("%", at);
      const plain = end < 0 ? spaced.slice(at) : spaced.slice(at, end);
      bytes.push(...encodeUTF8(plain));
      at += plain.length;
    }
  }
  const decoded = decodeUTF8(Uint8Array.from(bytes));
  return decoded?.includes("\0") ? undefined : decoded;
}
