import { describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { HeadReader } from "../../../modules/http/index.js";
import { requestHead } from "./request.js";

function parse(...lines: string[]) {
  const reader = new HeadReader(1000);
  reader.read(encodeUTF8([...lines, "", ""].join("\r\n")));
  const head = reader.parse();
  return head && requestHead(head);
}

describe("requestHead", () => {
  test("returns method, path, headers and the length of the body", () => {
    expect(parse("POST /a?b=c HTTP/1.1", "Host: x", "X-Two: 1", "x-two:2", "Content-Length: 12")).toEqual({
      method: "POST",
      path: "/a?b=c",
      headers: new Map([
        ["host", "x"],
        ["x-two", "1, 2"],
        ["content-length", "12"],
      ]),
      length: 12,
    });
  });

  test("returns an empty body without a length or a coding", () => {
    expect(parse("GET / HTTP/1.1", "Host: x")?.length).toBe(0);
  });

  test("accepts HTTP/1.0 with or without a host", () => {
    expect(parse("GET /a HTTP/1.0")?.path).toBe("/a");
    expect(parse("POST /a HTTP/1.0", "Host: x", "Content-Length: 3")?.length).toBe(3);
  });

  test("returns a chunked body", () => {
    expect(parse("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked")?.length).toBe("chunked");
  });

  test.each([
    ["HTTP/0.9", ["GET / HTTP/0.9", "Host: x"]],
    ["HTTP/1.1 without a host", ["GET / HTTP/1.1"]],
    ["a chunked body in HTTP/1.0", ["POST / HTTP/1.0", "Transfer-Encoding: chunked"]],
    ["no version", ["GET /"]],
    ["two spaces", ["GET  / HTTP/1.1", "Host: x"]],
    ["an invalid method", ["G@T / HTTP/1.1"]],
    ["a target with a control character", ["GET /\u0001 HTTP/1.1", "Host: x"]],
    ["a target with a non-ASCII character", ["GET /ü HTTP/1.1", "Host: x"]],
    ["a folded header", ["GET / HTTP/1.1", "Host: x", "X: 1", " 2"]],
    ["a space before the colon", ["GET / HTTP/1.1", "Host: x", "Host : x"]],
    ["a header without a name", ["GET / HTTP/1.1", "Host: x", ": x"]],
    ["a bare line feed in a value", ["GET / HTTP/1.1", "Host: x", "X: 1\nY: 2"]],
    ["an unknown coding", ["POST / HTTP/1.1", "Host: x", "Transfer-Encoding: gzip, chunked"]],
    ["a length in hexadecimal", ["POST / HTTP/1.1", "Host: x", "Content-Length: 0x10"]],
    ["a length with a sign", ["POST / HTTP/1.1", "Host: x", "Content-Length: +1"]],
    [
      "a length beside a coding",
      ["POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Content-Length: 1"],
    ],
    [
      "65 headers",
      [
        "GET / HTTP/1.1",
        "Host: x",
        ..."x: y "
          .repeat(64)
          .trim()
          .split(/(?<=y) /),
      ],
    ],
    ["the same length twice", ["POST / HTTP/1.1", "Host: x", "Content-Length: 1", "Content-Length: 1"]],
  ])("refuses %s", (_name, lines) => {
    expect(parse(...lines)).toBeUndefined();
  });
});
