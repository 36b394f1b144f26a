import { describe, expect, test } from "@jest/globals";
import { Random } from "../../../host-tests/virtual/world/random.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import { ChunkedBody, parseHead } from "./request.js";

const parse = (...lines: string[]) => parseHead(encodeUTF8(lines.join("\r\n")));

describe("parseHead", () => {
  test("returns method, path, headers and the length of the body", () => {
    expect(parse("POST /a?b=c HTTP/1.1", "Host: x", "X-Two: 1", "x-two:2", "Content-Length: 12")).toEqual({
      method: "POST",
      path: "/a?b=c",
      headers: new Map([
        ["host", "x"],
        ["x-two", "1, 2"],
        ["content-length", "12"],
      ]),
      body: { type: "length", byteLength: 12 },
    });
  });

  test("returns an empty body without a length or a coding", () => {
    expect(parse("GET / HTTP/1.1")?.body).toEqual({ type: "length", byteLength: 0 });
  });

  test("returns a chunked body", () => {
    expect(parse("POST / HTTP/1.1", "Transfer-Encoding: Chunked")?.body).toEqual({ type: "chunked" });
  });

  test.each([
    ["HTTP/1.0", ["GET / HTTP/1.0"]],
    ["no version", ["GET /"]],
    ["two spaces", ["GET  / HTTP/1.1"]],
    ["an invalid method", ["G@T / HTTP/1.1"]],
    ["a target with a control character", ["GET /\u0001 HTTP/1.1"]],
    ["a target with a non-ASCII character", ["GET /ü HTTP/1.1"]],
    ["a folded header", ["GET / HTTP/1.1", "X: 1", " 2"]],
    ["a space before the colon", ["GET / HTTP/1.1", "Host : x"]],
    ["a header without a name", ["GET / HTTP/1.1", ": x"]],
    ["a bare line feed in a value", ["GET / HTTP/1.1", "X: 1\nY: 2"]],
    ["an unknown coding", ["POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"]],
    ["a length in hexadecimal", ["POST / HTTP/1.1", "Content-Length: 0x10"]],
    ["a length with a sign", ["POST / HTTP/1.1", "Content-Length: +1"]],
    ["the same length twice", ["POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1"]],
  ])("refuses %s", (_name, lines) => {
    expect(parse(...lines)).toBeUndefined();
  });

  test("refuses invalid UTF-8", () => {
    expect(
      parseHead(concatBytes(encodeUTF8("GET / HTTP/1.1\r\nX: "), new Uint8Array([0xff]))),
    ).toBeUndefined();
  });
});

describe("ChunkedBody", () => {
  const WHOLE = "4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX-Trailer: 1\r\n\r\n";
  const DATA = "Wikipedia in \r\n\r\nchunks.";

  function take(pieces: string[]): { data: string | undefined; isDone: boolean } | undefined {
    const body = new ChunkedBody();
    let data: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    for (const piece of pieces) {
      const taken = body.take(encodeUTF8(piece));
      if (!taken) return undefined;
      data = concatBytes(data, ...taken);
    }
    return { data: decodeUTF8(data), isDone: body.isDone };
  }

  test("returns the data without extensions and trailers", () => {
    expect(take([WHOLE])).toEqual({ data: DATA, isDone: true });
  });

  test("decodes a body in any pieces", () => {
    const seed = 9112;
    const random = new Random(seed);
    for (let round = 0; round < 200; round++) {
      const pieces: string[] = [];
      for (let at = 0; at < WHOLE.length; ) {
        const length = 1 + random.int(5);
        pieces.push(WHOLE.slice(at, at + length));
        at += length;
      }
      expect({ seed, round, ...take(pieces) }).toEqual({ seed, round, data: DATA, isDone: true });
    }
  });

  test("is not done before the end of the last chunk", () => {
    expect(take([WHOLE.slice(0, -2)])?.isDone).toBe(false);
  });

  test.each([
    ["no size", "\r\n"],
    ["an invalid size", "xyz\r\n"],
    ["a negative size", "-1\r\n"],
    ["a size of more than 16 MiB", "1000000\r\n"],
    ["a line that ends in a bare line feed", "4\nWiki"],
    ["data beyond their size", "4\r\nWikis\r\n"],
    ["an endless size line", "1;".padEnd(300, "x")],
  ])("refuses %s", (_name, body) => {
    expect(take([body])).toBeUndefined();
  });
});
