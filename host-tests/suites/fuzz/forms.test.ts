/** Fuzzes the forms of the HTTP API, url-encoded and multipart, against simpler parsers of whole texts. */

import { expect, jest, test } from "@jest/globals";
import { concatBytes, decodeUTF8, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { parseForm } from "../../../modules/web/form.js";
import { boundaryOf, MultipartReader } from "../../../modules/web/multipart.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const MAX_FIELDS = 32;
const FIELDS = ["ssid", "psk", "wsp", "host", "brport", "__proto__", "constructor", "a", ""];
const PARTS = [
  "%",
  "%2",
  "%zz",
  "%00",
  "%ff",
  "%c3%a9",
  "%C3",
  "%e2%82%ac",
  "%ed%a0%80",
  "%ef%bb%bf",
  "+",
  "=",
  "é",
  "\0",
  "x",
];
const BOUNDARY = "--x-boundary";
const DELIMITER = `\r\n--${BOUNDARY}`;
const MULTIPART_WORDS = [
  `\r\n--${BOUNDARY}`,
  `--${BOUNDARY}--`,
  "\r\n",
  "\r\n\r\n",
  "--",
  'name="a"',
  "; ",
  '"',
];

jest.setTimeout(HOUR_MS);

function makeForm(random: Random): string {
  const field = () =>
    `${random.pick(FIELDS)}=${Array.from({ length: random.int(5) }, () => random.pick(PARTS)).join("")}`;
  const form = Array.from({ length: random.bool(0.95) ? random.int(6) : random.int(50) }, field).join("&");
  return random.bool() ? form : (decodeUTF8(mutated(random, encodeUTF8(form), PARTS)) ?? form);
}

test(`${FUZZ_RUNS} url-encoded forms are accepted only as URLSearchParams reads them`, () => {
  let accepted = 0;
  const runs = fuzz({
    seed: 41,
    make: makeForm,
    check: (text) => {
      const form = parseForm(text);
      if (!form.ok) {
        expect(form.message.length).toBeGreaterThan(0);
        return;
      }
      accepted++;
      // A question mark at the start of a text would be removed.
      const [, ...expected] = new URLSearchParams(`first=&${text}`);
      same([...form.fields], expected);
      expect(form.fields.size).toBeLessThanOrEqual(MAX_FIELDS);
    },
  });
  expect(accepted).toBeGreaterThan(runs / 10);
});

type Parts = Record<string, string>;

/** Returns the content of the parts, in hexadecimal; parts of one name follow each other. */
function read(pieces: readonly Bytes[]): Parts | undefined {
  const parts = new Map<string, Bytes>();
  const reader = new MultipartReader(BOUNDARY, {
    onContent: (name, bytes) => parts.set(name, concatBytes(parts.get(name) ?? new Uint8Array(0), bytes)),
  });
  for (const piece of pieces) if (reader.push(piece) !== undefined) return undefined;
  if (reader.finish() !== undefined) return undefined;
  return Object.fromEntries([...parts].map(([name, bytes]) => [name, encodeHex(bytes)]));
}

/** Reads a whole form as text: delimiter, head, content. */
function reference(form: Bytes): Parts | undefined {
  const text = `\r\n${Buffer.from(form).toString("latin1")}`;
  const parts = new Map<string, string>();
  let at = text.indexOf(DELIMITER);
  while (at >= 0) {
    const rest = text.slice(at + DELIMITER.length);
    if (rest.startsWith("--")) {
      return Object.fromEntries(
        [...parts].map(([name, content]) => [name, Buffer.from(content, "latin1").toString("hex")]),
      );
    }
    const [whole = "", head = ""] = /^[ \t]*\r\n(.*?)\r\n\r\n/s.exec(rest) ?? [];
    const [, quoted, plain] =
      /^content-disposition\s*:\s*form-data\s*;(?:.*;)?\s*name=(?:"([^"]*)"|([^\s;"]+))/im.exec(head) ?? [];
    const name = quoted ?? plain;
    if (name === undefined) return undefined;
    const start = at + DELIMITER.length + whole.length;
    at = text.indexOf(DELIMITER, start);
    const content = text.slice(start, at);
    if (content !== "") parts.set(name, (parts.get(name) ?? "") + content);
  }
  return undefined;
}

function makeMultipart(random: Random): Bytes {
  const content = () =>
    random.bool(0.3)
      ? encodeUTF8(random.pick(["\r", "\r\n", "\r\n--", `\r\n--${BOUNDARY.slice(0, -1)}`, "--", ""]))
      : random.bytes(random.int(60));
  const parts = Array.from({ length: random.int(4) }, () =>
    concatBytes(
      encodeUTF8(
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${random.pick(["a", "b", "signature"])}"`,
      ),
      encodeUTF8(random.pick(["", '; filename="x.bin"', "\r\nContent-Type: a/b"])),
      encodeUTF8("\r\n\r\n"),
      content(),
      content(),
      encodeUTF8("\r\n"),
    ),
  );
  const form = concatBytes(
    encodeUTF8(random.pick(["", "preamble\r\n"])),
    ...parts,
    encodeUTF8(`--${BOUNDARY}--\r\n`),
  );
  return random.bool(0.3) ? form : mutated(random, form, MULTIPART_WORDS);
}

test(`${FUZZ_RUNS} multipart forms are read the same in any pieces, and accepted only as a simple parser reads them`, () => {
  let accepted = 0;
  const runs = fuzz({
    seed: 42,
    make: makeMultipart,
    check: (form, random) => {
      const whole = read([form]);
      same(read(inPieces(random, form)), whole);
      if (whole === undefined) return;
      accepted++;
      same(whole, reference(form));
    },
  });
  expect(accepted).toBeGreaterThan(runs / 10);
});

test(`${FUZZ_RUNS} content types have a valid boundary or none`, () => {
  const valid = encodeUTF8(`multipart/form-data; charset=utf-8; boundary="${BOUNDARY}"`);
  fuzz({
    seed: 43,
    make: (random) => decodeUTF8(mutated(random, valid, ["boundary=", ";", '"', " "])) ?? "",
    check: (contentType) => {
      const boundary = boundaryOf(contentType);
      if (boundary === undefined) return;
      expect(boundary).toMatch(/^[\w'()+,./:=? -]{1,70}$/);
      expect(contentType).toContain(boundary);
    },
  });
});
