import { describe, expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { usernameOf } from "../../../platform-stub/registry.js";
import { codeOf, OWNER, Scene } from "../../virtual/scene.js";
import { FlashFaults } from "./flash-faults.js";

const NEXT = "next@owner.example";
const CARD = "62E3086CED";
/** Topics of a station's tree. */
const COUNT = 187;

function online(scene = new Scene()): Scene {
  scene.platform.accounts.set(NEXT, { user: usernameOf(NEXT), token: OWNER.token });
  scene.bringOnline();
  scene.until("ready", () => scene.retained("$state") === "ready");
  scene.clock.advance(1000);
  return scene;
}

function retainedBy(scene: Scene, email: string): string[] {
  return [...scene.broker.retained.keys()].filter((topic) => topic.startsWith(`${usernameOf(email)}/`));
}

function setAs(scene: Scene, email: string, path: string, payload: string): void {
  scene.broker.publish(`${usernameOf(email)}/sweet-home/${scene.under.deviceId}/${path}/set`, payload);
  scene.clock.advance(1000);
}

/** What is retained for an owner, all of it or one value. */
function retainedText(scene: Scene, email: string, path = ""): string {
  const isOwn = (topic: string) => topic.startsWith(`${usernameOf(email)}/`) && topic.endsWith(path);
  const own = [...scene.broker.retained].filter(([topic]) => isOwn(topic));
  return own.map(([, payload]) => decodeUTF8(payload)).join("\n");
}

function moved(scene: Scene): boolean {
  return retainedBy(scene, NEXT).some((topic) => topic.endsWith("/$heartbeat") || topic.endsWith("/$state"));
}

describe("a change of owner", () => {
  test("leaves nothing behind, and the new owner has the whole tree", () => {
    const scene = online();
    const count = retainedBy(scene, OWNER.email).length;
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    scene.until("it is the new owner's", () => retainedBy(scene, NEXT).length === count);
    scene.clock.advance(60_000);
    expect(retainedBy(scene, OWNER.email)).toEqual([]);
    expect(scene.station.lifeCycle).toBe("online");
    scene.under.powerCycle();
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
    expect(scene.platform.requests.at(-1)?.user).toBe(usernameOf(NEXT));
  });

  test("begins with a setting in the owner's tree", () => {
    const scene = online();
    const topic = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/access/owner/set`;
    scene.broker.publish(topic, NEXT);
    scene.until("it is the new owner's", () => moved(scene));
  });

  test.each<[string, (scene: Scene) => void]>([
    ["nobody there expects the station", (scene) => scene.platform.accounts.clear()],
    [
      "the account is no good",
      (scene) => scene.platform.accounts.set(NEXT, { user: usernameOf(NEXT), token: "wrong" }),
    ],
    [
      "the broker is not there",
      (scene) => scene.platform.accounts.set(NEXT, { user: "next", token: "x", host: "10.9.9.9" }),
    ],
    ["the answer is none", (scene) => scene.platform.accounts.set(NEXT, { user: "+/#", token: "x" })],
    ["nobody answers", (scene) => (scene.platform.intercept = () => [])],
  ])("does not happen when %s: the owner before has the station, and is told", (_name, spoil) => {
    const scene = online();
    const count = retainedBy(scene, OWNER.email).length;
    spoil(scene);
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    scene.until(
      "it is said",
      () => scene.retained("charger/last-error")?.includes("has not changed") ?? false,
      120_000,
    );
    scene.until("whole", () => retainedBy(scene, OWNER.email).length === count);
    scene.until("online", () => scene.station.lifeCycle === "online");
    expect(retainedBy(scene, NEXT)).toEqual([]);
  });

  test("does not begin while a session is under way, or offline, or twice", () => {
    const scene = online();
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.clock.advance(100);
    expect(scene.station.commands.transferTo(NEXT)).toContain("a session is under way");
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    scene.plug(scene.under, { drawsWhenOffered: false });
    scene.present("GUEST-0001");
    expect(scene.station.status).toBe("authorized");
    expect(scene.station.commands.transferTo(NEXT)).toContain("a session is under way");
    expect(scene.station.commands.transferTo("nobody")).toContain("e-mail");
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    expect(scene.station.commands.transferTo(NEXT)).toContain("under way");
  });

  test("does not happen when somebody is let in while the platform thinks about it", () => {
    const scene = online();
    let late: [topic: string, payload: string] | undefined;
    scene.platform.intercept = (answer, { endpoint, user, deviceId }) => {
      if (endpoint !== "change-owner") return [answer];
      late = [`${user}/res/${deviceId}/${endpoint}`, JSON.stringify(answer)];
      return [];
    };
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    charge(scene);
    if (!late) throw new Error("the platform was not asked");
    scene.broker.publish(...late);
    scene.clock.advance(60_000);
    expect(scene.device.vehicle.isCharging).toBe(true);
    expect(moved(scene)).toBe(false);
    expect(scene.retained("charger/last-error")).toContain("a session is under way");
  });

  test("does not happen when the connection breaks while the tree is taken back; it is whole again", () => {
    const scene = online();
    const count = retainedBy(scene, OWNER.email).length;
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    scene.until("half is gone", () => retainedBy(scene, OWNER.email).length < count / 2);
    scene.broker.stop();
    scene.broker.start();
    scene.clock.advance(600_000);
    expect(retainedBy(scene, OWNER.email)).toHaveLength(count);
    expect(retainedBy(scene, NEXT)).toEqual([]);
    expect(scene.station.commands.transferTo(NEXT)).toBeUndefined();
    untilNext(scene);
    expect(retainedBy(scene, OWNER.email)).toEqual([]);
  });

  test("is undone or done, and nothing between, whenever the power goes", () => {
    for (let ms = 0; ms < 6000; ms += 400) {
      const scene = online();
      scene.station.commands.transferTo(NEXT);
      scene.clock.advance(ms);
      scene.under.powerCycle();
      scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
      scene.clock.advance(10_000);
      const users = [OWNER.email, NEXT].filter((email) =>
        scene.broker.retained.get(`${usernameOf(email)}/sweet-home/${scene.under.deviceId}/$name`),
      );
      expect(users).toHaveLength(1);
    }
  });
});

/** By pairing, as with another account at the station. */
function pairNext(scene: Scene): void {
  scene.station.enterPairingMode();
  scene.clock.advance(100);
  scene.pair({ wsp: NEXT });
}

function untilNext(scene: Scene): void {
  scene.until("it is the new owner's", () => moved(scene) && scene.station.lifeCycle === "online", 200_000);
  scene.clock.advance(20_000);
}

/** Its list has one card. */
function listed(made?: Scene): Scene {
  const scene = online(made);
  scene.set("access/offline-policy", "list");
  scene.platform.list = { version: 1, tags: [usernameOf("LISTED-1")] };
  scene.clock.advance(3_700_000);
  expect(scene.retained("access/tags")).toBe("1");
  return scene;
}

function charge(scene: Scene): void {
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.device.meter.pulse(100);
  scene.clock.advance(1000);
}

/** Presents GUEST-0001 while the platform cannot be asked. */
function codeWithoutBroker(scene: Scene): number | undefined {
  scene.broker.stop();
  scene.clock.advance(5000);
  scene.plug();
  return codeOf(scene.present("GUEST-0001"));
}

describe.each<[string, (scene: Scene) => void]>([
  ["a change of owner", (scene) => expect(scene.station.commands.transferTo(NEXT)).toBeUndefined()],
  ["pairing with another account", pairNext],
])("after %s", (_name, move) => {
  test("nothing of the owner before is left at the broker", () => {
    const scene = online();
    move(scene);
    untilNext(scene);
    expect(retainedBy(scene, OWNER.email)).toEqual([]);
  });

  test("nobody on the list before is let in, whatever the new owner's policy", () => {
    const scene = listed();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "local-list" ? [] : [answer]);
    move(scene);
    untilNext(scene);
    expect(scene.station.status).toBe("available");
    setAs(scene, NEXT, "access/offline-policy", "list-and-cache");
    scene.clock.advance(2000);
    scene.broker.stop();
    scene.clock.advance(5000);
    scene.plug();
    expect(codeOf(scene.present("LISTED-1"))).toBe(503);
  });

  test("a tag in the previous owner's answer cache is not authorized offline", () => {
    const scene = online();
    scene.platform.tags.set("GUEST-0001", { authorized: true, cacheFor: 36_000 });
    scene.set("access/offline-policy", "list-and-cache");
    scene.clock.advance(2000);
    charge(scene);
    scene.device.vehicle.unplug();
    scene.clock.advance(20_000);
    expect(codeWithoutBroker(scene)).toBe(200);
    scene.device.vehicle.unplug();
    scene.broker.start();
    scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(20_000);
    move(scene);
    untilNext(scene);
    setAs(scene, NEXT, "access/offline-policy", "list-and-cache");
    scene.clock.advance(2000);
    expect(codeWithoutBroker(scene)).toBe(503);
    expect(scene.under.ends).toEqual([]);
  });

  test("the latest card and error of the one before are nobody's, and nobody charges for nothing", () => {
    const scene = online();
    scene.platform.tags.set("BLOCKED-4321", { authorized: false, reason: "blocked" });
    scene.plug();
    for (let i = 0; i < 3; i++) {
      scene.present("BLOCKED-4321");
      scene.clock.advance(61_000);
    }
    scene.device.vehicle.unplug();
    scene.set("$options/free", "true");
    scene.clock.advance(15_000);
    expect(scene.retained("charger/last-error")).toContain("4321");
    expect(scene.retained("access/last-result")).toContain("4321");
    move(scene);
    untilNext(scene);
    expect(retainedText(scene, NEXT)).not.toContain("4321");
    scene.plug();
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("plugged");
  });

  test("it is so, too, when the power goes at any write on the way", () => {
    for (let count = 1; count <= 8; count++) {
      const scene = listed();
      move(scene);
      scene.device.flash.cutPowerAtWrite(count, count % 2 === 0 ? "before" : "after");
      scene.clock.advance(60_000);
      if (scene.device.isRunning) break;
      // The new owner's list happens to have the same number.
      scene.platform.list = { version: 1, tags: [usernameOf("NEXT-1")] };
      scene.under.boot();
      scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
      scene.clock.advance(10_000);
      const isNext = moved(scene);
      if (isNext) setAs(scene, NEXT, "access/offline-policy", "list");
      scene.clock.advance(3_700_000);
      scene.broker.stop();
      scene.clock.advance(5000);
      scene.plug();
      expect([isNext, codeOf(scene.present("LISTED-1"))]).toEqual([isNext, isNext ? 503 : expect.anything()]);
      expect(codeOf(scene.present("NEXT-1"))).toBe(isNext ? 200 : 409);
    }
  });
});

describe("sessions of the owner before", () => {
  const told = (scene: Scene) =>
    scene.platform.requests.filter(
      ({ endpoint, user }) => endpoint === "session" && user === usernameOf(NEXT),
    );

  test("that wait are given up, counted, and not told to another account", () => {
    const scene = online();
    scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
    charge(scene);
    scene.device.vehicle.unplug();
    scene.clock.advance(20_000);
    pairNext(scene);
    scene.platform.intercept = undefined;
    untilNext(scene);
    scene.clock.advance(120_000);
    expect(told(scene)).toEqual([]);
    expect(retainedText(scene, NEXT, "$telemetry/given-up")).toBe("1");
    charge(scene);
    scene.device.vehicle.unplug();
    scene.clock.advance(20_000);
    expect(told(scene)).toHaveLength(1);
  });

  test("that is under way ends", () => {
    const scene = online();
    charge(scene);
    pairNext(scene);
    untilNext(scene);
    expect(scene.device.vehicle.isCharging).toBe(false);
    expect(told(scene)).toEqual([]);
  });

  test("that ends after a factory reset is gone with the rest", () => {
    const scene = online();
    charge(scene);
    scene.station.resetToProvisioned();
    scene.clock.advance(60_000);
    expect(scene.device.vehicle.isCharging).toBe(true);
    scene.device.vehicle.unplug();
    scene.clock.advance(10_000);
    scene.pair({ wsp: NEXT });
    untilNext(scene);
    scene.clock.advance(120_000);
    expect(told(scene)).toEqual([]);
  });
});

describe("nobody charges for nothing at the next owner's", () => {
  /** Not as the tree says, and not as the station does. */
  function expectNotFree(scene: Scene): void {
    expect(retainedText(scene, NEXT, "$options/free")).toBe("false");
    scene.device.vehicle.unplug();
    scene.clock.advance(2000);
    scene.plug();
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("plugged");
  }

  test("where a vehicle was let in and has not drawn yet", () => {
    const scene = online();
    scene.set("$options/free", "true");
    scene.clock.advance(2000);
    scene.plug(scene.under, { drawsWhenOffered: false });
    scene.clock.advance(1000);
    expect(scene.station.status).toBe("authorized");
    pairNext(scene);
    untilNext(scene);
    expect(scene.station.status).toBe("plugged");
    expectNotFree(scene);
  });

  test.each(["options", "local-list", "session", "owner"])("when the record %s cannot be written", (key) => {
    const flash = new FlashFaults();
    const scene = listed(new Scene({ wrapBoard: flash.wrapBoard }));
    scene.set("$options/free", "true");
    scene.set("access/tag-learning", "true");
    scene.clock.advance(2000);
    flash.fails = (action, one) => action === "write" && one === key;
    pairNext(scene);
    untilNext(scene);
    expect(retainedText(scene, NEXT, "access/tag-learning")).toBe("false");
    expect(retainedText(scene, NEXT, "access/tags")).toBe("0");
    expectNotFree(scene);
    flash.fails = () => false;
    scene.under.powerCycle();
    scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(10_000);
    expectNotFree(scene);
  });

  test("when they pair while a session outlasts a factory reset: it ends, is not theirs, and the pairing stays", () => {
    const scene = online();
    scene.set("$options/free", "true");
    scene.clock.advance(2000);
    scene.plug();
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.station.resetToProvisioned();
    scene.clock.advance(2000);
    scene.pair({ wsp: NEXT });
    untilNext(scene);
    expect(scene.device.vehicle.isCharging).toBe(false);
    expectNotFree(scene);
    scene.clock.advance(60_000);
    expect(scene.platform.requests.filter(({ endpoint }) => endpoint === "session")).toEqual([]);
    expect([scene.station.lifeCycle, scene.under.ends]).toEqual(["online", []]);
  });
});

test("a change of owner that pairing has put an end to does not happen, at whatever moment", () => {
  const start = () => {
    const scene = online();
    scene.station.enterPairingMode();
    scene.clock.advance(100);
    scene.station.commands.transferTo(NEXT);
    return scene;
  };
  const first = start();
  let greetedMs = 0;
  for (; retainedBy(first, NEXT).length === 0; greetedMs++) first.clock.advance(1);
  const seen = new Set<string>();
  for (let ms = greetedMs - 512; ms < greetedMs - 494; ms++) {
    const scene = start();
    scene.clock.advance(ms);
    scene.pair({ wsp: "third@owner.example", token: "wrong" });
    scene.clock.advance(200_000);
    expect(scene.status()).toMatchObject({ state: "online" });
    const [before, next] = [OWNER.email, NEXT].map((email) => retainedBy(scene, email).length);
    seen.add(`${before} for the owner before, ${next} for the next`);
  }
  // Not begun; given up when it had greeted under the new account, which keeps that word; done.
  expect([...seen]).toEqual(
    [
      [COUNT, 0],
      [COUNT, 1],
      [0, COUNT],
    ].map(([before, next]) => `${before} for the owner before, ${next} for the next`),
  );
});

test("nothing is said any more under an owner whose tree is taken back, whatever they still set", () => {
  for (let ms = 900; ms <= 1110; ms += 3) {
    const scene = online();
    scene.station.commands.transferTo(NEXT);
    const count = retainedBy(scene, OWNER.email).length;
    while (retainedBy(scene, OWNER.email).length === count) scene.clock.advance(1);
    scene.clock.advance(ms);
    scene.set("$options/card-ends", "false");
    scene.clock.advance(60_000);
    expect([ms, retainedBy(scene, OWNER.email)]).toEqual([ms, []]);
  }
});

test("a station that is closed while its tree is taken back says goodbye, and that is all", () => {
  const scene = online();
  scene.station.commands.transferTo(NEXT);
  const count = retainedBy(scene, OWNER.email).length;
  while (retainedBy(scene, OWNER.email).length > count - 20) scene.clock.advance(1);
  scene.station.close();
  scene.clock.advance(2000);
  expect(scene.retained("$state")).toBe("disconnected");
});

test("a factory reset erases what can be erased, also where the flash fails", () => {
  const flash = new FlashFaults();
  const scene = new Scene({ wrapBoard: flash.wrapBoard });
  scene.bringOnline();
  flash.fails = (action, key) => action === "delete" && key === "options";
  scene.set("$options/free", "true");
  scene.clock.advance(2000);
  scene.station.resetToProvisioned();
  scene.clock.advance(10_000);
  expect(scene.under.ends).toMatchObject([{ type: "restart", reason: "factory reset" }]);
  expect(scene.status()).toMatchObject({ state: "unpaired" });
});

describe("tag learning", () => {
  function setLearning(scene: Scene, isOn: boolean): void {
    const root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}`;
    scene.broker.publish(`${root}/access/tag-learning/set`, String(isOn));
    scene.clock.advance(2000);
  }

  test("makes a tag of each card that is swiped, and lets none of them charge meanwhile", () => {
    const scene = online();
    scene.plug();
    setLearning(scene, true);
    scene.swipe(CARD);
    scene.swipe("0102030405");
    scene.clock.advance(1000);
    expect(scene.platform.requests.map(({ endpoint, data }) => [endpoint, data.tag])).toEqual([
      ["create-tag", CARD],
      ["create-tag", "0102030405"],
    ]);
    expect(scene.station.status).toBe("plugged");
    setLearning(scene, false);
    scene.clock.advance(3000);
    scene.swipe(CARD);
    scene.until("it charges", () => scene.device.vehicle.isCharging);
  });

  test("asks for 30 cards a minute at most, and not for what is no card", () => {
    const scene = online();
    setLearning(scene, true);
    for (let i = 0; i < 60; i++) {
      scene.swipe((0x62e3000000 + i).toString(16).toUpperCase().padStart(10, "0"));
      scene.clock.advance(500);
    }
    expect(scene.platform.requests.filter(({ endpoint }) => endpoint === "create-tag").length).toBe(30);
  });

  test("turns itself off after 5 minutes", () => {
    const scene = online();
    setLearning(scene, true);
    expect(scene.retained("access/tag-learning")).toBe("true");
    scene.clock.advance(299_000);
    scene.clock.advance(2000);
    expect(scene.retained("access/tag-learning")).toBe("false");
    scene.swipe(CARD);
    expect(scene.platform.requests).toEqual([]);
  });

  test("says when a card was not learned", () => {
    const scene = online();
    setLearning(scene, true);
    scene.platform.intercept = (_answer, request) => [scene.platform.respond(request, {}, "0", "409")];
    scene.swipe(CARD);
    scene.clock.advance(2000);
    expect(scene.retained("charger/last-error")).toContain("…6CED was not learned: refused");
  });
});
