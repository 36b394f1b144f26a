import { describe, expect, test } from "@jest/globals";
import { type Arbitrary, array, assert, integer, property, uint8Array } from "fast-check";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { BodyReader, HeadReader, lengthOf } from "./index.js";

const HEAD = "GET / HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two:2\r\n\r\n";
const CHUNKED = "4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX-Trailer: 1\r\n\r\n";
const DATA = "Wikipedia in \r\n\r\nchunks.";

/** Splits bytes into pieces of the given lengths, repeatedly. */
function split(bytes: Uint8Array<ArrayBuffer>, lengths: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + (lengths[i % lengths.length] ?? 1);
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

const lengths = array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

/** Bytes of a text in which up to three bytes are replaced. */
function damaged(text: string): Arbitrary<Uint8Array<ArrayBuffer>> {
  return uint8Array({ minLength: 6, maxLength: 6 }).map((random) => {
    const bytes = encodeUTF8(text);
    for (let i = 0; i < 6; i += 2) {
      if ((random[i] ?? 0) < 200) bytes[(random[i] ?? 0) % bytes.length] = random[i + 1] ?? 0;
    }
    return bytes;
  });
}

function readHead(pieces: readonly Uint8Array<ArrayBuffer>[], maxBytes = 100) {
  const reader = new HeadReader(maxBytes);
  let readBytes = 0;
  for (const piece of pieces) {
    const read = reader.read(piece);
    if (read === undefined) return "too long";
    readBytes += read;
    if (reader.isComplete) return { readBytes, head: reader.parse() };
  }
  return "incomplete";
}

function readBody(pieces: readonly Uint8Array<ArrayBuffer>[], length: number | "chunked" | "unknown") {
  const reader = new BodyReader(length);
  let data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let readBytes = 0;
  for (const piece of pieces) {
    const read = reader.read(piece, (bytes) => {
      data = concatBytes(data, bytes);
    });
    if (typeof read === "string") return { data: [...data], error: read };
    readBytes += read;
  }
  return { data: [...data], readBytes, isDone: reader.isDone, leftBytes: reader.leftBytes };
}

describe("HeadReader", () => {
  test("returns the start line, the headers and the number of read bytes", () => {
    const headers = new Map([
      ["host", "x"],
      ["x-two", "1, 2"],
    ]);
    expect(readHead([encodeUTF8(`${HEAD}body`)])).toEqual({
      readBytes: HEAD.length,
      head: { startLine: "GET / HTTP/1.1", headers },
    });
  });

  test("accepts a head of the maximum length and refuses a longer one", () => {
    expect(readHead([encodeUTF8(HEAD)], HEAD.length)).toMatchObject({ readBytes: HEAD.length });
    expect(readHead([encodeUTF8(HEAD)], HEAD.length - 1)).toBe("too long");
    expect(readHead([encodeUTF8("x".repeat(101))])).toBe("too long");
  });

  test("applies the maximum length to all heads together", () => {
    const reader = new HeadReader(HEAD.length + 10);
    expect(reader.read(encodeUTF8(HEAD))).toBe(HEAD.length);
    reader.parse();
    expect(reader.isComplete).toBe(false);
    expect(reader.read(encodeUTF8(HEAD))).toBeUndefined();
  });

  test("refuses a header name that is a token only in lower case", () => {
    expect(readHead([encodeUTF8("GET / HTTP/1.1\r\n\u212aey: 1\r\n\r\n")])).toMatchObject({
      head: undefined,
    });
  });

  test.each(["5\r", "\r5", "5\v", "5\f", "\n5"])(
    "refuses a value with a control character at its end: %j",
    (value) => {
      expect(readHead([encodeUTF8(`GET / HTTP/1.1\r\nX: ${value}\r\n\r\n`)])).toMatchObject({
        head: undefined,
      });
    },
  );

  test("removes spaces and tabs around a value, and no other blanks", () => {
    const read = (value: string) => readHead([encodeUTF8(`GET / HTTP/1.1\r\nX:${value}\r\n\r\n`)]);
    expect(read(" \t a b\t ")).toMatchObject({ head: { headers: new Map([["x", "a b"]]) } });
    expect(read(" \t ")).toMatchObject({ head: { headers: new Map([["x", ""]]) } });
    expect(read("5\u00a0")).toMatchObject({ head: { headers: new Map([["x", "5\u00a0"]]) } });
  });

  test("refuses invalid UTF-8", () => {
    const bytes = concatBytes(
      encodeUTF8("GET / HTTP/1.1\r\nX: "),
      Uint8Array.of(0xff),
      encodeUTF8("\r\n\r\n"),
    );
    expect(readHead([bytes])).toMatchObject({ head: undefined });
  });

  test("returns the same for any split of the bytes", () => {
    assert(
      property(damaged(`${HEAD}body`), lengths, (bytes, sizes) => {
        expect(readHead(split(bytes, sizes))).toEqual(readHead([bytes]));
      }),
    );
  });
});

describe("BodyReader", () => {
  test("returns the data of chunks without extensions and trailers", () => {
    const { data, isDone } = readBody([encodeUTF8(CHUNKED)], "chunked");
    expect(decodeUTF8(Uint8Array.from(data))).toBe(DATA);
    expect(isDone).toBe(true);
  });

  test("is not done before the end of the last chunk", () => {
    expect(readBody([encodeUTF8(CHUNKED.slice(0, -2))], "chunked").isDone).toBe(false);
  });

  test("reads a body of a known length and leaves the bytes after it", () => {
    expect(readBody([encodeUTF8("hello!")], 5)).toMatchObject({ readBytes: 5, isDone: true, leftBytes: 0 });
    expect(readBody([encodeUTF8("hell")], 5)).toMatchObject({ isDone: false, leftBytes: 1 });
    expect(readBody([], 0).isDone).toBe(true);
  });

  test("ends a body of an unknown length with the connection", () => {
    const reader = new BodyReader("unknown");
    expect(reader.read(encodeUTF8("hello"), () => {})).toBe(5);
    expect(reader.isDone).toBe(false);
    expect(reader.end()).toBe(true);
  });

  test("does not end other bodies with the connection", () => {
    expect(new BodyReader(5).end()).toBe(false);
    expect(new BodyReader("chunked").end()).toBe(false);
  });

  test.each([
    ["no size", "\r\n"],
    ["an invalid size", "xyz\r\n"],
    ["a negative size", "-1\r\n"],
    ["a size of more than 16 MiB", "1000000\r\n"],
    ["a line that ends in a bare line feed", "4\nWiki"],
    ["a trailer that ends in a bare line feed", "0\r\nX: 1\n"],
    ["data beyond their size", "4\r\nWikis\r\n"],
    ["an endless size line", "1;".padEnd(300, "x")],
    ["endless trailers", `0\r\n${"X: 1\r\n".repeat(1000)}`],
  ])("refuses %s", (_name, body) => {
    expect(readBody([encodeUTF8(body)], "chunked").error).toEqual(expect.any(String));
  });

  test("returns the same for any split of the bytes", () => {
    assert(
      property(damaged(CHUNKED), lengths, (bytes, sizes) => {
        expect(readBody(split(bytes, sizes), "chunked")).toEqual(readBody([bytes], "chunked"));
        expect(readBody(split(bytes, sizes), 20)).toEqual(readBody([bytes], 20));
      }),
    );
  });
});

describe("lengthOf", () => {
  test.each([
    ["no header", [], "unknown"],
    ["a length", [["content-length", "12"]], 12],
    ["chunks", [["transfer-encoding", "Chunked"]], "chunked"],
    ["another coding", [["transfer-encoding", "gzip, chunked"]], undefined],
    ["a length that is not decimal", [["content-length", "0x10"]], undefined],
    [
      "a length beside chunks",
      [
        ["content-length", "1"],
        ["transfer-encoding", "chunked"],
      ],
      undefined,
    ],
  ] as [string, [string, string][], unknown][])("interprets %s", (_name, headers, expected) => {
    expect(lengthOf(new Map(headers))).toBe(expected);
  });
});
