import { describe, expect, test } from "@jest/globals";
import { isForeign, isMisdirected, isUnexplained } from "./foreign-page.js";

const HOST = "192.168.4.1";
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64)";

type Headers = Readonly<Record<string, string>>;

function headersOf(headers: Headers): Map<string, string> {
  return new Map(Object.entries({ host: HOST, ...headers }));
}

describe("isForeign", () => {
  test.each<[string, Headers]>([
    ["an app, which sends neither header", {}],
    ["a page of the station", { origin: `http://${HOST}`, "sec-fetch-site": "same-origin" }],
    ["a page of the station at another port", { host: `${HOST}:8080`, origin: `http://${HOST}:8080` }],
    ["an address that a person has entered", { "sec-fetch-site": "none" }],
  ])("accepts %s", (_name, headers) => {
    expect(isForeign(headersOf(headers))).toBe(false);
  });

  test.each<[string, Headers]>([
    ["a page of another site", { "sec-fetch-site": "cross-site" }],
    ["a page of another host of the same site", { "sec-fetch-site": "same-site" }],
    ["another origin", { origin: "http://evil.example" }],
    ["another port of the station", { origin: `http://${HOST}:8080` }],
    ["another scheme", { origin: `https://${HOST}` }],
    ["an opaque origin", { origin: "null" }],
    ["an empty origin", { origin: "" }],
    ["a name that resolves to the station", { host: "evil.example", origin: "http://evil.example" }],
    ["a name that begins like an address", { host: "1.2.3.4.evil", origin: "http://1.2.3.4.evil" }],
    ["no host", { host: "", origin: "http://" }],
  ])("refuses %s", (_name, headers) => {
    expect(isForeign(headersOf(headers))).toBe(true);
  });
});

describe("isUnexplained", () => {
  test.each<[string, Headers]>([
    ["an app", {}],
    ["a library", { "user-agent": "okhttp/4.9" }],
    ["a page of the station", { "user-agent": BROWSER, referer: `http://${HOST}/` }],
    ["a page of the station that sends its origin", { "user-agent": BROWSER, origin: `http://${HOST}` }],
    ["a path of the station", { "user-agent": BROWSER, referer: `http://${HOST}/system.html` }],
  ])("accepts %s", (_name, headers) => {
    expect(isUnexplained(headersOf(headers))).toBe(false);
  });

  test.each<[string, Headers]>([
    ["no referer", {}],
    ["a page of another site", { referer: "http://evil.example/" }],
    ["a host that begins like the station's address", { referer: `http://${HOST}.evil.example/` }],
    ["the station's address in the path", { referer: `http://evil.example/http://${HOST}/` }],
    ["a name as host", { host: "evil.example", referer: "http://evil.example/" }],
    ["an undefined host", { host: "", referer: "undefined/" }],
  ])("refuses a browser with %s", (_name, headers) => {
    expect(isUnexplained(headersOf({ "user-agent": BROWSER, ...headers }))).toBe(true);
  });

  test.each<[string, Headers]>([
    ["Sec-Fetch-Dest", { "sec-fetch-dest": "image" }],
    ["Sec-Fetch-Site", { "sec-fetch-site": "none" }],
    ["Origin", { origin: "http://evil.example" }],
    ["Referer", { referer: "http://evil.example/" }],
    ["an Accept of a page", { accept: "text/html,application/xhtml+xml" }],
    ["an Accept of an image", { accept: "image/avif,image/webp,*/*" }],
  ])("detects a browser by %s", (_name, headers) => {
    expect(isUnexplained(headersOf(headers))).toBe(true);
    expect(isUnexplained(headersOf({ ...headers, referer: `http://${HOST}/` }))).toBe(false);
  });

  test("takes Node's `fetch` for no browser", () => {
    const headers = { "user-agent": "node", accept: "*/*", "accept-language": "*", "sec-fetch-mode": "cors" };
    expect(isUnexplained(headersOf(headers))).toBe(false);
  });

  test("takes an Accept of an app for no browser", () => {
    for (const accept of ["*/*", "application/json, text/plain, */*"]) {
      expect(isUnexplained(headersOf({ accept }))).toBe(false);
    }
  });
});

describe("isMisdirected", () => {
  test("accepts an IP address with or without a port, and no host", () => {
    for (const host of [HOST, `${HOST}:8080`]) expect(isMisdirected(new Map([["host", host]]))).toBe(false);
    expect(isMisdirected(new Map())).toBe(false);
  });

  test.each(["", "evil.example", "localhost", `${HOST}.evil.example`, `${HOST}:`, `a@${HOST}`])(
    "refuses the host %j",
    (host) => {
      expect(isMisdirected(new Map([["host", host]]))).toBe(true);
    },
  );
});
