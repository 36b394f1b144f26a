import { beforeEach, describe, expect, test } from "@jest/globals";
import { Bench, FORM } from "../../host-tests/suites/units/http-bench.js";
import { json, text } from "./index.js";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("HTTPAPI", () => {
  test("answers with status, body and headers against caches and guessed types", () => {
    const { status, body, headers } = bench.ask("GET", "/get");
    expect([status, body]).toEqual([200, "OK"]);
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(headers.get("content-length")).toBe("2");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("answers with the type and the headers of the route, which replace common ones", () => {
    bench.reply = { ...json({ a: "é" }), headers: { "cache-control": "private", "x-more": "1" } };
    const { body, headers } = bench.ask("GET", "/get");
    expect([body, headers.get("content-length")]).toEqual(['{"a":"é"}', "10"]);
    expect(headers.get("content-type")).toBe("application/json");
    expect([headers.get("cache-control"), headers.get("x-more")]).toEqual(["private", "1"]);
  });

  test("sends a body of many segments, and an empty one", () => {
    bench.reply = text(200, "x".repeat(20_000));
    expect(bench.ask("GET", "/get").body).toHaveLength(20_000);
    bench.reply = text(204, "");
    expect(bench.ask("GET", "/get")).toMatchObject({ status: 204, body: "" });
  });

  test("answers 404 to an unknown path", () => {
    expect(bench.ask("GET", "/other")).toMatchObject({ status: 404, body: "not found" });
    expect(bench.statusOf("GET", "/get/")).toBe(404);
  });

  test.each([
    ["POST", "/get", "GET"],
    ["PUT", "/both", "GET, POST"],
    ["get", "/get", "GET"],
    ["HEAD", "/upload", "POST"],
  ])("answers 405 to %s %s, and names the methods %s", (method, path, allow) => {
    const { status, headers } = bench.ask(method, path);
    expect([status, headers.get("allow")]).toEqual([405, allow]);
    expect(bench.received).toEqual([]);
  });

  test("sends an answer once when the route gives it later", () => {
    expect(bench.ask("GET", "/later").body).toBe("late");
    bench.world.clock.advance(5000);
    expect(bench.device.isRunning).toBe(true);
  });

  test("survives a peer that disconnects before a later answer", () => {
    bench.abort("GET /later HTTP/1.1\r\nhost: 10.0.0.1\r\n\r\n");
    bench.world.clock.advance(5000);
    expect(bench.statusOf("GET", "/get")).toBe(200);
  });
});

describe("HTTPAPI's fields", () => {
  test("come from the query of a GET, not from its body", () => {
    bench.ask("GET", "/both?a=1&b=x%20y", { body: "c=3", headers: FORM });
    expect(bench.received).toEqual([{ a: "1", b: "x y" }]);
  });

  test("come from the form of a POST, not from its query", () => {
    bench.ask("POST", "/both?c=3", { body: "a=1&b=x+y", headers: FORM });
    expect(bench.received).toEqual([{ a: "1", b: "x y" }]);
  });

  test.each([
    [{}],
    [{ "content-type": "" }],
    [{ "content-type": "Application/X-WWW-form-urlencoded; charset=utf-8" }],
  ])("are read from a body with the headers %j", (headers) => {
    bench.ask("POST", "/both", { body: "a=1", headers });
    expect(bench.received).toEqual([{ a: "1" }]);
  });

  test.each(["application/json", "multipart/form-data; boundary=x", "text/plain"])(
    "are not read from a body of %s, which is answered with 415",
    (type) => {
      expect(bench.statusOf("POST", "/both", { body: "a=1", headers: { "content-type": type } })).toBe(415);
      expect(bench.received).toEqual([]);
    },
  );

  test("that cannot be read are answered with 400 and the reason", () => {
    expect(bench.ask("GET", "/both?a=1&a=2")).toMatchObject({
      status: 400,
      body: 'the field "a" is given twice',
    });
    expect(bench.statusOf("POST", "/both", { body: "a=%zz", headers: FORM })).toBe(400);
    expect(bench.received).toEqual([]);
  });

  test("may have 2,048 bytes; a longer form is answered with 413", () => {
    expect(bench.statusOf("POST", "/both", { body: `a=${"x".repeat(2046)}`, headers: FORM })).toBe(200);
    expect(bench.statusOf("POST", "/both", { body: `a=${"x".repeat(2047)}`, headers: FORM })).toBe(413);
    expect(bench.received).toHaveLength(1);
  });
});

describe("HTTPAPI's upload", () => {
  test("passes the body to the route, then sends its answer", () => {
    expect(bench.statusOf("POST", "/upload", { body: "12345" })).toBe(200);
    expect(bench.uploads).toEqual(["5 bytes", "finished", "closed"]);
  });

  test("may be refused by its head", () => {
    expect(bench.statusOf("POST", "/upload", { body: "12345", headers: { "x-refused": "1" } })).toBe(409);
    expect(bench.uploads).toEqual([]);
  });

  test("may be answered early, which closes the receiver", () => {
    expect(bench.statusOf("POST", "/upload", { body: "x".repeat(200) })).toBe(413);
    expect(bench.uploads).toEqual(["200 bytes", "closed"]);
  });

  test("is closed when the peer disconnects in the middle", () => {
    bench.abort("POST /upload HTTP/1.1\r\nhost: 10.0.0.1\r\ncontent-length: 50\r\n\r\n12345");
    expect(bench.uploads).toEqual(["5 bytes", "closed"]);
    expect(bench.statusOf("GET", "/get")).toBe(200);
  });
});
