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
    expect(parse("GET / HTTP/1.1")?.length).toBe(0);
  });

  test("returns a chunked body", () => {
    expect(parse("POST / HTTP/1.1", "Transfer-Encoding: Chunked")?.length).toBe("chunked");
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
    ["a length beside a coding", ["POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 1"]],
    [
      "65 headers",
      [
        "GET / HTTP/1.1",
        ..."x: y "
          .repeat(65)
          .trim()
          .split(/(?<=y) /),
      ],
    ],
    ["the same length twice", ["POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 1"]],
  ])("refuses %s", (_name, lines) => {
    expect(parse(...lines)).toBeUndefined();
  });
});
