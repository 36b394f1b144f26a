import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device, FirmwareRun } from "../../host-tests/virtual/board/index.js";
import { makeSockets } from "../../host-tests/virtual/board/sockets.js";
import { exchange, type HTTPOutcome, httpRequest } from "../../host-tests/virtual/world/http-client.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import { encodeUTF8 } from "../bytes/index.js";
import {
  type FormRoute,
  GET,
  GET_AND_POST,
  HTTPAPI,
  json,
  type Login,
  OK,
  type Reply,
  type Route,
  text,
} from "./index.js";

const STATION = "192.168.1.2";
const APP = "192.168.1.250";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const BROWSER = { "user-agent": "Mozilla/5.0" };

/** A station with these routes, and an app in its network. */
class Bench {
  readonly world = virtualWorld();
  readonly device = new Device(this.world);
  readonly #app = this.world.network.host({ address: APP });
  /** Fields that the routes have received. */
  readonly received: Record<string, string>[] = [];
  /** Authorization headers and addresses that the login has checked. */
  readonly logins: (string | undefined)[][] = [];
  loginRefusal: Reply | undefined;
  /** Time that each request waits for the check of its login, ms. */
  turnMs = 0;
  isInitial = false;
  /** Response to a request for another host. */
  captiveReply: Reply | undefined;
  /** Whether the request of each answer was logged in. */
  readonly loggedIn: boolean[] = [];
  reply: Reply = OK;
  /** Events of the upload. */
  readonly uploads: string[] = [];

  constructor() {
    this.device.host.address = STATION;
    const bench = this;
    const login: Pick<Login, "refusal" | "awaitTurn" | "isInitial"> = {
      get isInitial() {
        return bench.isInitial;
      },
      refusal: (authorization, address) => {
        this.logins.push([authorization, address]);
        return this.loginRefusal;
      },
      awaitTurn: (_authorization, _address, check) => {
        if (this.turnMs === 0) {
          check();
          return undefined;
        }
        const timer = this.world.clock.set(check, this.turnMs);
        return { close: () => this.world.clock.clear(timer) };
      },
    };
    const routes = this.#routes();
    this.device.boot((board) => {
      const route = (path: string) => routes.find((one) => one.path === path);
      new HTTPAPI({
        board,
        login: login as Login,
        router: { route, replyToForeignHost: () => this.captiveReply },
      });
    });
  }

  #routes(): Route[] {
    const answer: FormRoute["answer"] = (fields, { isLoggedIn }) => {
      this.loggedIn.push(isLoggedIn);
      this.received.push(Object.fromEntries(fields));
      return this.reply;
    };
    return [
      { path: "/get", methods: GET, answer },
      { path: "/both", methods: GET_AND_POST, answer },
      { path: "/change", methods: GET_AND_POST, changes: true, answer },
      { path: "/secret", methods: GET_AND_POST, changes: true, needsLogin: true, answer },
      { path: "/secret-read", methods: GET, needsLogin: true, answer },
      { path: "/more", methods: GET, usesLogin: true, answer },
      {
        path: "/password",
        methods: GET_AND_POST,
        changes: true,
        needsLogin: true,
        allowsInitialPassword: true,
        answer,
      },
      {
        path: "/later",
        methods: GET,
        answer: () => (reply) => {
          this.world.clock.set(() => reply(text(200, "late")), 1000);
          this.world.clock.set(() => reply(text(200, "again")), 2000);
        },
      },
      {
        path: "/upload",
        methods: ["POST"],
        intake: (headers) => {
          if (headers.get("x-refused")) return text(409, "refused");
          return {
            receive: (bytes) => {
              this.uploads.push(`${bytes.byteLength} bytes`);
              return bytes.byteLength > 100 ? text(413, "too long") : undefined;
            },
            finish: () => {
              this.uploads.push("finished");
              return OK;
            },
            close: () => this.uploads.push("closed"),
          };
        },
      },
    ];
  }

  #way() {
    const firmware = new FirmwareRun({ clock: this.world.clock, onEnd: () => {} });
    const { TCP } = makeSockets(this.#app, firmware);
    return { TCP, clock: this.world.clock, address: STATION, port: 80 };
  }

  ask(method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) {
    let outcome: HTTPOutcome | undefined;
    const onDone = (done: HTTPOutcome) => {
      outcome = done;
    };
    httpRequest({ ...this.#way(), method, path, ...options, onDone });
    this.world.clock.runUntil(() => outcome !== undefined, 20_000);
    expect(this.device.isRunning).toBe(true);
    if (!outcome || "failure" in outcome) throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  statusOf(method: string, path: string, options: Parameters<Bench["ask"]>[2] = {}): number {
    return this.ask(method, path, options).status;
  }

  /** Sends the start of a request, and disconnects after a second. */
  abort(request: string): void {
    const sent = exchange({ ...this.#way(), request: encodeUTF8(request), onDone: () => {} });
    this.world.clock.advance(1000);
    sent.close();
    this.world.clock.advance(1000);
    expect(this.device.isRunning).toBe(true);
  }
}

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
