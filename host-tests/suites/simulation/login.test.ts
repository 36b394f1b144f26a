import { describe, expect, test } from "@jest/globals";
import { ADMIN_PASSWORD, LOGIN, loginOf, Scene } from "../../virtual/scene.js";

function booted(options: ConstructorParameters<typeof Scene>[0] = {}): Scene {
  const scene = new Scene(options);
  scene.under.boot();
  scene.clock.advance(500);
  return scene;
}

function logIn(scene: Scene, password: string, from?: string): number {
  return scene.ask("GET", "/connectedwifi", { headers: loginOf(password), from }).status;
}

/** Returns the password that an unprovisioned station logs at its first boot. */
function ownPassword(scene: Scene): string {
  const found = scene.device.logLines.flatMap((line) => /password of admin is (\S+);/.exec(line)?.[1] ?? []);
  expect(found).toHaveLength(1);
  return found[0] ?? "";
}

describe("the login", () => {
  const secured = [
    "/connectedwifi",
    "/setwifi",
    "/setcredentials",
    "/newauthpass",
    "/reboot",
    "/resetdefault",
  ];

  test.each(secured)("is required by %s", (path) => {
    const answer = booted().ask("GET", path);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain("Basic");
  });

  test("has the provisioned password, which is not logged", () => {
    const scene = booted();
    expect(logIn(scene, ADMIN_PASSWORD)).toBe(200);
    expect(scene.device.logLines.join("\n")).not.toContain("password");
  });

  test.each(["Basic", "Basic !", "Bearer x", `Basic ${LOGIN.authorization.slice(6)}=`, ""])(
    "is rejected with the header %j",
    (authorization) => {
      expect(booted().ask("GET", "/reboot", { headers: { authorization } }).status).toBe(401);
    },
  );

  test("of an unprovisioned station has a random password of its own, which is logged", () => {
    const [one, other] = [1, 2].map((seed) => booted({ isUnprovisioned: true, seed }));
    if (!one || !other) throw new Error("no stations");
    const password = ownPassword(one);
    expect(password).toMatch(/^[a-z2-9]{10}$/);
    expect(ownPassword(other)).not.toBe(password);
    one.under.powerCycle();
    one.clock.advance(500);
    expect(ownPassword(one)).toBe(password);
    expect(logIn(one, password)).toBe(200);
  });

  test("of a station with a full storage works until the next restart", () => {
    const scene = new Scene({ isUnprovisioned: true });
    for (let i = 0; i < 4; i++) scene.device.flash.set("plugpass", `x${i}`, new Uint8Array(5200));
    scene.under.boot();
    scene.clock.advance(500);
    expect(logIn(scene, ownPassword(scene))).toBe(200);
    expect(scene.under.ends).toEqual([]);
  });

  test("is changed permanently with /newauthpass", () => {
    const scene = booted();
    expect(scene.manage("/newauthpass?newpass=battery+staple")).toMatchObject({ status: 200, body: "OK" });
    scene.under.powerCycle();
    scene.clock.advance(500);
    expect(logIn(scene, ADMIN_PASSWORD)).toBe(401);
    scene.clock.advance(1000);
    expect(logIn(scene, "battery staple")).toBe(200);
  });

  test.each(["", "?newpass=seven77", `?newpass=${"x".repeat(64)}`])(
    "is not changed by /newauthpass%s, which answers 400",
    (query) => {
      const scene = booted();
      expect(scene.manage(`/newauthpass${query}`).status).toBe(400);
      expect(logIn(scene, ADMIN_PASSWORD)).toBe(200);
    },
  );
});

describe("the access point of an unprovisioned station", () => {
  test("has a password of its own, which is logged once and stays over power cuts and factory resets", () => {
    const scene = booted({ isUnprovisioned: true });
    const password = () => scene.world.wifi.accessPoints[0]?.password;
    const first = password();
    expect(first).toMatch(/^[a-z2-9]{12}$/);
    scene.under.powerCycle();
    scene.clock.advance(500);
    expect(password()).toBe(first);
    scene.station.resetToProvisioned();
    scene.until("it has started again", () => scene.under.ends.length === 2);
    scene.clock.advance(1000);
    expect(password()).toBe(first);
    expect(scene.device.logLines.filter((line) => line.includes(first ?? "-"))).toHaveLength(1);
  });
});

describe("the initial password", () => {
  const change = (scene: Scene, path: string) => scene.manage(path).status;

  test("works for the login, /status and an upload, and has to be changed before any other change", () => {
    const scene = booted({ hasInitialPassword: true });
    expect(scene.status()).toMatchObject({ passwordIsInitial: true });
    for (const path of [
      "/setname?name=a",
      "/setwifi?ssid=a&pass=",
      "/reboot",
      "/resetdefault",
      "/setlearning?on=true",
    ]) {
      expect(scene.manage(path)).toMatchObject({
        status: 403,
        body: expect.stringMatching(/^password-initial/),
      });
    }
    expect(scene.ask("POST", "/firmware/upload", { body: "x", headers: LOGIN }).body).toContain("update key");
    expect(change(scene, `/newauthpass?newpass=${encodeURIComponent(ADMIN_PASSWORD)}`)).toBe(400);
    expect(change(scene, "/newauthpass?newpass=battery+staple")).toBe(200);
    const headers = loginOf("battery staple");
    expect(scene.ask("GET", "/setname?name=a", { headers }).status).toBe(200);
    expect(JSON.parse(scene.ask("GET", "/status", { headers }).body)).toMatchObject({
      passwordIsInitial: false,
    });
  });

  test("does not prevent an app from pairing the station", () => {
    const scene = new Scene({ hasInitialPassword: true });
    scene.bringOnline();
    scene.station.enterPairingMode();
    expect(scene.pair()).toMatchObject({ status: 200 });
  });

  test("is in force again after a factory reset", () => {
    const scene = booted();
    expect(scene.status()).toMatchObject({ passwordIsInitial: false });
    scene.station.resetToProvisioned();
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    expect(scene.status()).toMatchObject({ passwordIsInitial: true });
  });
});

describe("a distributed guesser", () => {
  test("delays a right login from a new address by seconds, and that of the owner's address not at all", () => {
    const scene = booted();
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.50")).toBe(200);
    for (let host = 100; host < 110; host++) expect(logIn(scene, "wrong", `192.168.1.${host}`)).toBe(401);
    let sinceMs = scene.clock.monotonicMs();
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.50")).toBe(200);
    expect(scene.clock.monotonicMs() - sinceMs).toBeLessThan(1000);
    sinceMs = scene.clock.monotonicMs();
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.51")).toBe(200);
    expect(scene.clock.monotonicMs() - sinceMs).toBeLessThan(6500);
    expect(scene.clock.monotonicMs() - sinceMs).toBeGreaterThan(4000);
    expect(scene.ask("GET", "/healthcheck", { from: "192.168.1.110" }).status).toBe(200);
  });
});

describe("wrong logins", () => {
  test("delay their address by 1 s, doubling to 30 min, in which the right login is rejected, too", () => {
    const scene = booted();
    for (let delayS = 1; delayS < 4000; delayS *= 2) {
      expect(logIn(scene, "wrong")).toBe(401);
      const waitMs = Math.min(delayS, 1800) * 1000;
      const refused = scene.ask("GET", "/connectedwifi", { headers: LOGIN });
      expect(refused).toMatchObject({ status: 429, body: expect.stringContaining("try again in") });
      expect(Math.abs(Number(refused.headers.get("retry-after")) * 1000 - waitMs)).toBeLessThan(1000);
      scene.clock.advance(waitMs);
    }
    expect(logIn(scene, ADMIN_PASSWORD)).toBe(200);
    expect(logIn(scene, "wrong")).toBe(401);
    scene.clock.advance(1000);
    expect(logIn(scene, ADMIN_PASSWORD)).toBe(200);
  });

  test("delay neither other addresses nor requests without a login", () => {
    const scene = booted();
    expect(logIn(scene, "wrong", "192.168.1.251")).toBe(401);
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.251")).toBe(429);
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.252")).toBe(200);
    expect(scene.ask("GET", "/connectedwifi", { from: "192.168.1.251" }).status).toBe(401);
    expect(scene.ask("GET", "/healthcheck", { from: "192.168.1.251" }).status).toBe(200);
  });

  test("from more addresses than the table holds drop the oldest entry", () => {
    const scene = booted();
    for (let host = 100; host < 117; host++) expect(logIn(scene, "wrong", `192.168.1.${host}`)).toBe(401);
    expect(logIn(scene, "wrong", "192.168.1.116")).toBe(429);
    expect(logIn(scene, ADMIN_PASSWORD, "192.168.1.100")).toBe(200);
  });
});
