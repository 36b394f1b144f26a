import { describe, expect, test } from "@jest/globals";
import { formOf, LOGIN, PAIRING, Scene, WIFI } from "../../virtual/scene.js";
import { Random } from "../../virtual/world/random.js";

const MINUTE_MS = 60_000;

function online(): Scene {
  const scene = new Scene();
  scene.bringOnline();
  scene.clock.advance(31_000);
  return scene;
}

function accessPoints(scene: Scene): number {
  return scene.world.wifi.accessPoints.length;
}

/** Starts charging a vehicle. The returned function tells whether it has charged without a pause since then. */
function charge(scene: Scene): () => boolean {
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  let hasStopped = false;
  scene.device.vehicle.watch(() => {
    hasStopped ||= !scene.device.vehicle.isCharging;
  });
  return () => !hasStopped;
}

function hold(scene: Scene, durationMs: number): void {
  scene.device.button.press();
  scene.clock.advance(durationMs);
  scene.device.button.release();
  scene.clock.advance(200);
}

describe("a lost Wi-Fi network", () => {
  test("opens the access point after 5 minutes, with the login required, and closes it when the network is back", () => {
    const scene = online();
    const hasKeptCharging = charge(scene);
    scene.world.wifi.remove(WIFI.ssid);
    scene.clock.advance(4.5 * MINUTE_MS);
    expect(accessPoints(scene)).toBe(0);
    scene.clock.advance(MINUTE_MS);
    expect(accessPoints(scene)).toBe(1);
    expect(scene.status()).toMatchObject({ mode: "operating", problem: { code: "wifi-not-found" } });
    expect(scene.pair()).toMatchObject({ status: 403 });
    expect(scene.ask("GET", "/connectedwifi").status).toBe(401);
    expect(scene.manage("/connectedwifi").body).toBe("NULL");
    scene.world.wifi.put({ ssid: WIFI.ssid, password: WIFI.password, channel: 11 });
    scene.until("online", () => scene.station.lifeCycle === "online", 3 * MINUTE_MS);
    expect(accessPoints(scene)).toBe(0);
    expect(scene.world.wifi.draggedCount).toBe(0);
    expect(hasKeptCharging()).toBe(true);
  });

  test("can be replaced over the fallback access point, which then stays open for 30 s to show the result", () => {
    const scene = online();
    scene.world.wifi.remove(WIFI.ssid);
    scene.world.wifi.put({ ssid: "New", password: "another-password" });
    scene.clock.advance(6 * MINUTE_MS);
    expect(scene.manage("/setwifi?ssid=New&pass=another-password").status).toBe(200);
    scene.clock.advance(2000);
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(accessPoints(scene)).toBe(1);
    scene.clock.advance(31_000);
    expect(accessPoints(scene)).toBe(0);
  });

  test("is detected although no disconnect event was delivered", () => {
    const scene = online();
    scene.world.wifi.isMute = true;
    scene.world.wifi.remove(WIFI.ssid);
    scene.clock.advance(31_000);
    scene.world.wifi.isMute = false;
    scene.world.wifi.put({ ssid: WIFI.ssid, password: WIFI.password });
    scene.clock.advance(3 * MINUTE_MS);
    expect(scene.station.lifeCycle).toBe("online");
  });

  test("is detected when DHCP withdraws the address, and rejoined when DHCP works again", () => {
    const scene = online();
    scene.world.wifi.put({ ssid: WIFI.ssid, dhcp: false });
    scene.clock.advance(6 * MINUTE_MS);
    expect(scene.status()).toMatchObject({ problem: { code: "wifi-no-address" } });
    expect(accessPoints(scene)).toBe(1);
    scene.world.wifi.put({ ssid: WIFI.ssid, dhcp: true });
    scene.until("online", () => scene.station.lifeCycle === "online", 3 * MINUTE_MS);
    expect(accessPoints(scene)).toBe(0);
  });

  test("is scanned for between 30 and 80 times an hour", () => {
    const scene = online();
    let scans = 0;
    const { wifi } = scene.world;
    Object.defineProperty(wifi, "networks", {
      get: () => {
        scans++;
        return [];
      },
    });
    wifi.remove(WIFI.ssid);
    scene.clock.advance(60 * MINUTE_MS);
    expect(scans).toBeGreaterThan(30);
    expect(scans).toBeLessThan(80);
  });
});

describe("the button", () => {
  test("held for less than 5 s does nothing", () => {
    const scene = online();
    for (let i = 0; i < 20; i++) hold(scene, 4500);
    expect(accessPoints(scene)).toBe(0);
  });

  test("held for 5 s opens pairing mode for 10 minutes", () => {
    const scene = online();
    const hasKeptCharging = charge(scene);
    hold(scene, 5200);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "online" });
    expect(accessPoints(scene)).toBe(1);
    scene.clock.advance(11 * MINUTE_MS);
    expect(scene.status()).toMatchObject({ mode: "operating" });
    expect(accessPoints(scene)).toBe(0);
    expect(hasKeptCharging()).toBe(true);
  });

  test("held for 5 s accepts new parameters and a scan with the login only, because the station has an owner", () => {
    const scene = online();
    hold(scene, 5200);
    const body = formOf({ ...PAIRING, wsp: "stranger@elsewhere.example" });
    expect(scene.ask("POST", "/pair", { body }).status).toBe(401);
    expect(scene.ask("GET", `/pair?${body}`).status).toBe(401);
    expect(scene.ask("GET", "/scan").status).toBe(401);
    expect(scene.status()).toMatchObject({ trying: false });
    expect(scene.ask("POST", "/pair", { body, headers: LOGIN }).status).toBe(200);
    scene.until("it is paired again", () => scene.status().mode === "operating", 200_000);
  });

  test("held for 15 s lets a station be paired without a login: its owner may have lost the password", () => {
    const scene = online();
    hold(scene, 15_200);
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.ask("GET", "/scan").status).toBe(200);
    expect(scene.ask("POST", "/pair", { body: formOf(PAIRING) }).status).toBe(200);
  });

  test("held for 14 s does the same as for 5 s", () => {
    const scene = online();
    hold(scene, 14_000);
    scene.clock.advance(5000);
    expect(scene.under.ends).toEqual([]);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "online" });
  });

  test("held for 15 s resets the station to its provisioned state", () => {
    const scene = online();
    hold(scene, 15_200);
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({
      mode: "pairing",
      state: "unpaired",
      deviceId: scene.under.deviceId,
    });
    expect(scene.retained("$state")).toBe("disconnected");
  });

  test("held for 15 s while a vehicle charges does not interrupt it; the station restarts after the session", () => {
    const scene = online();
    const hasKeptCharging = charge(scene);
    hold(scene, 15_200);
    scene.clock.advance(5 * MINUTE_MS);
    expect(hasKeptCharging()).toBe(true);
    expect(scene.under.ends).toEqual([]);
    expect(scene.status()).toMatchObject({ mode: "pairing", state: "unpaired", status: "charging" });
    expect(accessPoints(scene)).toBe(1);
    scene.device.vehicle.unplug();
    scene.until("it has started again", () => scene.under.ends.length === 1);
    expect(scene.under.ends).toMatchObject([{ type: "restart", reason: "factory reset" }]);
  });

  test("is debounced: bounces before a 5 s press do not prevent pairing mode", () => {
    const scene = online();
    for (let i = 0; i < 5; i++) {
      scene.device.button.press();
      scene.clock.advance(3);
      scene.device.button.release();
      scene.clock.advance(3);
    }
    hold(scene, 5200);
    expect(accessPoints(scene)).toBe(1);
  });
});

describe("the access point's channel", () => {
  test("switches to the network's channel before the station joins, so that no phone is disconnected", () => {
    const scene = new Scene();
    scene.world.wifi.put({ ssid: WIFI.ssid, channel: 11 });
    scene.under.boot();
    scene.clock.advance(500);
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(scene.world.wifi.accessPoints).toMatchObject([{ channel: 11 }]);
    expect(scene.world.wifi.draggedCount).toBe(0);
  });

  test("switches during the join of a hidden network, whose channel no scan finds", () => {
    const scene = new Scene();
    scene.world.wifi.put({ ssid: WIFI.ssid, channel: 11, hidden: true });
    scene.under.boot();
    scene.clock.advance(500);
    scene.pair();
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(scene.world.wifi.draggedCount).toBe(1);
  });
});

describe("the captive portal", () => {
  const probes: [string, number, string][] = [
    ["/generate_204", 204, ""],
    ["/gen_204", 204, ""],
    ["/hotspot-detect.html", 200, "Success"],
    ["/library/test/success.html", 200, "Success"],
    ["/connecttest.txt", 200, "Microsoft Connect Test"],
    ["/ncsi.txt", 200, "Microsoft NCSI"],
    ["/redirect", 204, ""],
    ["/canonical.html", 200, "captive-portal"],
    ["/success.txt", 200, "success\n"],
  ];

  test.each(probes)(
    "redirects %s to the panel, and gives the expected answer after pairing",
    (path, status, body) => {
      const scene = new Scene();
      scene.under.boot();
      scene.clock.advance(500);
      const probe = () => scene.ask("GET", path, { headers: { host: "captive.example" } });
      const led = probe();
      expect(led.status).toBe(302);
      expect(led.headers.get("location")).toBe("http://192.168.4.1/");
      scene.pair();
      scene.until("online", () => scene.station.lifeCycle === "online");
      expect(accessPoints(scene)).toBe(1);
      expect(probe()).toMatchObject({ status, body: expect.stringContaining(body) });
      if (status === 204) expect(probe().headers.has("content-length")).toBe(false);
    },
  );

  test("resolves every name to the station, but only for hosts in the access point's network", () => {
    const scene = new Scene();
    scene.under.boot();
    scene.clock.advance(500);
    const resolve = (phone = scene.world.network.host()) => {
      let address: string | undefined;
      phone.resolve("connectivitycheck.example", (found) => {
        address = found;
      });
      scene.clock.advance(100);
      return address;
    };
    const phone = scene.world.network.host();
    phone.joined = scene.device.host;
    expect(resolve(phone)).toBe("192.168.4.1");
    expect(resolve()).toBeUndefined();
  });
});

test("a station that is paired again during random power cuts and network losses is online on one of its networks afterwards", () => {
  const seed = 4711;
  const random = new Random(seed);
  for (let run = 0; run < 40; run++) {
    const scene = new Scene({ seed: seed + run });
    scene.bringOnline();
    scene.world.wifi.put({ ssid: "New", password: "another-password" });
    scene.manage("/setwifi?ssid=New&pass=another-password");
    for (let fault = 0; fault < 4; fault++) {
      scene.clock.advance(random.int(6000));
      switch (random.int(4)) {
        case 0:
          scene.under.powerCycle();
          break;
        case 1:
          scene.world.wifi.remove(random.bool() ? "New" : WIFI.ssid);
          break;
        case 2:
          scene.brokerHost.isCut = true;
          break;
        case 3:
          scene.device.flash.cutPowerAtWrite(1 + random.int(3), random.bool() ? "before" : "after");
          break;
      }
    }
    scene.brokerHost.isCut = false;
    scene.world.wifi.put({ ssid: WIFI.ssid, password: WIFI.password });
    scene.world.wifi.put({ ssid: "New", password: "another-password" });
    if (!scene.device.isRunning) scene.under.boot();
    scene.clock.advance(4 * MINUTE_MS);
    if (!scene.device.isRunning) scene.under.boot();
    if (!scene.clock.runUntil(() => scene.under.station?.lifeCycle === "online", 5 * MINUTE_MS)) {
      throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify(scene.status())}`);
    }
    scene.clock.advance(31_000);
    const network = scene.ask("GET", "/connectedwifi", { headers: LOGIN }).body;
    expect([WIFI.ssid, "New"]).toContain(network);
  }
});
