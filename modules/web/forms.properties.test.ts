import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { concatBytes, encodeUTF8 } from "../bytes/index.js";
import { parseForm } from "./form.js";
import { boundaryOf, MultipartReader } from "./multipart.js";

fc.configureGlobal({ seed: 1 });

type Bytes = Uint8Array<ArrayBuffer>;

const BOUNDARY = "--x";
const NAMES = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 4 });
/** Content that often resembles a delimiter. */
const CONTENT = fc
  .array(
    fc.oneof(
      fc
        .constantFrom("\r\n", "\r", "\n", "--", BOUNDARY, `\r\n--${BOUNDARY.slice(0, -1)}`, "\r\n\r\n")
        .map(encodeUTF8),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => concatBytes(...pieces))
  .filter((bytes) => !includes(bytes, encodeUTF8(`\r\n--${BOUNDARY}`)));

function includes(bytes: Bytes, wanted: Bytes): boolean {
  return bytes.some((_, at) => wanted.every((byte, i) => bytes[at + i] === byte));
}

/** Reads a form in pieces of these lengths, repeated. */
function read(form: Bytes, lengths: readonly number[]) {
  const parts = new Map<string, Bytes>();
  const reader = new MultipartReader(BOUNDARY, {
    onContent: (name, bytes) => parts.set(name, concatBytes(parts.get(name) ?? new Uint8Array(0), bytes)),
  });
  let problem: string | undefined;
  for (let at = 0, i = 0; at < form.length && !problem; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    problem = reader.push(form.slice(at, at + length));
    at += length;
  }
  return { problem: problem ?? reader.finish(), parts: [...parts] };
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("MultipartReader", () => {
  test("returns any content of any parts, in pieces of any lengths", () => {
    const parts = NAMES.chain((names) =>
      fc.tuple(...names.map((name) => CONTENT.map((content) => [name, content] as const))),
    );
    fc.assert(
      fc.property(parts, pieces, (given, lengths) => {
        const form = concatBytes(
          ...given.flatMap(([name, content]) => [
            encodeUTF8(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
            content,
            encodeUTF8("\r\n"),
          ]),
          encodeUTF8(`--${BOUNDARY}--\r\n`),
        );
        const { problem, parts: found } = read(form, lengths);
        expect(problem).toBeUndefined();
        expect(found).toEqual(given.filter(([, content]) => content.length > 0));
      }),
    );
  });

  test("has the same result for any bytes in one piece and in many", () => {
    const words = [
      "\r\n",
      "\r",
      "--",
      BOUNDARY,
      `\r\n--${BOUNDARY}`,
      "content-disposition: form-data; ",
      "name=a",
      " ",
    ];
    const word = fc.oneof(fc.constantFrom(...words).map(encodeUTF8), fc.uint8Array({ maxLength: 9 }));
    const form = fc
      .array(word, { maxLength: 25 })
      .map((list) => concatBytes(...list.map((one) => Uint8Array.from(one))));
    fc.assert(
      fc.property(form, pieces, (bytes, lengths) => {
        expect(read(bytes, lengths)).toEqual(read(bytes, [Math.max(1, bytes.length)]));
      }),
      { numRuns: 300 },
    );
  });
});

describe("boundaryOf", () => {
  test("reads any boundary of RFC 2046 from a quoted parameter", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/),
        (boundary) => {
          expect(boundaryOf(`multipart/form-data; boundary="${boundary}"`)).toBe(boundary);
        },
      ),
    );
  });

  test("returns for any text a boundary of at most 70 printable characters or none", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ maxLength: 90 }).map((end) => `multipart/form-data; boundary=${end}`),
    );
    fc.assert(
      fc.property(text, (type) => {
        const boundary = boundaryOf(type);
        if (boundary !== undefined) expect(boundary).toMatch(/^[\x20-\x7e]{1,70}$/);
      }),
    );
  });
});

describe("parseForm", () => {
  const fields = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), {
    selector: ([name]) => name,
    maxLength: 32,
  });

  test("reads any form as it was written by URLSearchParams", () => {
    fc.assert(
      fc.property(fields, (given) => {
        const form = parseForm(new URLSearchParams(given).toString());
        const isValid = !given.flat().some((text) => text.includes("\0"));
        expect(form).toEqual(
          isValid ? { ok: true, fields: new Map(given) } : { ok: false, message: expect.any(String) },
        );
      }),
    );
  });

  test("agrees with URLSearchParams about any text that it accepts", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "b", "=", "&", "+", "%", "4", "1", "c", "3", "A", "9", " ", "é"),
    });
    fc.assert(
      fc.property(text, (given) => {
        const form = parseForm(given);
        if (form.ok) expect([...form.fields]).toEqual([...new URLSearchParams(given)]);
        else expect(form.message).not.toContain("=");
      }),
      { numRuns: 500 },
    );
  });
});
