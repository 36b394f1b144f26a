/** Which requests the HTTP API serves: pages, hosts and logins. */

import { beforeEach, describe, expect, test } from "@jest/globals";
import { APP, Bench, FORM, STATION } from "../../host-tests/suites/units/http-bench.js";
import { text } from "./index.js";

const BROWSER = { "user-agent": "Mozilla/5.0" };

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("HTTPAPI's access rules", () => {
  const FOREIGN = { origin: "http://evil.example" };

  test("refuse changes by pages of other sites before the login is checked", () => {
    for (const path of ["/change", "/secret"]) {
      expect(bench.statusOf("POST", path, { headers: { ...FORM, ...FOREIGN } })).toBe(403);
    }
    expect([bench.received, bench.logins]).toEqual([[], []]);
    expect(bench.statusOf("POST", "/both", { headers: { ...FORM, ...FOREIGN } })).toBe(200);
  });

  test("refuse a browser's change by GET from an unknown page", () => {
    expect(bench.statusOf("GET", "/secret", { headers: BROWSER })).toBe(403);
    expect(bench.statusOf("GET", "/secret")).toBe(200);
    expect(bench.statusOf("GET", "/change", { headers: BROWSER })).toBe(403);
    expect(bench.statusOf("POST", "/secret", { headers: { ...FORM, ...BROWSER } })).toBe(200);
    const referer = `http://${STATION}/`;
    expect(bench.statusOf("GET", "/secret", { headers: { ...BROWSER, referer } })).toBe(200);
  });

  test("check the login with the peer's address only where it is needed", () => {
    bench.ask("GET", "/get", { headers: { authorization: "Basic x" } });
    expect(bench.logins).toEqual([]);
    bench.ask("GET", "/secret", { headers: { authorization: "Basic x" } });
    expect(bench.logins).toEqual([["Basic x", APP]]);
  });

  test("send the refusal of the login before the body is read", () => {
    bench.loginRefusal = { ...text(401, "log in"), headers: { "www-authenticate": "Basic" } };
    const { status, headers } = bench.ask("POST", "/secret", { body: "a=1", headers: FORM });
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Basic"]);
    expect(bench.received).toEqual([]);
  });
});

describe("HTTPAPI's host", () => {
  test.each([
    "evil.example",
    "station.local:80",
    "",
    "192.168.1.2.evil.example",
    "[::1]",
    "192.168.1.2:80:80",
  ])("refuses a request for %j with 421 on every route, before the login is checked", (host) => {
    for (const path of ["/get", "/secret", "/unknown"]) {
      expect(bench.statusOf("GET", path, { headers: { host, authorization: "Basic x" } })).toBe(421);
      expect(bench.statusOf("POST", path, { headers: { host, ...FORM }, body: "a=1" })).toBe(421);
    }
    expect([bench.received, bench.logins]).toEqual([[], []]);
  });

  test.each(["192.168.1.2", "192.168.4.1", "10.0.0.7:8080"])("accepts the address %s", (host) => {
    expect(bench.statusOf("GET", "/get", { headers: { host } })).toBe(200);
  });

  test("answers a phone's probe of another host as a captive portal, by GET and HEAD only", () => {
    const headers = { host: "connectivitycheck.gstatic.com" };
    bench.captiveReply = { ...text(302, "body"), headers: { location: "http://192.168.4.1/" } };
    expect(bench.ask("GET", "/generate_204", { headers })).toMatchObject({ status: 302, body: "body" });
    expect(bench.ask("HEAD", "/generate_204", { headers })).toMatchObject({ status: 302, body: "" });
    expect(bench.statusOf("POST", "/generate_204", { headers })).toBe(421);
  });

  test("is the host of the absolute form of a target, which takes precedence", () => {
    expect(bench.statusOf("GET", `http://${STATION}/both?a=1`)).toBe(200);
    expect(bench.received).toEqual([{ a: "1" }]);
    expect(bench.statusOf("GET", `HTTP://${STATION}/get`, { headers: { host: "evil.example" } })).toBe(200);
    expect(bench.statusOf("GET", "http://evil.example/get")).toBe(421);
    expect(bench.statusOf("GET", "https://192.168.1.2/get")).toBe(404);
    expect(bench.statusOf("GET", `http://${STATION}`)).toBe(404);
  });
});

describe("HTTPAPI's login", () => {
  const AUTHORIZED = { authorization: "Basic x" };

  test("is optional where a route only shows more with it, and refused there when it is wrong", () => {
    expect(bench.statusOf("GET", "/more")).toBe(200);
    expect(bench.statusOf("GET", "/more", { headers: AUTHORIZED })).toBe(200);
    bench.loginRefusal = text(401, "log in");
    expect(bench.statusOf("GET", "/more", { headers: AUTHORIZED })).toBe(401);
    expect([bench.loggedIn, bench.logins]).toEqual([
      [false, true],
      [
        ["Basic x", APP],
        ["Basic x", APP],
      ],
    ]);
  });

  test("with the initial password allows no change but the listed ones", () => {
    bench.isInitial = true;
    const post = (path: string) =>
      bench.ask("POST", path, { headers: { ...FORM, ...AUTHORIZED }, body: "a=1" });
    expect(post("/secret")).toMatchObject({
      status: 403,
      body: expect.stringMatching(/^password-initial: /),
    });
    expect(post("/password").status).toBe(200);
    expect(post("/change").status).toBe(200);
    expect(bench.statusOf("GET", "/secret-read", { headers: AUTHORIZED })).toBe(200);
  });

  test("that waits for its check delays the whole request", () => {
    bench.turnMs = 15_000;
    expect(bench.statusOf("GET", "/get", { headers: AUTHORIZED })).toBe(200);
    const body = `a=${"x".repeat(1900)}`;
    expect(bench.statusOf("POST", "/secret", { headers: { ...FORM, ...AUTHORIZED }, body })).toBe(200);
    expect(bench.received.map(({ a }) => a?.length)).toEqual([undefined, 1900]);
    expect(bench.statusOf("POST", "/upload", { body: "x".repeat(90), headers: AUTHORIZED })).toBe(200);
    expect(bench.uploads).toEqual(["90 bytes", "finished", "closed"]);
    bench.loginRefusal = text(401, "log in");
    expect(bench.statusOf("GET", "/secret", { headers: AUTHORIZED })).toBe(401);
  });

  test("is not checked when the client disconnects before", () => {
    bench.turnMs = 15_000;
    bench.abort("GET /secret HTTP/1.1\r\nhost: 10.0.0.1\r\nauthorization: Basic x\r\n\r\n");
    bench.world.clock.advance(60_000);
    expect([bench.logins, bench.received]).toEqual([[], []]);
  });
});
