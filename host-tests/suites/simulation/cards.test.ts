import { describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { usernameOf as hashOf } from "../../../platform-stub/accounts.js";
import { PN532_WIRING } from "../../virtual/board/index.js";
import { codeOf, Scene } from "../../virtual/scene.js";

const CARD = "62E3086CED";
const OTHER = "0102030405";
const MINUTE_MS = 60_000;

function online(options: Record<string, unknown> = {}): Scene {
  const scene = new Scene();
  scene.setOptions(options);
  scene.platform.tags.set(CARD, { authorized: true });
  scene.bringOnline();
  return scene;
}

/** Stops the broker and waits until the station has noticed it. */
function goOffline(scene: Scene): void {
  scene.broker.stop();
  scene.clock.advance(5000);
}

describe("a card at the reader", () => {
  test("starts a session with the method rfid", () => {
    const scene = online();
    scene.plug();
    scene.swipe(CARD);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.platform.requests).toMatchObject([
      { endpoint: "authorize", data: { tag: CARD, method: "rfid" } },
    ]);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect([...scene.platform.sessions.values()]).toMatchObject([{ tag: hashOf(CARD), method: "rfid" }]);
  });

  test("ends the session that it started when swiped again; another card does not", () => {
    const scene = online();
    scene.plug();
    scene.swipe(CARD);
    scene.clock.advance(5000);
    scene.swipe(OTHER);
    expect(scene.station.status).toBe("charging");
    scene.clock.advance(15_000);
    scene.swipe(CARD);
    scene.clock.advance(100);
    expect(scene.station.status).toBe("finishing");
  });

  test("ends nothing with a second tap after 3.1 s, and begins another session 15 s after the end", () => {
    const scene = online();
    scene.plug();
    scene.swipe(CARD);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.clock.advance(3100);
    scene.swipe(CARD);
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("charging");
    scene.clock.advance(15_000);
    scene.swipe(CARD);
    scene.clock.advance(3100);
    scene.swipe(CARD);
    scene.clock.advance(15_000);
    expect(scene.station.status).toBe("finishing");
    scene.swipe(CARD);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect([...scene.platform.sessions.values()]).toMatchObject([{ why: "stopped" }]);
  });

  test("in a wallet with another one begins and ends one session", () => {
    const scene = online();
    scene.plug();
    const tap = () => {
      for (let i = 0; i < 5; i++) {
        scene.swipe(CARD);
        scene.swipe(OTHER);
      }
    };
    tap();
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("charging");
    tap();
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("finishing");
  });

  test("does not end its session when card-ends is off", () => {
    const scene = online({ cardEnds: false });
    scene.plug();
    scene.swipe(CARD);
    scene.clock.advance(5000);
    scene.swipe(CARD);
    expect(scene.station.status).toBe("charging");
  });

  test("is logged with at most half of a short tag, and a noisy reader does not flood the log", () => {
    const scene = new Scene();
    scene.under.config = { cardReader: "lines" };
    scene.bringOnline();
    scene.plug();
    const read = (text: string) => {
      scene.device.cardReader.send(encodeUTF8(`${text}\r\n`));
      scene.clock.advance(100);
    };
    read("PIN7");
    scene.clock.advance(20_000);
    expect(scene.device.logLines.join("\n")).toContain("…N7");
    expect(scene.device.logLines.join("\n")).not.toContain("PIN7");
    scene.device.logLines.length = 0;
    for (let i = 0; i < 500; i++) read(`?${i}`);
    expect(scene.device.logLines.filter((line) => line.startsWith("rfid")).length).toBeLessThan(20);
  });

  test("is logged with at most its last four characters", () => {
    const scene = online();
    scene.plug();
    scene.swipe(CARD);
    scene.swipe(OTHER);
    scene.clock.advance(5000);
    expect(scene.device.logLines.join("\n")).toContain("…6CED");
    expect(scene.device.logLines.join("\n")).not.toMatch(/62E3086CED|0102030405/);
  });
});

describe("a card at a PN532", () => {
  const UID = "04A1B2C3D4E5F6";

  function withPN532(options: Record<string, unknown> = {}): Scene {
    const scene = new Scene({ provisioning: { wiring: PN532_WIRING } });
    scene.setOptions(options);
    for (const tag of [UID, "DEADBEEF", "0102030405060708090A", "08A1B2C3"])
      scene.platform.tags.set(tag, { authorized: true });
    scene.bringOnline();
    return scene;
  }

  test.each([UID, "DEADBEEF", "0102030405060708090A"])("with the UID %s starts and ends a session", (tag) => {
    const scene = withPN532();
    scene.plug();
    scene.swipe(tag);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.platform.requests).toMatchObject([{ endpoint: "authorize", data: { tag, method: "rfid" } }]);
    scene.clock.advance(MINUTE_MS);
    scene.swipe(tag);
    expect(scene.station.status).toBe("finishing");
  });

  test("with a random UID is refused, also when that number is known to the platform", () => {
    const scene = withPN532();
    scene.plug();
    scene.swipe("08A1B2C3");
    scene.clock.advance(10_000);
    expect(scene.station.status).toBe("plugged");
    expect(scene.platform.requests).toEqual([]);
    expect(scene.retained("access/last-result")).toBe("400: the card shows another number each time");
    expect(scene.device.logLines.join("\n")).not.toMatch(/B2C3/i);
  });

  test("with a random UID is not learned, and the owner is told why", () => {
    const scene = withPN532();
    scene.set("access/tag-learning", "true");
    scene.clock.advance(1000);
    scene.swipe("08A1B2C3");
    scene.clock.advance(5000);
    expect(scene.platform.requests).toEqual([]);
    expect(scene.retained("charger/last-error")).toContain(
      "the card was not learned: the card shows another number each time",
    );
    scene.swipe(UID);
    scene.clock.advance(2000);
    expect(scene.platform.requests).toMatchObject([{ endpoint: "create-tag", data: { tag: UID } }]);
  });

  test("is read after a reset of the reader, and phones charge while it is silent", () => {
    const scene = withPN532();
    const { pn532 } = scene.device;
    if (!pn532) throw new Error("the device has no PN532");
    pn532.responds = false;
    scene.clock.advance(3 * 60 * MINUTE_MS);
    const silences = () => scene.device.logLines.filter((line) => line.includes("card-reader-silent")).length;
    expect(silences()).toBe(1);
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.device.vehicle.unplug();
    pn532.responds = true;
    pn532.reset();
    scene.clock.advance(5000);
    scene.plug();
    scene.swipe(UID);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    pn532.responds = false;
    scene.clock.advance(MINUTE_MS);
    expect(silences()).toBe(2);
  });
});

describe("while the platform does not answer", () => {
  test.each([
    ["deny", 503],
    ["list", 200],
    ["list-and-cache", 200],
  ])("a tag on the local list gets, under the policy %s, code %d", (offlinePolicy, code) => {
    const scene = online({ offlinePolicy });
    scene.platform.list = { version: 3, tags: [hashOf("OTHER"), hashOf("LISTED-1")] };
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(5000);
    goOffline(scene);
    scene.plug();
    expect(codeOf(scene.present("LISTED-2"))).toBe(503);
    expect(codeOf(scene.present("LISTED-1"))).toBe(code);
    expect(scene.device.vehicle.isCharging || scene.station.status === "authorized").toBe(code === 200);
  });

  test("the advertisement has a flag for offline authorization", () => {
    const scene = online({ offlinePolicy: "list" });
    expect(scene.seen().authorizesOffline).toBe(false);
    scene.platform.list = { version: 1, tags: [hashOf("LISTED-1")] };
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(5000);
    expect(scene.seen().authorizesOffline).toBe(true);
  });

  test("a tag that is not on the list gets 408 after the platform's timeout", () => {
    const scene = online({ offlinePolicy: "list" });
    scene.platform.intercept = () => [];
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(408);
  });
});

describe("the answer cache", () => {
  function remembered(cacheFor: number): Scene {
    const scene = online({ offlinePolicy: "list-and-cache" });
    scene.platform.tags.set("GUEST-0001", { authorized: true, cacheFor, maxCurrent: 10 });
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
    scene.device.vehicle.unplug();
    scene.clock.advance(30_000);
    return scene;
  }

  test("authorizes a tag offline with the same current as before", () => {
    const scene = remembered(3600);
    goOffline(scene);
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.device.vehicle.dutyPermille).toBe(166);
    expect(scene.device.logLines.join("\n")).toContain("authorized by the cache");
  });

  test("expires after the time that the platform has set", () => {
    const scene = remembered(60);
    goOffline(scene);
    scene.clock.advance(60_000);
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(503);
  });

  test("keeps 64 cards, and drops a card that the platform authorizes without a cache time", () => {
    const scene = remembered(3600);
    const tag = (i: number) => `GUEST-9${String(i).padStart(3, "0")}`;
    for (let i = 0; i < 63; i++) scene.platform.tags.set(tag(i), { authorized: true, cacheFor: 36_000 });
    const codeFor = (name: string) => {
      scene.clock.advance(20_000);
      scene.plug();
      const code = codeOf(scene.present(name));
      scene.device.vehicle.unplug();
      return code;
    };
    for (let i = 0; i < 63; i++) expect(codeFor(tag(i))).toBe(200);
    scene.platform.tags.set(tag(5), { authorized: true });
    expect(codeFor(tag(5))).toBe(200);
    scene.platform.tags.set(tag(63), { authorized: true, cacheFor: 36_000 });
    scene.platform.tags.set(tag(64), { authorized: true, cacheFor: 36_000 });
    expect([codeFor(tag(63)), codeFor(tag(64))]).toEqual([200, 200]);
    goOffline(scene);
    expect([tag(0), tag(62), tag(63), tag(64)].map(codeFor)).toEqual([200, 200, 200, 200]);
    expect(["GUEST-0001", tag(5)].map(codeFor)).toEqual([503, 503]);
  });

  test.each(["500", "502"])("is not used after an invalid or failed response of the platform: %s", (code) => {
    const scene = remembered(3600);
    scene.platform.intercept = (_answer, request) =>
      code === "500"
        ? [scene.platform.respond(request, {}, "0", "500")]
        : [{ ...scene.platform.respond(request, { authorized: true }), data: "00" }];
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(Number(code));
  });

  test("drops a card that the platform blocks, which then overrides the local list", () => {
    const scene = remembered(3600);
    scene.platform.list = { version: 1, tags: [hashOf("GUEST-0001")] };
    scene.clock.advance(3_700_000);
    scene.platform.tags.set("GUEST-0001", { authorized: false, reason: "blocked" });
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(403);
    goOffline(scene);
    expect(codeOf(scene.present("GUEST-0001"))).toBe(503);
  });
});

describe("the local list", () => {
  const tags = (count: number, name = "CARD") =>
    Array.from({ length: count }, (_, i) => hashOf(`${name}-${i}`));

  function listed(list: { version: number; tags: string[] }): Scene {
    const scene = online({ offlinePolicy: "list" });
    scene.platform.list = list;
    return scene;
  }

  function isAuthorized(scene: Scene, tag: string): boolean {
    scene.clock.advance(20_000);
    scene.plug();
    const code = codeOf(scene.present(tag));
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    return code === 200;
  }

  test("of 500 tags is fetched page by page and kept after a power cut", () => {
    const scene = listed({ version: 9, tags: tags(500) });
    scene.clock.advance(3_600_000);
    expect(scene.device.logLines.join("\n")).toContain("local-list: version 9 with 500 tags");
    goOffline(scene);
    scene.under.powerCycle();
    scene.clock.advance(10_000);
    for (const name of ["CARD-0", "CARD-49", "CARD-50", "CARD-499"])
      expect(isAuthorized(scene, name)).toBe(true);
    expect(isAuthorized(scene, "CARD-500")).toBe(false);
  });

  test("is completely the old or the new one after a power cut at any write", () => {
    for (let count = 1; count <= 7; count++) {
      const scene = listed({ version: 1, tags: tags(110, "OLD") });
      scene.clock.advance(3_600_000);
      scene.platform.list = { version: 2, tags: tags(110, "NEW") };
      scene.device.flash.cutPowerAtWrite(count, count % 2 ? "before" : "after");
      scene.clock.advance(3_600_000);
      if (scene.device.isRunning) scene.device.cutPower();
      scene.broker.stop();
      scene.under.boot();
      scene.clock.advance(10_000);
      const [old, fresh] = [isAuthorized(scene, "OLD-105"), isAuthorized(scene, "NEW-105")];
      expect(old).not.toBe(fresh);
      expect(isAuthorized(scene, "OLD-5")).toBe(old);
      expect(isAuthorized(scene, "NEW-5")).toBe(fresh);
    }
  });

  test("does not authorize a card that the platform has rejected since, also after a restart, until it is accepted again", () => {
    const scene = listed({ version: 9, tags: tags(120) });
    scene.clock.advance(3_600_000);
    const answer = (authorized: boolean) => scene.platform.tags.set("CARD-77", { authorized, reason: "-" });
    const isAuthorizedOffline = (tag: string) => {
      goOffline(scene);
      const isIn = isAuthorized(scene, tag);
      scene.under.powerCycle();
      const isStillAuthorized = isAuthorized(scene, tag);
      expect(isStillAuthorized).toBe(isIn);
      scene.broker.start();
      scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
      return isIn;
    };
    expect(isAuthorizedOffline("CARD-77")).toBe(true);
    answer(false);
    expect(isAuthorized(scene, "CARD-77")).toBe(false);
    expect(isAuthorizedOffline("CARD-77")).toBe(false);
    expect(isAuthorizedOffline("CARD-76")).toBe(true);
    answer(true);
    expect(isAuthorized(scene, "CARD-77")).toBe(true);
    expect(isAuthorizedOffline("CARD-77")).toBe(true);
    // A new list overrides earlier rejections.
    answer(false);
    expect(isAuthorized(scene, "CARD-77")).toBe(false);
    scene.platform.list = { version: 10, tags: tags(120) };
    scene.clock.advance(3_700_000);
    scene.under.powerCycle();
    expect(isAuthorizedOffline("CARD-77")).toBe(true);
  });

  test("is fetched again when its record is damaged, although the version is unchanged", () => {
    const scene = listed({ version: 9, tags: tags(120) });
    scene.clock.advance(3_600_000);
    const key = scene.device.flash.get("plugpass", "list-a1") ? "list-a1" : "list-b1";
    scene.device.flash.set("plugpass", key, new Uint8Array(10));
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(10_000);
    goOffline(scene);
    expect(isAuthorized(scene, "CARD-77")).toBe(true);
    expect(isAuthorized(scene, "CARD-7")).toBe(true);
  });

  test("keeps its old version when it changes during the download or the download is damaged", () => {
    const scene = listed({ version: 1, tags: tags(60) });
    scene.clock.advance(3_600_000);
    scene.platform.list = { version: 2, tags: tags(120, "NEW") };
    scene.platform.intercept = (answer, { endpoint }) => {
      if (endpoint === "local-list") scene.platform.list = { ...scene.platform.list, version: 3 };
      return [answer];
    };
    scene.clock.advance(3_600_000);
    expect(scene.device.logLines.join("\n")).toContain("the list changed during the download");
    scene.platform.intercept = undefined;
    scene.platform.list = { version: 4, tags: ["no hash"] };
    scene.clock.advance(3_600_000);
    expect(scene.device.logLines.join("\n")).toContain("is not a list");
    goOffline(scene);
    expect(isAuthorized(scene, "CARD-59")).toBe(true);
  });

  test("is accepted from a platform that does not support pages", () => {
    const scene = online({ offlinePolicy: "list" });
    scene.platform.intercept = (answer, request) =>
      request.endpoint === "local-list"
        ? [scene.platform.respond(request, { version: 5, tags: tags(70) })]
        : [answer];
    scene.clock.advance(3_600_000);
    goOffline(scene);
    expect(isAuthorized(scene, "CARD-69")).toBe(true);
  });
});
