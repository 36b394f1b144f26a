import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { LinkState, ScanResults } from "../network/index.js";
import { type FormRoute, OK, type Reply, text } from "../web/index.js";
import { CachedScan, type ManagementOptions, managementRoutes } from "./management.js";
import type { Offer } from "./offer.js";

const CHANGES = ["/setwifi", "/setcredentials", "/newauthpass", "/reboot", "/resetdefault"];

let offers: Offer[];
let offerReply: Reply;
let networks: ScanResults;
let linkState: LinkState;
let isOwned: boolean;
let passwords: string[];
/** Changes a password: returns a refusal, or throws an error of the storage. */
let changePassword: () => Reply;
let restarts: number;
let resets: number;

beforeEach(() => {
  offers = [];
  offerReply = OK;
  networks = [];
  linkState = { type: "down" };
  isOwned = false;
  passwords = [];
  changePassword = () => OK;
  restarts = 0;
  resets = 0;
});

function routes(): FormRoute[] {
  const login: Pick<ManagementOptions["login"], "change"> = {
    change: (password) => {
      passwords.push(password);
      return changePassword();
    },
  };
  return managementRoutes({
    login: login as ManagementOptions["login"],
    link: { state: linkState },
    networks: { scan: (done) => done(networks) },
    host: {
      get isOwned() {
        return isOwned;
      },
    },
    offer: (offer) => {
      offers.push(offer);
      return offerReply;
    },
    restart: () => restarts++,
    reset: () => resets++,
  });
}

/** Requests a path with these fields. */
function ask(path: string, fields: Readonly<Record<string, string>> = {}): Reply {
  const route = routes().find((one) => one.path === path);
  if (!route) throw new Error(`no route ${path}`);
  let reply: Reply | undefined;
  const given = route.answer(new Map(Object.entries(fields)), { headers: new Map(), isLoggedIn: true });
  if (typeof given !== "function") return given;
  given((later) => {
    reply = later;
  });
  if (!reply) throw new Error("no answer");
  return reply;
}

function scanned(path: string): unknown {
  return JSON.parse(String(ask(path).body));
}

describe("managementRoutes", () => {
  test("requires the login for each change, and refuses it from foreign pages", () => {
    const protectedPaths = routes().filter((route) => route.needsLogin && route.changes);
    expect(protectedPaths.map(({ path }) => path)).toEqual(CHANGES);
    for (const { methods } of protectedPaths) expect(methods).toEqual(["GET", "POST"]);
  });

  test("requires the login for the joined network, and for a scan once the station has an owner", () => {
    const needsLogin = (route: FormRoute) =>
      typeof route.needsLogin === "function" ? route.needsLogin() : route.needsLogin === true;
    const open = routes().filter((route) => !needsLogin(route));
    expect(open.map(({ path }) => path)).toEqual(["/scan", "/scan/v2"]);
    for (const { methods, changes } of open) expect([methods, changes]).toEqual([["GET"], undefined]);
    isOwned = true;
    expect(routes().every(needsLogin)).toBe(true);
  });

  test("lets the password be changed while it is the initial one, and nothing else", () => {
    const allowed = routes().filter((route) => route.allowsInitialPassword);
    expect(allowed.map(({ path }) => path)).toEqual(["/newauthpass"]);
  });
});

describe("/scan and /scan/v2", () => {
  test.each([
    ["none", "0"],
    ["wep", "1"],
    ["wpa_psk", "2"],
    ["wpa2_psk", "3"],
    ["wpa_wpa2_psk", "4"],
    ["wpa2_enterprise", "5"],
    ["wpa3_psk", "6"],
    ["wpa2_wpa3_psk", "7"],
    ["owe", "5"],
    ["", "5"],
  ])("return the authentication %j as number %s", (authentication, encType) => {
    networks = [{ ssid: "Café", channel: 1, rssi: -60, authentication }];
    expect(scanned("/scan")).toEqual({ Café: encType });
    expect(scanned("/scan/v2")).toEqual({ Café: { encType, signal: "80" } });
  });

  test.each([
    [-101, "0"],
    [-100, "0"],
    [-75, "50"],
    [-50, "100"],
    [-10, "100"],
  ])("return a signal of %d dBm as %s %", (rssi, signal) => {
    networks = [{ ssid: "a", channel: 1, rssi, authentication: "none" }];
    expect(scanned("/scan/v2")).toEqual({ a: { encType: "0", signal } });
  });

  test("return all networks, and an empty object for none", () => {
    expect(scanned("/scan")).toEqual({});
    networks = ["a", "b"].map((ssid) => ({ ssid, channel: 1, rssi: -60, authentication: "none" }));
    expect(scanned("/scan")).toEqual({ a: "0", b: "0" });
  });
});

describe("CachedScan", () => {
  test("uses the result of a scan again for 10 s", () => {
    const clock = new VirtualClock();
    let scans = 0;
    const cached = new CachedScan({
      clock,
      link: {
        scan: (done) => {
          scans++;
          done([{ ssid: `scan ${scans}`, channel: 1, rssi: -60, authentication: "none" }]);
        },
      },
    });
    const found: (string | undefined)[] = [];
    const scanOnce = () => {
      cached.scan(([first]) => found.push(first?.ssid));
      clock.advance(0);
    };
    scanOnce();
    clock.advance(9_999);
    scanOnce();
    clock.advance(1);
    scanOnce();
    expect(found).toEqual(["scan 1", "scan 1", "scan 2"]);
  });
});

describe("/connectedwifi", () => {
  test.each<[LinkState, string]>([
    [{ type: "down" }, "NULL"],
    [{ type: "joining", failure: undefined }, "NULL"],
    [{ type: "up", address: "192.168.1.2" }, "NULL"],
    [{ type: "up", address: "192.168.1.2", ssid: "Café" }, "Café"],
  ])("returns for the link %j the network %s", (state, body) => {
    linkState = state;
    expect(ask("/connectedwifi")).toEqual(text(200, body));
  });
});

describe("/setwifi", () => {
  test("offers ssid and password, which are both required", () => {
    expect(ask("/setwifi", { ssid: "Café", pass: "12345678", other: "x" })).toBe(OK);
    const given = new Map([
      ["ssid", "Café"],
      ["psk", "12345678"],
    ]);
    expect(offers).toEqual([{ given, required: ["ssid", "psk"] }]);
  });

  test("returns the refusal of the offer", () => {
    offerReply = text(400, "missing: psk");
    expect(ask("/setwifi", { ssid: "Café" })).toEqual(text(400, "missing: psk"));
  });
});

describe("/setcredentials", () => {
  test("offers the renamed fields, and drops those of the panel that are not given", () => {
    const fields = { mail: "a@b", token: "t", hostname: "h", brokerPort: "1", productId: "x", deviceId: "y" };
    expect(ask("/setcredentials", fields)).toBe(OK);
    const given = new Map([
      ["wsp", "a@b"],
      ["token", "t"],
      ["host", "h"],
      ["brport", "1"],
    ]);
    const required = ["wsp", "token", "host", "brport"];
    expect(offers).toEqual([{ given, required, dropped: ["mqtts_port", "rootTopic"] }]);
  });

  test("offers the fields of the panel, too", () => {
    ask("/setcredentials", { mqtts_port: "8883", rootTopic: "a" });
    const given = new Map([
      ["mqtts_port", "8883"],
      ["rootTopic", "a"],
    ]);
    expect(offers[0]?.given).toEqual(given);
  });

  test("returns a refusal with 400 in the words of existing apps, and other refusals as they are", () => {
    offerReply = text(400, "missing: token");
    expect(ask("/setcredentials")).toEqual(text(400, "Incorrect data"));
    offerReply = text(500, "the storage is full");
    expect(ask("/setcredentials")).toEqual(text(500, "the storage is full"));
  });
});

describe("/newauthpass", () => {
  test("changes the password", () => {
    expect(ask("/newauthpass", { newpass: "a new password" })).toBe(OK);
    expect(passwords).toEqual(["a new password"]);
  });

  test("returns the refusal of an invalid or missing password", () => {
    changePassword = () => text(400, "newpass must be 8-63 bytes");
    expect(ask("/newauthpass")).toEqual(text(400, "newpass must be 8-63 bytes"));
    expect(passwords).toEqual([""]);
  });
});

test("/reboot restarts and /resetdefault resets the station", () => {
  expect(ask("/reboot")).toBe(OK);
  expect([restarts, resets]).toEqual([1, 0]);
  expect(ask("/resetdefault")).toBe(OK);
  expect([restarts, resets]).toEqual([1, 1]);
});
