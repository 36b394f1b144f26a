import { describe, expect, test } from "@jest/globals";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { ResponseReader } from "./http-response.js";

/** Reads a response in pieces of `pieceBytes`. */
function read(text: string, pieceBytes = 1000, isEnded = true) {
  let status = 0;
  let body = "";
  const reader = new ResponseReader({
    onHead: (head) => {
      status = head.status;
    },
    onBody: (bytes) => {
      body += decodeUTF8(bytes);
    },
  });
  const bytes = encodeUTF8(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const error = reader.push(bytes.slice(at, at + pieceBytes));
    if (error !== undefined) return { status, body, error };
  }
  return { status, body, isWhole: reader.isComplete || (isEnded && reader.end()) };
}

const CHUNKED = [
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "5\r\nhello\r\n7;name=value\r\n, world\r\n0\r\nTrailer: x\r\n\r\n",
].join("");

describe.each([1, 2, 3, 7, 1000])("in pieces of %d bytes, a response", (pieceBytes) => {
  test.each([
    ["with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"],
    ["of length 0", "HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n", 404, ""],
    ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
    ["that ends with the connection", "HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"],
    ["in chunks", CHUNKED, 200, "hello, world"],
    [
      "after 100 Continue",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
      200,
      "x",
    ],
  ])("%s is read", (_name, text, status, body) => {
    expect(read(text, pieceBytes)).toEqual({ status, body, isWhole: true });
  });

  test.each([
    ["that is not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "not an HTTP response"],
    ["with two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nhello", "length of the response"],
    ["in gzip", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "length of the response"],
    ["longer than its length", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello", "longer than announced"],
    ["with chunks longer than their size", CHUNKED.replace("5\r", "4\r"), "longer than its size"],
    ["with chunks without a size", CHUNKED.replace("5\r", "\r"), "no size"],
    [
      "with an endless head",
      `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(1000)}\r\n`,
      "head of the response is too long",
    ],
    [
      "after endless interim responses",
      "HTTP/1.1 100 Continue\r\n\r\n".repeat(500),
      "head of the response is too long",
    ],
    ["with endless trailers", CHUNKED.replace("Trailer: x\r\n", "Trailer: x\r\n".repeat(500)), "trailers"],
    ["with an endless chunk size", CHUNKED.replace("5\r", `5;${"x".repeat(300)}\r`), "line of the chunked"],
  ])("%s is refused", (_name, text, error) => {
    expect(read(text, pieceBytes).error).toContain(error);
  });
});

test("no response is expected after the status 101", () => {
  const text = "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
  expect(read(text).status).toBe(101);
});

test("a status below 100 is refused", () => {
  expect(read("HTTP/1.1 003 Early\r\n\r\n").error).toBe("this is not an HTTP response");
});

test.each(["\n", "\r", "\0"])("a status line with the control character %j is refused", (character) => {
  expect(read(`HTTP/1.1 200 O${character}K\r\n\r\n`).error).toBe("this is not an HTTP response");
});

test("a response that ends before its length is incomplete", () => {
  expect(read("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello").isWhole).toBe(false);
  expect(read(CHUNKED.slice(0, -4)).isWhole).toBe(false);
  expect(read("HTTP/1.1 200 OK\r\n").isWhole).toBe(false);
});

test("ResponseReader never throws on damaged responses", () => {
  const random = new Random(8);
  for (let run = 0; run < FUZZ_RUNS; run++) {
    const bytes = encodeUTF8(CHUNKED);
    for (let i = 0; i < 3; i++) bytes[random.int(bytes.length)] = random.int(256);
    const reader = new ResponseReader({ onHead: () => {}, onBody: () => {} });
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.slice(at, at + 1 + random.int(20));
      at += piece.length;
      if (reader.push(piece) !== undefined) break;
    }
  }
});
