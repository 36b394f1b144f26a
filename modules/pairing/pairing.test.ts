import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  ANSWER_MS,
  FALLBACK_MS,
  FIELDS,
  FORM,
  formOf,
  JOIN_MS,
  LINGER_MS,
  LOGIN,
  PARAMETERS,
  Station,
  WIFI,
} from "../../host-tests/suites/units/pairing-station.js";

let station: Station;

const NETWORK = "ssid=Caf%C3%A9&pass=12345678";
const CREDENTIALS = "mail=owner@cafe.example&token=secret&hostname=broker.example&brokerPort=1883";

function set(path: string, query: string) {
  return station.ask("GET", `${path}?${query}`, { headers: LOGIN });
}

beforeEach(() => {
  station = new Station();
});

describe("Pairing mode", () => {
  test("opens the access point when it is entered, and closes it when it is left", () => {
    expect([station.pairing.isActive, station.isAccessPointOpen]).toEqual([false, false]);
    station.pairing.enter();
    expect([station.pairing.isActive, station.isAccessPointOpen]).toEqual([true, true]);
    station.pairing.leave();
    expect([station.pairing.isActive, station.isAccessPointOpen]).toEqual([false, false]);
    expect(station.events).toEqual([]);
  });

  test("is reported by /status, with the missing fields and without secrets", () => {
    station.pairing.enter();
    expect(station.status).toEqual({
      mode: "pairing",
      waitingFor: ["ssid", "psk", "wsp", "token", "host", "brport"],
      trying: false,
      lastFailure: null,
      network: "wifi",
      preset: [],
      firmwareVersion: 7,
    });
  });

  test("is required by /pair", () => {
    station.pairFully();
    const { status, body } = station.pair();
    expect([status, body]).toEqual([403, "the station is not in pairing mode"]);
    expect(station.status).toMatchObject({ mode: "operating", waitingFor: [] });
  });

  test("joins the network on a board with Ethernet", () => {
    station = new Station({ network: "ethernet" });
    station.pairing.enter();
    station.advance(JOIN_MS);
    expect(station.link.state.type).toBe("up");
    expect(station.isAccessPointOpen).toBe(false);
    expect(station.status).toMatchObject({
      network: "ethernet",
      waitingFor: ["wsp", "token", "host", "brport"],
    });
  });

  test("requires the login for /pair while the station says so", () => {
    station.pairing.enter();
    station.isOwned = true;
    expect(station.pair().status).toBe(401);
    expect(station.ask("GET", "/scan").status).toBe(401);
    expect(station.ask("GET", "/scan", { headers: LOGIN }).status).toBe(200);
    station.isOwned = false;
    expect(station.ask("GET", "/scan/v2").status).toBe(200);
    expect(station.pair().status).toBe(200);
  });

  test("accepts a browser's GET /pair from a page of the station only", () => {
    station.pairing.enter();
    const path = `/pair?${formOf()}`;
    const foreign: Record<string, string>[] = [
      { accept: "image/avif,image/webp,*/*;q=0.8" },
      { "user-agent": "Mozilla/5.0" },
      { referer: "http://evil.example/" },
      { "sec-fetch-dest": "image" },
    ];
    for (const headers of foreign) expect(station.ask("GET", path, { headers }).status).toBe(403);
    expect(station.pairing.isTrying).toBe(false);
    const own = { "user-agent": "Mozilla/5.0", referer: "http://192.168.4.1/wifi.html" };
    expect(station.ask("GET", path, { headers: own }).status).toBe(200);
    expect(station.ask("GET", path, { headers: { "user-agent": "okhttp/4.9.1" } }).status).toBe(200);
  });

  test("is reported by /status with the login together with what the login shows", () => {
    station.isPasswordInitial = true;
    station.restart();
    station.pairing.enter();
    const shown = (headers: Record<string, string>) =>
      JSON.parse(station.ask("GET", "/status", { headers }).body);
    expect(shown(LOGIN)).toMatchObject({ mode: "pairing", passwordIsInitial: true, lastError: null });
    expect(Object.keys(shown({}))).not.toContain("passwordIsInitial");
    expect(Object.keys(shown({}))).not.toContain("lastError");
    expect(station.ask("GET", "/status", { headers: { authorization: "Basic eA==" } }).status).toBe(401);
  });

  test("accepts /pair with the initial password, but no other change", () => {
    station.isPasswordInitial = true;
    station.restart();
    station.pairing.enter();
    station.isOwned = true;
    expect(set("/setwifi", NETWORK)).toMatchObject({
      status: 403,
      body: expect.stringMatching(/^password-initial/),
    });
    expect(station.ask("POST", "/pair", { body: formOf(), headers: { ...FORM, ...LOGIN } }).status).toBe(200);
  });
});

describe("Preset fields", () => {
  const { host: _host, brport: _brport, ...rest } = FIELDS;

  test("need not be given", () => {
    station = new Station({ preset: { host: "preset.example", mqtts_port: "8883" } });
    station.pairing.enter();
    expect(station.status).toMatchObject({
      preset: ["host", "mqtts_port"],
      waitingFor: ["ssid", "psk", "wsp", "token"],
    });
    expect(station.pair({ host: undefined, brport: undefined }).status).toBe(200);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toMatchObject({
      host: "preset.example",
      port: 8883,
      tls: true,
    });
  });

  test.each<[string, Readonly<Record<string, string>>, Readonly<Record<string, string>>]>([
    ["host", { host: "preset.example" }, {}],
    ["wsp", { wsp: "other@cafe.example" }, {}],
    ["brport", { brport: "1" }, {}],
    ["mqtts_port", { mqtts_port: "8883" }, { mqtts_port: "8884" }],
    ["mqtts_port", { brport: "1883" }, { mqtts_port: "8883" }],
    ["rootTopic", { rootTopic: "cafe" }, { rootTopic: "" }],
  ])("are not replaced by /pair, which answers 409 and names %s: %j", (name, preset, given) => {
    station = new Station({ preset });
    station.pairing.enter();
    const { status, body } = station.pair(given);
    expect([status, body.split(" ")[0]]).toEqual([409, name]);
    expect(body).not.toContain(Object.values(preset)[0]);
    expect([station.pairing.isTrying, station.storedKeys]).toEqual([false, []]);
  });

  test("are not replaced by /setwifi and /setcredentials either", () => {
    station = new Station({ preset: { ssid: "other", host: "preset.example" } });
    station.pairing.enter();
    expect(set("/setwifi", NETWORK)).toMatchObject({ status: 409, body: expect.stringMatching(/^ssid /) });
    expect(set("/setcredentials", CREDENTIALS)).toMatchObject({
      status: 409,
      body: expect.stringMatching(/^host /),
    });
    expect(station.storedKeys).toEqual([]);
  });

  test("may be given with the same value, and a plain port beside a preset TLS port is ignored", () => {
    station = new Station({ preset: { wsp: " owner@cafe.example", host: FIELDS.host, mqtts_port: "8883" } });
    station.pairFully();
    expect(station.pairing.initialParameters).toMatchObject({ port: 8883, tls: true });
  });

  test("take precedence over parameters that were stored before they were provisioned", () => {
    station.pairing.enter();
    station.pair({ mqtts_port: "8883" });
    station.advance(ANSWER_MS + JOIN_MS);
    Object.assign(station, { preset: new Map([["brport", "1885"]]) });
    station.restart();
    station.pairing.enter();
    set("/setwifi", NETWORK);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toMatchObject({ port: 1885, tls: false });
  });

  test("that are complete are the initial parameters until others are stored", () => {
    station = new Station({ preset: { ...rest, host: "preset.example", brport: "1" } });
    expect(station.pairing.initialParameters).toMatchObject({ host: "preset.example", port: 1 });
    station = new Station({ preset: FIELDS });
    station.pairFully();
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
  });

  test("that are incomplete or invalid are no parameters", () => {
    for (const preset of [rest, { ...FIELDS, host: "a b" }]) {
      expect(new Station({ preset }).pairing.initialParameters).toBeUndefined();
    }
  });
});

describe("Parameters given in parts", () => {
  test.each([
    ["/setwifi", "/setcredentials", NETWORK, CREDENTIALS],
    ["/setcredentials", "/setwifi", CREDENTIALS, NETWORK],
  ])("are tried once they are complete: %s before %s", (first, second, fields, others) => {
    station.pairing.enter();
    expect(set(first, fields)).toEqual({ status: 200, body: "OK" });
    expect([station.pairing.isTrying, station.storedKeys]).toEqual([false, ["candidate"]]);
    expect(set(second, others)).toEqual({ status: 200, body: "OK" });
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
  });

  test("survive a restart between them, which reports no failure", () => {
    station.pairing.enter();
    set("/setwifi", NETWORK);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
    station.pairing.enter();
    expect(station.status.waitingFor).toEqual(["wsp", "token", "host", "brport"]);
    set("/setcredentials", CREDENTIALS);
    expect(station.pairing.isTrying).toBe(true);
  });

  test("are not sent to the host of a /pair without them, which needs no login", () => {
    station.pairing.enter();
    set("/setcredentials", CREDENTIALS);
    expect(station.ask("GET", "/pair?ssid=open&psk=&host=evil.example&brport=1883")).toMatchObject({
      status: 400,
      body: "missing: wsp, token",
    });
    set("/setwifi", NETWORK);
    expect(station.pairing.isTrying).toBe(true);
    expect(station.ask("GET", "/pair?host=evil.example").status).toBe(400);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
  });

  test("change only what is given on a paired station", () => {
    station.pairFully();
    set("/setcredentials", CREDENTIALS.replace("broker.example", "other.example"));
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toEqual({ ...PARAMETERS, host: "other.example" });
  });

  test("drop the root topic of the previous owner", () => {
    station.pairing.enter();
    station.pair({ rootTopic: "cafe" });
    station.advance(ANSWER_MS + JOIN_MS);
    set("/setwifi", NETWORK);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters?.rootTopic).toBe("cafe");
    set("/setcredentials", CREDENTIALS);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters?.rootTopic).toBeUndefined();
  });

  test("are refused when a required one is missing or one is invalid", () => {
    station.pairing.enter();
    expect(set("/setwifi", "ssid=x")).toEqual({ status: 400, body: "missing: psk" });
    expect(set("/setwifi", "ssid=x&pass=short").body).toContain("psk must be");
    expect(station.storedKeys).toEqual([]);
  });

  test("are refused with 500 when they cannot be stored", () => {
    station.pairing.enter();
    station.storageError = new Error("no flash");
    expect(set("/setwifi", NETWORK).status).toBe(500);
  });
});

describe("The fallback", () => {
  beforeEach(() => {
    station.pairFully();
    station.advance(LINGER_MS);
    station.world.wifi.remove(WIFI.ssid);
  });

  test("opens the access point 5 minutes after the loss of the network, and closes it afterwards", () => {
    station.world.clock.runUntil(() => station.link.state.type === "joining", 60_000);
    station.advance(FALLBACK_MS - 1);
    expect(station.isAccessPointOpen).toBe(false);
    station.advance(1);
    expect(station.isAccessPointOpen).toBe(true);
    expect(station.pairing.isActive).toBe(false);
    station.world.wifi.put(WIFI);
    station.world.clock.runUntil(() => station.link.state.type === "up", 120_000);
    expect(station.isAccessPointOpen).toBe(false);
    const lines = station.device.logLines.filter((line) => line.includes("fallback"));
    expect(lines).toEqual(["pairing: fallback on", "pairing: fallback off"]);
  });

  test("does not open the access point when the network is back in time", () => {
    station.advance(FALLBACK_MS - 60_000);
    station.world.wifi.put(WIFI);
    station.world.clock.runUntil(() => station.link.state.type === "up", 120_000);
    station.advance(FALLBACK_MS);
    expect(station.isAccessPointOpen).toBe(false);
  });

  test("keeps the access point open during an attempt", () => {
    station.advance(FALLBACK_MS + 60_000);
    station.pairing.enter();
    station.isBrokerSilent = true;
    station.world.wifi.put(WIFI);
    station.pair();
    station.advance(ANSWER_MS + JOIN_MS);
    expect([station.link.state.type, station.isAccessPointOpen]).toEqual(["up", true]);
  });
});

describe("Restart and reset", () => {
  test("follow 500 ms after the answer", () => {
    station.pairing.enter();
    station.ask("GET", "/reboot", { headers: LOGIN });
    station.ask("GET", "/resetdefault", { headers: LOGIN });
    expect(station.events).toEqual([]);
    station.advance(ANSWER_MS);
    expect(station.events).toEqual(["restart", "reset"]);
  });

  test("do not interrupt an attempt by /reboot, which apps send after new parameters", () => {
    station.isBrokerSilent = true;
    station.pairFully();
    station.ask("GET", "/reboot", { headers: LOGIN });
    station.advance(ANSWER_MS);
    expect(station.events).not.toContain("restart");
  });
});

describe("The HTTP API of pairing", () => {
  test("answers /healthcheck in every mode", () => {
    station.pairing.enter();
    expect(station.ask("GET", "/healthcheck")).toEqual({ status: 200, body: "OK" });
    station.pairFully();
    station.advance(LINGER_MS);
    expect(station.ask("GET", "/healthcheck")).toEqual({ status: 200, body: "OK" });
  });

  test("redirects the probes of phones to the panel only while the access point is for pairing", () => {
    station.pairing.enter();
    expect(station.ask("GET", "/generate_204").status).toBe(302);
    station.pairFully();
    expect(station.ask("GET", "/generate_204").status).toBe(204);
  });
});

test("Pairing leaves no timer behind when it is closed", () => {
  station.isBrokerSilent = true;
  station.pairFully();
  station.world.wifi.remove(WIFI.ssid);
  station.advance(60_000);
  station.pairing.close();
  station.link.close();
  station.advance(60_000);
  expect(station.world.clock.pending).toBe(0);
  expect(station.events.at(-1)).toBe("broker broker.example:1883");
});
