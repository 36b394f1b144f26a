import { describe, expect, test } from "@jest/globals";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import { ADMIN_PASSWORD, BROKER_NAME, formOf, OWNER, PAIRING, Scene, WIFI } from "../../virtual/scene.js";
import { Random } from "../../virtual/world/random.js";

const NOW_MS = 1_800_000_000_000;
const SECRETS = [WIFI.password, OWNER.token];

function booted(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene(options);
  scene.under.boot();
  scene.clock.advance(500);
  return scene;
}

function get(scene: Scene, path: string, headers?: Record<string, string>) {
  const outcome = scene.request("GET", path, { headers });
  if (!("status" in outcome)) throw new Error(outcome.failure);
  return outcome;
}

/** Tries to pair and returns the `lastFailure` of `/status`. */
function failureOf(scene: Scene, fields: Record<string, string | undefined> = {}) {
  expect(scene.pair(fields)).toMatchObject({ status: 200 });
  let status: Record<string, unknown> = {};
  for (let i = 0; i < 200 && !status.lastFailure; i++) {
    scene.clock.advance(1000);
    status = scene.status();
  }
  return status.lastFailure as { code: string; message: string } | undefined;
}

describe("the HTTP API", () => {
  test("/healthcheck answers 200 OK before and after pairing", () => {
    const scene = booted();
    expect(get(scene, "/healthcheck")).toMatchObject({ status: 200, body: "OK" });
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    scene.clock.advance(31_000);
    expect(get(scene, "/healthcheck")).toMatchObject({ status: 200, body: "OK" });
  });

  test("/pair accepts a query, as existing apps send it", () => {
    const scene = booted();
    expect(get(scene, `/pair?${formOf(PAIRING)}`)).toMatchObject({ status: 200, body: "OK" });
    scene.until("online", () => scene.station.lifeCycle === "online");
  });

  test("/pair accepts a form", () => {
    const scene = booted();
    expect(scene.pair()).toMatchObject({ status: 200, body: "OK" });
    scene.until("online", () => scene.station.lifeCycle === "online");
  });

  test("/pair outside pairing mode answers 403", () => {
    const scene = new Scene();
    scene.bringOnline();
    expect(scene.pair()).toMatchObject({ status: 403 });
  });

  test("/pair on a station with Ethernet requires no Wi-Fi fields", () => {
    const scene = booted({ device: { network: "ethernet" } });
    expect(scene.pair({ ssid: undefined, psk: undefined })).toMatchObject({ status: 200 });
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(scene.world.wifi.accessPoints).toEqual([]);
  });

  test("a station with Ethernet goes online again when its cable is back", () => {
    const scene = booted({ device: { network: "ethernet" } });
    scene.pair({ ssid: undefined, psk: undefined });
    scene.until("online", () => scene.station.lifeCycle === "online");
    scene.device.cable.unplug();
    scene.until("offline", () => scene.station.lifeCycle !== "online");
    scene.device.cable.plug();
    scene.until("online again", () => scene.station.lifeCycle === "online");
  });

  test("/status names the fields that pairing requires, and contains no secrets", () => {
    const scene = booted();
    expect(scene.status()).toMatchObject({
      mode: "pairing",
      state: "unpaired",
      waitingFor: ["ssid", "psk", "wsp", "token", "host", "brport"],
      lastFailure: null,
      firmware: { product: "plugpass", version: 1 },
    });
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    const after = scene.status();
    expect(after).toMatchObject({ mode: "operating", state: "online", waitingFor: [] });
    for (const secret of SECRETS) expect(JSON.stringify(after)).not.toContain(secret);
  });

  test.each([
    ["/nothing", "GET", 404],
    ["/healthcheck", "POST", 405],
    ["/status", "DELETE", 405],
  ])("%s by %s answers %d/%d", (path, method, status) => {
    expect(booted().request(method, path, { body: "" })).toMatchObject({ status });
  });

  test("/pair with a body that is not a form answers 415", () => {
    const headers = { "content-type": "application/json" };
    expect(booted().request("POST", "/pair", { body: "{}", headers })).toMatchObject({ status: 415 });
  });

  test("a form over 2 KiB answers 413, a head over 4 KiB answers 431, and nothing is stored", () => {
    const scene = booted();
    const before = scene.device.flash.writeCount;
    expect(scene.pair({ padding: "x".repeat(2048) })).toMatchObject({ status: 413 });
    expect(scene.request("GET", `/pair?${formOf(PAIRING)}&padding=${"x".repeat(4096)}`)).toMatchObject({
      status: 431,
    });
    expect(scene.device.flash.writeCount).toBe(before);
  });

  test.each<[string, Record<string, string>]>([
    ["has Sec-Fetch-Site cross-site", { "sec-fetch-site": "cross-site" }],
    ["has Sec-Fetch-Site same-site", { "sec-fetch-site": "same-site" }],
    ["has another origin", { origin: "http://evil.example" }],
  ])("a request from another site's page that %s cannot pair", (_name, headers) => {
    const scene = booted();
    expect(get(scene, `/pair?${formOf(PAIRING)}`, headers)).toMatchObject({ status: 403 });
    expect(scene.status()).toMatchObject({ trying: false });
  });

  test("a request from another site's page that uses DNS rebinding is redirected to the panel", () => {
    const scene = booted();
    const headers = { origin: "http://evil.example", host: "evil.example" };
    expect(get(scene, `/pair?${formOf(PAIRING)}`, headers)).toMatchObject({ status: 302 });
    expect(scene.status()).toMatchObject({ trying: false });
  });

  test("a page of the station itself can pair", () => {
    const headers = { origin: "http://192.168.4.1", "sec-fetch-site": "same-origin" };
    expect(get(booted(), `/pair?${formOf(PAIRING)}`, headers)).toMatchObject({ status: 200 });
  });
});

describe("the fields of /pair", () => {
  const long = "x".repeat(129);

  test.each<[string, Record<string, string | undefined>]>([
    ["ssid", { ssid: undefined }],
    ["ssid", { ssid: "" }],
    ["ssid", { ssid: "é".repeat(17) }],
    ["psk", { psk: "1234567" }],
    ["psk", { psk: "x".repeat(64) }],
    ["psk", { psk: undefined }],
    ["wsp", { wsp: "nobody" }],
    ["wsp", { wsp: `${long}@x` }],
    ["token", { token: "" }],
    ["token", { token: long }],
    ["host", { host: "" }],
    ["host", { host: "a b" }],
    ["host", { host: "-a.example" }],
    ["host", { host: `${long}.example` }],
    ["brport", { brport: "0" }],
    ["brport", { brport: "65536" }],
    ["brport", { brport: "1883x" }],
    ["mqtts_port", { mqtts_port: "no" }],
    ["rootTopic", { rootTopic: "a/+/b" }],
    ["rootTopic", { rootTopic: "a//b" }],
    ["rootTopic", { rootTopic: "$SYS" }],
  ])("%s: %j answers 400 with the field's name and no secret", (name, fields) => {
    const scene = booted();
    const outcome = scene.pair(fields);
    if (!("status" in outcome)) throw new Error(outcome.failure);
    expect(outcome.status).toBe(400);
    expect(outcome.body).toContain(name);
    for (const secret of SECRETS) expect(outcome.body).not.toContain(secret);
  });

  test.each(["ssid=a&ssid=b", "ssid=%zz", "ssid=%ff", "ssid=%00"])("%s answers 400", (query) => {
    expect(get(booted(), `/pair?${query}`)).toMatchObject({ status: 400 });
  });

  test("brport is optional when mqtts_port is given", () => {
    expect(booted().pair({ brport: undefined, mqtts_port: "8883" })).toMatchObject({ status: 200 });
  });

  test("an open network is paired with an empty password", () => {
    const scene = booted();
    scene.world.wifi.put({ ssid: "Open" });
    scene.pair({ ssid: "Open", psk: "" });
    scene.until("online", () => scene.station.lifeCycle === "online");
  });

  test("rootTopic replaces the e-mail's hash in the topics", () => {
    const scene = booted();
    scene.pair({ rootTopic: "cafe/prague" });
    scene.until("online", () => scene.retained("$state") === "ready");
    const topics = [...scene.broker.retained.keys()];
    expect(topics.every((topic) => topic.startsWith("cafe/prague/sweet-home/"))).toBe(true);
  });
});

describe("the pairing failure", () => {
  test("is wifi-not-found for an unknown network", () => {
    expect(failureOf(booted(), { ssid: "Elsewhere" })?.code).toBe("wifi-not-found");
  });

  test("is wifi-wrong-password for a wrong password", () => {
    expect(failureOf(booted(), { psk: "wrong-password" })?.code).toBe("wifi-wrong-password");
  });

  test("is wifi-no-address without DHCP", () => {
    const scene = booted();
    scene.world.wifi.put({ ssid: WIFI.ssid, dhcp: false });
    expect(failureOf(scene)?.code).toBe("wifi-no-address");
  });

  test("is host-not-found for an unknown host", () => {
    expect(failureOf(booted(), { host: "nowhere.example" })?.code).toBe("host-not-found");
  });

  test("is broker-unreachable when the port is closed", () => {
    expect(failureOf(booted(), { brport: "1" })?.code).toBe("broker-unreachable");
  });

  test("is broker-unreachable when the host does not answer", () => {
    const scene = booted();
    scene.brokerHost.isCut = true;
    expect(failureOf(scene, { host: "10.0.0.1" })?.code).toBe("broker-unreachable");
  });

  test("is broker-no-answer when the broker accepts the connection and stays silent", () => {
    const scene = booted();
    scene.broker.faults.isSilent = true;
    expect(failureOf(scene)?.code).toBe("broker-no-answer");
  });

  test("is broker-refused with the MQTT return code for a wrong token", () => {
    const failure = failureOf(booted(), { token: "wrong-token" });
    expect(failure).toMatchObject({ code: "broker-refused", message: expect.stringContaining("code 4") });
    expect(failure?.message).not.toContain("wrong-token");
  });

  test("is broker-refused when the broker does not allow the station's topics", () => {
    const scene = booted();
    scene.broker.faults.refuses = (topic) => topic.startsWith("other/");
    const failure = failureOf(scene, { rootTopic: "other" });
    expect(failure).toMatchObject({ code: "broker-refused", message: expect.stringContaining("root topic") });
    scene.broker.faults.refuses = (topic) => topic.startsWith("other/sweet-home/");
    expect(failureOf(scene, { rootTopic: "other" })?.code).toBe("broker-refused");
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "unpaired" });
  });

  test("is tls-failed when the broker's port has no TLS", () => {
    const scene = booted();
    scene.clock.setEpochMs(NOW_MS);
    expect(failureOf(scene, { mqtts_port: PAIRING.brport })?.code).toBe("tls-failed");
  });

  test("is clock-unknown over TLS when no time server answers, also after a slow join", () => {
    const scene = booted();
    const failure = failureOf(scene, { mqtts_port: PAIRING.brport });
    expect(failure).toMatchObject({ code: "clock-unknown", message: expect.stringContaining("time server") });
  });

  test("is reported until the next attempt, which can succeed", () => {
    const scene = booted();
    failureOf(scene, { psk: "wrong-password" });
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "unpaired" });
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(scene.status()).toMatchObject({ lastFailure: null });
  });

  test("is logged without secrets", () => {
    const scene = booted();
    failureOf(scene, { psk: "mistyped-pass", token: "mistyped-token" });
    failureOf(scene, { token: "mistyped-token" });
    const log = scene.device.logLines.join("\n");
    expect(log).toContain("pairing: failed");
    for (const secret of [...SECRETS, "mistyped", OWNER.email]) expect(log).not.toContain(secret);
  });
});

describe("leaving pairing mode during an attempt", () => {
  test("restores the previous parameters, and no interruption is reported after a later restart", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.station.enterPairingMode();
    scene.pair({ ssid: "nosuch" });
    scene.clock.advance(1500);
    scene.station.leavePairingMode();
    scene.until("online again", () => scene.station.lifeCycle === "online");
    expect(scene.status()).toMatchObject({ mode: "operating", lastFailure: { code: "given-up" } });
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(scene.status()).toMatchObject({ lastFailure: null });
  });

  test("has no effect on a station that has no other parameters", () => {
    const scene = booted();
    scene.pair({ ssid: "nosuch" });
    scene.clock.advance(1500);
    scene.station.leavePairingMode();
    scene.clock.advance(120_000);
    expect(scene.status()).toMatchObject({ mode: "pairing", lastFailure: { code: "wifi-not-found" } });
  });
});

test("a provisioned access point password that is too long makes the record unreadable", () => {
  const scene = new Scene();
  scene.device.provision({ apPassword: "é".repeat(40) });
  scene.under.boot();
  expect(scene.under.ends).toEqual([]);
  expect(scene.device.logLines.join("\n")).toContain("provision the station again");
});

describe("the access point", () => {
  test("is open while the station is unpaired, and closes 30 s after success", () => {
    const scene = booted();
    expect(scene.world.wifi.accessPoints).toMatchObject([{ ssid: "PlugPass AP", password: ADMIN_PASSWORD }]);
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    scene.clock.advance(28_000);
    expect(scene.world.wifi.accessPoints).toHaveLength(1);
    scene.clock.advance(3000);
    expect(scene.world.wifi.accessPoints).toHaveLength(0);
  });

  test("has the provisioned password", () => {
    const scene = new Scene();
    scene.device.provision({ apPassword: "provisioned-pass" });
    scene.under.boot();
    scene.clock.advance(100);
    expect(scene.world.wifi.accessPoints).toMatchObject([{ password: "provisioned-pass" }]);
  });

  test("opens again in pairing mode of a station that stays online", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.clock.advance(31_000);
    scene.station.enterPairingMode();
    scene.clock.advance(1000);
    expect(scene.world.wifi.accessPoints).toHaveLength(1);
    expect(scene.seen()).toMatchObject({ pairing: true, platformReachable: true });
    scene.station.leavePairingMode();
    scene.clock.advance(1000);
    expect(scene.world.wifi.accessPoints).toHaveLength(0);
    expect(scene.seen()).toMatchObject({ pairing: false, platformReachable: true });
  });
});

describe("new parameters for a paired station", () => {
  test("that fail are dropped, and the station is online again with the old ones", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.station.enterPairingMode();
    expect(failureOf(scene, { psk: "wrong-password" })?.code).toBe("wifi-wrong-password");
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    scene.under.powerCycle();
    scene.until("online after a restart", () => scene.station.lifeCycle === "online");
  });

  test("that work replace the old ones", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.world.wifi.put({ ssid: "New", password: "another-password" });
    scene.station.enterPairingMode();
    scene.pair({ ssid: "New", psk: "another-password" });
    scene.clock.advance(2000);
    scene.until("online again", () => scene.station.lifeCycle === "online");
    scene.world.wifi.remove(WIFI.ssid);
    scene.under.powerCycle();
    scene.until("online after a restart", () => scene.station.lifeCycle === "online");
  });

  test("do not interrupt a charging session", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    let hasStopped = false;
    scene.device.vehicle.watch(() => {
      hasStopped ||= !scene.device.vehicle.isCharging;
    });
    scene.station.enterPairingMode();
    failureOf(scene, { psk: "wrong-password" });
    scene.clock.advance(60_000);
    expect(hasStopped).toBe(false);
  });
});

describe("a power cut", () => {
  /** Returns the stored parameters as JSON text. */
  function stored(scene: Scene): string | undefined {
    const bytes = scene.device.flash.get("plugpass", "pairing");
    return bytes && decodeUTF8(bytes);
  }

  const cases = [1, 2, 3].flatMap((write) =>
    (["before", "after"] as const).map((comes) => [comes, write] as const),
  );

  test.each(cases)(
    "%s storage write %d of a second pairing leaves the old or the new parameters complete",
    (comes, write) => {
      const scene = new Scene();
      scene.bringOnline();
      const old = stored(scene);
      scene.world.wifi.put({ ssid: "New", password: "another-password" });
      const begun = scene.device.flash.writeCount;
      scene.station.enterPairingMode();
      scene.device.flash.cutPowerAtWrite(write, comes);
      scene.pair({ ssid: "New", psk: "another-password", token: OWNER.token });
      scene.until("the power is cut", () => !scene.device.isRunning);
      expect(scene.device.flash.writeCount - begun).toBe(write);
      const isNew = write > 2 || (write === 2 && comes === "after");
      if (isNew) expect(stored(scene)).toContain('"New"');
      else expect(stored(scene)).toBe(old);
      scene.under.boot();
      scene.until("online", () => scene.station.lifeCycle === "online");
      expect(scene.device.flash.get("plugpass", "candidate")).toBeUndefined();
      const isReported = write === 2 && comes === "before" ? true : write === 1 && comes === "after";
      expect(scene.status().lastFailure !== null).toBe(isReported);
    },
  );

  test("during a pairing attempt is reported after the restart", () => {
    const scene = booted();
    scene.pair();
    scene.clock.advance(1000);
    scene.under.powerCycle();
    scene.clock.advance(500);
    expect(scene.status()).toMatchObject({ mode: "pairing", lastFailure: { code: "interrupted" } });
  });
});

describe("the storage", () => {
  test("when full answers 500 to /pair and keeps the old parameters", () => {
    const scene = new Scene();
    scene.bringOnline();
    for (let i = 0; i < 19; i++) scene.device.flash.set("plugpass", `x${i}`, new Uint8Array(3980));
    scene.station.enterPairingMode();
    scene.clock.advance(1000);
    expect(scene.pair({ ssid: "New" })).toMatchObject({ status: 500 });
    expect(scene.station.lifeCycle).toBe("online");
  });

  test.each(["", "{", "[]", '{"v":1}', '{"v":0}', '{"v":1,"host":"a b","email":"a@b","token":"t","port":1}'])(
    "with %j as parameters sets the record aside, logs it, and the station is unpaired",
    (text) => {
      const scene = new Scene();
      scene.device.flash.set("plugpass", "pairing", encodeUTF8(text));
      scene.under.boot();
      scene.clock.advance(500);
      expect(scene.station.lifeCycle).toBe("unpaired");
      expect(scene.device.flash.get("plugpass", "bad-pairing")).toEqual(encodeUTF8(text));
      expect(scene.device.logLines.join("\n")).toContain('the record "pairing" cannot be read');
    },
  );

  test("keeps a provisioned identity that cannot be read", () => {
    const scene = new Scene();
    scene.device.provision({ responseKey: "short" });
    scene.under.boot();
    scene.clock.advance(500);
    expect(scene.device.flash.get("plugpass", "device")).toBeDefined();
    expect(scene.device.logLines.join("\n")).toContain("provision the station again");
  });

  test("with a record of a newer firmware is read", () => {
    const scene = new Scene();
    scene.bringOnline();
    const record = JSON.parse(
      decodeUTF8(scene.device.flash.get("plugpass", "pairing") ?? new Uint8Array(0)) ?? "",
    );
    scene.device.flash.set("plugpass", "pairing", encodeUTF8(JSON.stringify({ ...record, v: 2, more: [1] })));
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online");
  });
});

describe("the network", () => {
  test("can be lost and return: the station is online again", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.world.wifi.remove(WIFI.ssid);
    scene.until("offline", () => scene.station.lifeCycle === "offline", 200_000);
    scene.world.wifi.put({ ssid: WIFI.ssid, password: WIFI.password });
    scene.until("online", () => scene.station.lifeCycle === "online", 300_000);
  });

  test("stays up while the broker restarts: the station is online again", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.broker.stop();
    scene.until("offline", () => scene.station.lifeCycle === "offline");
    scene.broker.start();
    scene.until("online", () => scene.station.lifeCycle === "online");
    scene.until("the device is published", () => scene.retained("$state") === "ready");
  });
});

test("10,000 random parameters to /pair cause no exception, and the next valid request is served", () => {
  const seed = 80;
  const random = new Random(seed);
  const scene = booted();
  const names = Object.keys(PAIRING);
  for (let run = 0; run < 500; run++) {
    // 20 strings a request, each with or without a field's name.
    const parts = Array.from({ length: 20 }, () => {
      const text = String.fromCharCode(...Array.from({ length: random.int(12) }, () => 33 + random.int(94)));
      return random.bool() ? `${random.pick(names)}=${text}` : text;
    });
    const query = parts.join("&").replaceAll(/[\s#]/g, "");
    const outcome = scene.request("GET", `/pair?${query}`);
    if (!("status" in outcome) || outcome.status !== 400 || scene.under.ends.length > 0) {
      throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify(outcome)} to ${query}`);
    }
  }
  expect(scene.pair({ host: BROKER_NAME })).toMatchObject({ status: 200 });
});
