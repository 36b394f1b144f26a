import { describe, expect, test } from "@jest/globals";
import {
  ADMIN_PASSWORD,
  BROKER_NAME,
  formOf,
  LOGIN,
  loginOf,
  OWNER,
  PAIRING,
  Scene,
  WIFI,
} from "../../virtual/scene.js";

const CREDENTIALS = {
  mail: OWNER.email,
  token: OWNER.token,
  hostname: BROKER_NAME,
  brokerPort: PAIRING.brport,
  productId: "plugpass",
  deviceId: "a4-cf-12-00-00-01",
} as const;

function booted(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene(options);
  scene.under.boot();
  scene.clock.advance(500);
  return scene;
}

function online(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene(options);
  scene.bringOnline();
  scene.clock.advance(31_000);
  return scene;
}

function untilOnline(scene: Scene): void {
  scene.until("online", () => scene.under.station?.lifeCycle === "online", 200_000);
}

describe("the list of networks", () => {
  function withNetworks(): Scene {
    const scene = booted();
    scene.world.wifi.put({ ssid: "Open", rssi: -90 });
    scene.world.wifi.put({ ssid: "Hidden", hidden: true });
    scene.world.wifi.put({ ssid: "__proto__", rssi: -20 });
    return scene;
  }

  test("is given by /scan with the encryption as the chip numbers it", () => {
    const answer = withNetworks().ask("GET", "/scan");
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.body).toBe('{"Café":"3","Open":"0","__proto__":"0"}');
  });

  test("is given by /scan/v2 with the signal in percent, too", () => {
    expect(withNetworks().ask("GET", "/scan/v2").body).toBe(
      '{"Café":{"encType":"3","signal":"80"},"Open":{"encType":"0","signal":"20"},"__proto__":{"encType":"0","signal":"100"}}',
    );
  });

  test("is limited to 32 networks", () => {
    const scene = booted();
    for (let i = 0; i < 50; i++) scene.world.wifi.put({ ssid: `Network ${i}` });
    expect(Object.keys(JSON.parse(scene.ask("GET", "/scan").body))).toHaveLength(32);
  });

  test("is given while the station itself scans for its network", () => {
    const scene = booted();
    scene.pair({ ssid: "Elsewhere" });
    scene.clock.advance(700);
    expect(JSON.parse(scene.ask("GET", "/scan").body)).toEqual({ Café: "3" });
  });

  test("is empty on a station with Ethernet", () => {
    const scene = booted({ device: { network: "ethernet" } });
    expect(scene.ask("GET", "/scan").body).toBe("{}");
  });

  test("is complemented by /connectedwifi, which returns the joined network", () => {
    const scene = booted();
    expect(scene.manage("/connectedwifi").body).toBe("NULL");
    scene.pair();
    untilOnline(scene);
    expect(scene.manage("/connectedwifi").body).toBe(WIFI.ssid);
  });
});

describe("/setwifi and /setcredentials", () => {
  test("pair a station in either order, as existing panels do, with a restart between them", () => {
    const scene = booted();
    expect(scene.manage(`/setwifi?${formOf({ ssid: WIFI.ssid, pass: WIFI.password })}`).body).toBe("OK");
    expect(scene.status()).toMatchObject({ waitingFor: ["wsp", "token", "host", "brport"], trying: false });
    expect(scene.manage("/reboot").body).toBe("OK");
    scene.clock.advance(3000);
    expect(scene.under.ends).toMatchObject([{ type: "restart" }]);
    expect(scene.manage(`/setcredentials?${formOf(CREDENTIALS)}`).body).toBe("OK");
    expect(scene.manage("/reboot").body).toBe("OK");
    untilOnline(scene);
    expect(scene.under.ends).toHaveLength(1);
  });

  test("accept a form by POST with the same answers as by GET", () => {
    const scene = booted();
    const form = { body: formOf(CREDENTIALS), headers: LOGIN };
    expect(scene.ask("POST", "/setcredentials", form)).toMatchObject({ status: 200, body: "OK" });
    expect(scene.status()).toMatchObject({ waitingFor: ["ssid", "psk"] });
    expect(scene.ask("POST", "/reboot", { headers: LOGIN })).toMatchObject({ status: 200, body: "OK" });
  });

  test.each(["mail", "token", "hostname", "brokerPort"])("answer 400 Incorrect data without %s", (name) => {
    const answer = booted().manage(`/setcredentials?${formOf({ ...CREDENTIALS, [name]: undefined })}`);
    expect(answer).toMatchObject({ status: 400, body: "Incorrect data" });
  });

  test.each(["ssid=x", "pass=12345678", "ssid=x&pass=seven77"])("answer 400 to /setwifi?%s", (query) => {
    expect(booted().manage(`/setwifi?${query}`).status).toBe(400);
  });

  test("on an online station change the network alone, and the old one stays when the new one fails", () => {
    const scene = online();
    expect(scene.manage("/setwifi?ssid=Elsewhere&pass=12345678").status).toBe(200);
    scene.until("offline", () => scene.station.lifeCycle !== "online");
    untilOnline(scene);
    expect(scene.status()).toMatchObject({ mode: "operating", lastFailure: { code: "wifi-not-found" } });
    scene.world.wifi.put({ ssid: "New", password: "another-password" });
    expect(scene.manage("/setwifi?ssid=New&pass=another-password").status).toBe(200);
    scene.clock.advance(2000);
    untilOnline(scene);
    expect(scene.manage("/connectedwifi").body).toBe("New");
  });

  test("do not keep the root topic for another owner", () => {
    const scene = booted();
    scene.pair({ rootTopic: "cafe" });
    untilOnline(scene);
    scene.clock.advance(31_000);
    scene.broker.retained.clear();
    expect(
      scene.manage(`/setcredentials?${formOf({ ...CREDENTIALS, mail: "new@cafe.example" })}`).status,
    ).toBe(200);
    scene.clock.advance(2000);
    untilOnline(scene);
    scene.clock.advance(1000);
    expect([...scene.broker.retained.keys()].filter((topic) => /^cafe.*[$]name$/.test(topic))).toEqual([]);
  });

  test("require only the wrong fields again after a failure", () => {
    const scene = booted();
    scene.pair({ psk: "wrong-password" });
    scene.until("it failed", () => scene.status().lastFailure !== null);
    expect(scene.manage(`/setwifi?${formOf({ ssid: WIFI.ssid, pass: WIFI.password })}`).status).toBe(200);
    untilOnline(scene);
  });

  test("answer 500 and change nothing when the storage is full", () => {
    const scene = online();
    scene.device.flash.set("plugpass", "full", new Uint8Array(76_608));
    expect(scene.manage("/setwifi?ssid=New&pass=12345678").status).toBe(500);
    expect(scene.manage("/newauthpass?newpass=another-password").status).toBe(500);
    expect(scene.station.lifeCycle).toBe("online");
    expect(scene.manage("/connectedwifi").status).toBe(200);
  });
});

describe("a page of another site", () => {
  const paths = ["/setwifi", "/setcredentials", "/newauthpass", "/reboot", "/resetdefault"];
  const browser = { ...LOGIN, "user-agent": "Mozilla/5.0" };

  test.each(paths)("cannot use %s by a form, an image or DNS rebinding", (path) => {
    const scene = booted();
    const foreign = { ...browser, origin: "http://evil.example" };
    expect(scene.ask("POST", path, { headers: foreign }).status).toBe(403);
    expect(scene.ask("GET", path, { headers: { ...browser, "sec-fetch-site": "cross-site" } }).status).toBe(
      403,
    );
    expect(scene.ask("GET", path, { headers: browser }).status).toBe(403);
    expect(scene.ask("GET", path, { headers: { ...foreign, host: "evil.example" } }).status).toBe(302);
    const referer = "http://192.168.4.1.evil.example/";
    expect(scene.ask("GET", path, { headers: { ...browser, referer } }).status).toBe(403);
    scene.clock.advance(5000);
    expect(scene.under.ends).toEqual([]);
  });

  test("is rejected, but a page of the station itself is accepted", () => {
    const headers = { ...browser, referer: "http://192.168.4.1/system.html" };
    expect(booted().ask("GET", "/reboot", { headers }).status).toBe(200);
  });
});

test("pairing mode ends after 10 minutes, or when the attempt in progress has failed", () => {
  const scene = online();
  scene.station.enterPairingMode();
  scene.clock.advance(10 * 60_000 - 800);
  scene.pair({ token: "wrong" });
  scene.clock.advance(5 * 60_000);
  expect(scene.status()).toMatchObject({ mode: "operating", state: "online" });
});

describe("/resetdefault", () => {
  test("erases everything but the provisioned values", () => {
    const scene = online();
    scene.manage("/newauthpass?newpass=another-password");
    expect(scene.ask("GET", "/resetdefault", { headers: loginOf("another-password") })).toMatchObject({
      status: 200,
      body: "OK",
    });
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.under.ends).toMatchObject([{ type: "restart", reason: "factory reset" }]);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "unpaired", lastFailure: null });
    expect(scene.device.flash.get("plugpass", "pairing")).toBeUndefined();
    expect(scene.ask("GET", "/connectedwifi", { headers: loginOf(ADMIN_PASSWORD) }).status).toBe(200);
  });
});

describe("built-in or provisioned parameters", () => {
  const { ssid, psk, wsp, token, host, brport } = PAIRING;

  test("are not requested again in pairing", () => {
    const scene = booted({ provisioning: { preset: { host, brport, wsp, token } } });
    expect(scene.status()).toMatchObject({ mode: "pairing", waitingFor: ["ssid", "psk"] });
    expect(scene.ask("GET", `/pair?${formOf({ ssid, psk })}`).status).toBe(200);
    untilOnline(scene);
  });

  test("that are complete bring the station online without an access point, also after a reset", () => {
    const scene = new Scene({ provisioning: { preset: { ssid, psk, host, brport, wsp, token } } });
    scene.under.boot();
    untilOnline(scene);
    expect(scene.world.wifi.accessPoints).toEqual([]);
    expect(scene.manage("/resetdefault").status).toBe(200);
    scene.clock.advance(3000);
    untilOnline(scene);
    expect(scene.world.wifi.accessPoints).toEqual([]);
  });

  test("keep TLS enabled when an app gives a plain port", () => {
    const scene = booted({ provisioning: { preset: { mqtts_port: "8883" } } });
    scene.clock.setEpochMs(1_800_000_000_000);
    expect(scene.pair()).toMatchObject({ status: 200 });
    scene.until("it failed", () => scene.status().lastFailure !== null);
    expect(scene.status()).toMatchObject({ lastFailure: { code: "broker-unreachable" } });
  });
});
