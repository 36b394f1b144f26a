import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device, FirmwareRun } from "../../host-tests/virtual/board/index.js";
import { makeSockets } from "../../host-tests/virtual/board/sockets.js";
import { type HTTPOutcome, httpRequest } from "../../host-tests/virtual/world/http-client.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board } from "../board/index.js";
import { type Link, makeLink } from "../network/index.js";
import { StoredRecord } from "../settings/index.js";
import { Login, loginFormat } from "../web/index.js";
import type { BrokerFailure } from "./candidate.js";
import { candidateFormat, type Fields, Pairing, type PairingParameters, pairingFormat } from "./index.js";

const ANSWER_MS = 500;
const LINGER_MS = 30_000;
const FALLBACK_MS = 5 * 60_000;
/** Time to join the network in reach. */
const JOIN_MS = 5000;
const WIFI = { ssid: "Café", password: "12345678" };
const FIELDS = {
  ssid: "Café",
  psk: "12345678",
  wsp: "owner@cafe.example",
  token: "secret",
  host: "broker.example",
  brport: "1883",
};
const PARAMETERS: PairingParameters = {
  wifi: WIFI,
  email: "owner@cafe.example",
  token: "secret",
  host: "broker.example",
  port: 1883,
  tls: false,
};
const REFUSED: BrokerFailure = { code: "broker-refused", message: "the broker refused the token" };
/** `admin:12345678` in Basic authentication. */
const LOGIN = { authorization: "Basic YWRtaW46MTIzNDU2Nzg=" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** A station that only pairs. It outlasts restarts. */
class Station {
  readonly world = virtualWorld();
  readonly device: Device;
  readonly #app = this.world.network.host({ address: "192.168.1.250" });
  readonly preset: Fields;
  /** Events that pairing has reported, in order. */
  readonly events: string[] = [];
  needsLogin = false;
  /** Whether the station releases link and account at once when a candidate needs them. */
  isFree = true;
  brokerFailure: BrokerFailure | undefined;
  isBrokerSilent = false;
  brokersClosed = 0;
  storageError: unknown;
  board!: Board;
  link!: Link;
  pairing!: Pairing;

  constructor(options: { network?: "wifi" | "ethernet"; preset?: Readonly<Record<string, string>> } = {}) {
    this.preset = new Map(Object.entries(options.preset ?? {}));
    this.device = new Device(this.world, { network: options.network ?? "wifi" });
    this.world.wifi.put({ ...WIFI, channel: 11 });
    this.boot();
  }

  boot(): void {
    this.device.boot((board) => this.#main(board));
    if (!this.device.isRunning) throw new Error("the firmware has ended");
  }

  /** Restarts after a power cut. */
  restart(): void {
    this.device.cutPower();
    this.events.length = 0;
    this.boot();
  }

  #main(board: Board): void {
    const opened = board.openStorage("plugpass");
    const storage: typeof opened = {
      ...opened,
      write: (key, value) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    const report = (line: string) => board.log(line);
    const record = <T>(format: ConstructorParameters<typeof StoredRecord<T>>[0]["format"]) =>
      new StoredRecord({ storage, format, report });
    this.board = board;
    this.link = makeLink(board);
    this.pairing = new Pairing({
      board,
      link: this.link,
      login: new Login({ board, record: record(loginFormat), provisionedPassword: "12345678" }),
      pairingRecord: record(pairingFormat),
      candidateRecord: record(candidateFormat),
      preset: this.preset,
      tryBroker: (parameters, done) => {
        this.events.push(`broker ${parameters.host}:${parameters.port}`);
        if (!this.isBrokerSilent) board.clock.set(() => done(this.brokerFailure), 100);
        return { close: () => this.brokersClosed++ };
      },
      productTitle: "Café",
      pairNeedsLogin: () => this.needsLogin,
      accessPointPassword: undefined,
      routes: () => [],
      describe: () => ({ firmwareVersion: 7 }),
      onTrying: ({ email }) => {
        this.events.push(`trying ${email}`);
        if (this.isFree) this.pairing.begin();
      },
      onPaired: ({ email }) => this.events.push(`paired ${email}`),
      onFailed: ({ code }) => this.events.push(`failed ${code}`),
      onRestart: () => this.events.push("restart"),
      onReset: () => this.events.push("reset"),
    });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Sends a request, over the access point if it is open. */
  ask(method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) {
    const { host } = this.device;
    this.#app.joined = host.ownAddress ? host : undefined;
    const firmware = new FirmwareRun({ clock: this.world.clock, onEnd: () => {} });
    const { TCP } = makeSockets(this.#app, firmware);
    const address = host.ownAddress ?? host.address ?? "0.0.0.0";
    let outcome: HTTPOutcome | undefined;
    const onDone = (done: HTTPOutcome) => {
      outcome = done;
    };
    httpRequest({ TCP, clock: this.world.clock, address, port: 80, method, path, ...options, onDone });
    this.world.clock.runUntil(() => outcome !== undefined, 20_000);
    if (!outcome || "failure" in outcome) throw new Error(JSON.stringify(outcome));
    return { status: outcome.status, body: outcome.body };
  }

  /** Sends `/pair`; an undefined value omits a field. */
  pair(change: Readonly<Record<string, string | undefined>> = {}) {
    const fields = Object.entries({ ...FIELDS, ...change }).filter(([, value]) => value !== undefined);
    const body = fields.map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&");
    return this.ask("POST", "/pair", { body, headers: FORM });
  }

  /** Pairs with the valid fields, and waits for the end of the attempt. */
  pairFully(): void {
    this.pairing.enter();
    expect(this.pair()).toEqual({ status: 200, body: "OK" });
    this.advance(ANSWER_MS + JOIN_MS);
  }

  get status(): Record<string, unknown> {
    return JSON.parse(this.ask("GET", "/status").body);
  }

  get isAccessPointOpen(): boolean {
    return this.world.wifi.accessPoints.length > 0;
  }

  get storedKeys(): string[] {
    return this.board.openStorage("plugpass").keys().sort();
  }
}

let station: Station;

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
    station.needsLogin = true;
    expect(station.pair().status).toBe(401);
    station.needsLogin = false;
    expect(station.pair().status).toBe(200);
  });
});

describe("A pairing attempt", () => {
  test("stores the parameters after the broker was reached, and ends pairing mode", () => {
    station.pairFully();
    expect(station.events).toEqual([
      "trying owner@cafe.example",
      "broker broker.example:1883",
      "paired owner@cafe.example",
    ]);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
    expect([station.pairing.isActive, station.pairing.isTrying]).toEqual([false, false]);
    expect(station.storedKeys).toEqual(["pairing"]);
    expect(station.brokersClosed).toBe(1);
  });

  test("starts 500 ms after the answer, so that the phone receives it", () => {
    station.pairing.enter();
    station.pair();
    expect([station.pairing.isTrying, station.events]).toEqual([true, []]);
    expect(station.storedKeys).toEqual(["candidate"]);
    station.advance(ANSWER_MS);
    expect(station.events).toEqual(["trying owner@cafe.example"]);
  });

  test("waits until link and account are released", () => {
    station.isFree = false;
    station.pairing.enter();
    station.pair();
    station.advance(60_000);
    expect(station.events).toEqual(["trying owner@cafe.example"]);
    expect(station.status).toMatchObject({ trying: true, waitingFor: [] });
    station.pairing.begin();
    station.advance(JOIN_MS);
    expect(station.events.at(-1)).toBe("paired owner@cafe.example");
  });

  test("is started by no call of begin without one", () => {
    station.pairing.enter();
    station.pairing.begin();
    station.pair();
    station.pairing.begin();
    expect(station.events).toEqual([]);
  });

  test("is replaced by the next one, before and while it runs", () => {
    station.isBrokerSilent = true;
    station.pairing.enter();
    station.pair({ host: "first.example" });
    station.pair({ host: "second.example" });
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.events).toEqual(["trying owner@cafe.example", "broker second.example:1883"]);
    station.isBrokerSilent = false;
    station.pair({ host: "third.example" });
    expect(station.brokersClosed).toBe(1);
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters?.host).toBe("third.example");
  });

  test("moves the access point to the network's channel", () => {
    station.pairing.enter();
    station.pair();
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.world.wifi.accessPoints).toMatchObject([{ channel: 11 }]);
    expect(station.world.wifi.draggedCount).toBe(0);
  });

  test("leaves the access point open for 30 s after success", () => {
    station.pairing.enter();
    station.pair();
    station.world.clock.runUntil(() => station.events.at(-1)?.startsWith("paired") === true, 60_000);
    station.advance(LINGER_MS - 1);
    expect(station.isAccessPointOpen).toBe(true);
    station.advance(1);
    expect(station.isAccessPointOpen).toBe(false);
  });

  test("uses the link of a board with Ethernet that is already up", () => {
    station = new Station({ network: "ethernet" });
    station.pairing.enter();
    station.advance(JOIN_MS);
    expect(station.pair({ ssid: undefined, psk: undefined }).status).toBe(200);
    station.advance(ANSWER_MS + JOIN_MS);
    const { wifi: _wifi, ...parameters } = PARAMETERS;
    expect(station.pairing.initialParameters).toEqual(parameters);
  });

  test("is refused with the error of invalid fields, and nothing is stored", () => {
    station.pairing.enter();
    expect(station.pair({ host: "a b" })).toMatchObject({ status: 400 });
    expect(station.pair({ token: undefined })).toEqual({ status: 400, body: "missing: token" });
    expect([station.storedKeys, station.pairing.isTrying]).toEqual([[], false]);
  });

  test("is refused with 500 when the candidate cannot be stored", () => {
    station.pairing.enter();
    station.storageError = new Error("no flash");
    expect(station.pair()).toMatchObject({ status: 500 });
    expect(station.pairing.isTrying).toBe(false);
    expect(station.device.logLines).toContain("pairing: the candidate could not be stored: no flash");
  });
});

describe("A failed attempt", () => {
  test("keeps pairing mode, reports its failure, and asks for all fields again", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    expect(station.events.at(-1)).toBe("failed broker-refused");
    expect(station.pairing.lastFailure).toEqual(REFUSED);
    expect(station.status).toMatchObject({
      mode: "pairing",
      lastFailure: REFUSED,
      waitingFor: Object.keys(FIELDS),
    });
    expect(station.isAccessPointOpen).toBe(true);
    expect(station.pairing.initialParameters).toBeUndefined();
  });

  test("keeps the previous parameters", () => {
    station.pairFully();
    station.brokerFailure = REFUSED;
    station.pairing.enter();
    station.pair({ host: "other.example" });
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
  });

  test("is forgotten when the next attempt starts", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    station.brokerFailure = undefined;
    expect(station.pair().status).toBe(200);
    expect(station.pairing.lastFailure).toBeUndefined();
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.events.at(-1)).toBe("paired owner@cafe.example");
  });

  test("is still reported after a restart of a station without other parameters", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    for (let i = 0; i < 2; i++) {
      station.restart();
      expect(station.pairing.lastFailure).toEqual(REFUSED);
    }
  });

  test("is reported once after a restart of a station with other parameters", () => {
    station.pairFully();
    station.brokerFailure = REFUSED;
    station.pairing.enter();
    station.pair();
    station.advance(ANSWER_MS + JOIN_MS);
    station.restart();
    expect(station.pairing.lastFailure).toEqual(REFUSED);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("has the link's failure when the network is not found", () => {
    station.pairing.enter();
    station.pair({ ssid: "other" });
    station.advance(60_000);
    expect(station.events).toEqual(["trying owner@cafe.example", "failed wifi-not-found"]);
  });

  test("is storage-failed when the parameters that work cannot be stored", () => {
    station.pairing.enter();
    station.pair();
    station.storageError = new Error("no flash");
    station.advance(ANSWER_MS + JOIN_MS);
    expect(station.pairing.lastFailure).toEqual({
      code: "storage-failed",
      message: "the parameters could not be stored: no flash",
    });
    expect(station.events.at(-1)).toBe("failed storage-failed");
    // A candidate that cannot be updated is deleted, so that it is not reported as interrupted.
    expect(station.storedKeys).toEqual([]);
  });

  test("is given-up when pairing mode is left", () => {
    station.isBrokerSilent = true;
    station.pairFully();
    station.pairing.leave();
    expect(station.events.at(-1)).toBe("failed given-up");
    expect(station.pairing.lastFailure?.code).toBe("given-up");
    expect([station.storedKeys, station.brokersClosed]).toEqual([[], 1]);
    expect([station.pairing.isTrying, station.isAccessPointOpen]).toEqual([false, false]);
  });

  test("is forgotten with all given fields after a reset", () => {
    station.brokerFailure = REFUSED;
    station.pairFully();
    station.pair();
    station.pairing.forget();
    expect([station.pairing.isTrying, station.pairing.lastFailure]).toEqual([false, undefined]);
    station.advance(60_000);
    expect(station.events.filter((event) => event.startsWith("trying"))).toHaveLength(1);
  });
});

describe("A power cut during an attempt", () => {
  const INTERRUPTED = {
    code: "interrupted",
    message: "the power failed while the parameters were tried; pair again",
  };

  test("is reported after each restart until an attempt succeeds", () => {
    station.isBrokerSilent = true;
    station.pairFully();
    for (let i = 0; i < 2; i++) {
      station.restart();
      expect(station.pairing.lastFailure).toEqual(INTERRUPTED);
    }
    expect(station.device.logLines.filter((line) => line.includes("interrupted"))).toHaveLength(1);
    station.isBrokerSilent = false;
    station.pairFully();
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("keeps the previous parameters, and is reported once", () => {
    station.pairFully();
    station.isBrokerSilent = true;
    station.pairing.enter();
    station.pair({ host: "other.example" });
    station.restart();
    expect(station.pairing.initialParameters).toEqual(PARAMETERS);
    expect(station.pairing.lastFailure).toEqual(INTERRUPTED);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
  });

  test("is not reported when the parameters were already stored", () => {
    station.pairing.enter();
    station.pair();
    const candidate = station.device.flash.get("plugpass", "candidate");
    station.advance(ANSWER_MS + JOIN_MS);
    if (!candidate) throw new Error("no candidate is stored");
    station.device.flash.set("plugpass", "candidate", candidate);
    station.restart();
    expect(station.pairing.lastFailure).toBeUndefined();
    expect(station.storedKeys).toEqual(["pairing"]);
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

  test("are replaced by given ones", () => {
    station = new Station({ preset: { host: "preset.example" } });
    station.pairFully();
    expect(station.pairing.initialParameters?.host).toBe("broker.example");
  });

  test("that are complete are the initial parameters until others are stored", () => {
    station = new Station({ preset: { ...rest, host: "preset.example", brport: "1" } });
    expect(station.pairing.initialParameters).toMatchObject({ host: "preset.example", port: 1 });
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
  const NETWORK = "ssid=Caf%C3%A9&pass=12345678";
  const CREDENTIALS = "mail=owner@cafe.example&token=secret&hostname=broker.example&brokerPort=1883";

  function set(path: string, query: string) {
    return station.ask("GET", `${path}?${query}`, { headers: LOGIN });
  }

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
