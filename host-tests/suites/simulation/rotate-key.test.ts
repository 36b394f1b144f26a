/** The platform replaces the response key of a station, which has power cuts meanwhile. */

import { describe, expect, test } from "@jest/globals";
import { codeOf, OWNER, Scene } from "../../virtual/scene.js";

const OFFERED = "5a".repeat(32);

function online(provisioning: Record<string, unknown> = { keyInRequest: false }): Scene {
  const scene = new Scene({ provisioning });
  scene.bringOnline();
  return scene;
}

/** Offers a new key and asks the station to rotate. */
function demand(scene: Scene): void {
  if (!isReplaced(scene)) scene.platform.offeredKeys.set(scene.under.deviceId, OFFERED);
  scene.set("$telemetry/rotate-key", "true");
}

function isReplaced(scene: Scene): boolean {
  return scene.platform.keys.get(scene.under.deviceId) === OFFERED;
}

function steps(scene: Scene): unknown[] {
  return scene.platform.requests
    .filter(({ endpoint }) => endpoint === "rotate-key")
    .map(({ data }) => data.step);
}

/** Whether a card is authorized, which needs a key that the platform and the station share. */
function authorizes(scene: Scene): boolean {
  scene.plug();
  return codeOf(scene.present("GUEST-0001")) === 200;
}

describe("the key rotation", () => {
  test("replaces the key, also for the time after a restart", () => {
    const scene = online();
    demand(scene);
    scene.until("the key is replaced", () => isReplaced(scene));
    expect(steps(scene)).toEqual(["get", "try", "done"]);
    expect(scene.platform.requests.at(-1)?.key).toBe(OFFERED);
    scene.under.powerCycle();
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    expect(authorizes(scene)).toBe(true);
  });

  test("outlasts a factory reset", () => {
    const scene = online();
    demand(scene);
    scene.until("the key is replaced", () => isReplaced(scene));
    scene.manage("/resetdefault");
    scene.until("it has started again", () => scene.under.ends.length === 1);
    scene.clock.advance(1000);
    scene.pair();
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    expect(authorizes(scene)).toBe(true);
  });

  test("works with the key in requests", () => {
    const scene = online({});
    demand(scene);
    scene.until("the key is replaced", () => isReplaced(scene));
    expect(authorizes(scene)).toBe(true);
  });

  test("has no effect while another one is under way", () => {
    const scene = online();
    scene.platform.intercept = () => [];
    demand(scene);
    demand(scene);
    scene.clock.advance(5000);
    expect(steps(scene)).toEqual(["get"]);
  });

  test("is not for CBC, which does not authenticate the offered key", () => {
    const scene = new Scene({ cipher: "aes-256-cbc", provisioning: { keyInRequest: false } });
    scene.bringOnline();
    demand(scene);
    scene.clock.advance(5000);
    expect(steps(scene)).toEqual([]);
  });

  test.each(["get", "try", "done"])("keeps a working key when the answer to %s is lost", (lost) => {
    const scene = online();
    scene.platform.intercept = (response, { data }) => (data.step === lost ? [] : [response]);
    demand(scene);
    scene.clock.advance(30_000);
    expect(authorizes(scene)).toBe(true);
    expect(isReplaced(scene)).toBe(lost === "done");
  });

  test("keeps a working key when an answer is forged", () => {
    const scene = online();
    scene.platform.intercept = (response, { data }) =>
      data.step === "try" ? [{ ...response, data: "AAAA" }] : [response];
    demand(scene);
    scene.clock.advance(30_000);
    expect(authorizes(scene)).toBe(true);
    expect(isReplaced(scene)).toBe(false);
  });

  test.each(["before", "after"] as const)("keeps a working key at a power cut %s each write", (comes) => {
    const cuts: string[] = [];
    for (let write = 1; write < 4; write++) {
      const scene = online();
      scene.device.flash.onCut = (key) => cuts.push(key);
      scene.device.flash.cutPowerAtWrite(write, comes);
      demand(scene);
      scene.clock.advance(30_000);
      if (!scene.device.isRunning) scene.under.powerCycle();
      scene.device.flash.cutPowerAtWrite(undefined, comes);
      scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
      expect(authorizes(scene)).toBe(true);
      scene.device.vehicle.unplug();
      scene.clock.advance(10_000);
      demand(scene);
      scene.until("the key is replaced", () => isReplaced(scene));
      expect(authorizes(scene)).toBe(true);
    }
    expect(cuts).toContain("key");
  });

  test("keeps a working key at a power cut at any time", () => {
    for (let afterMs = 0; afterMs < 300; afterMs += 10) {
      const scene = online();
      demand(scene);
      scene.clock.advance(afterMs);
      scene.under.powerCycle();
      scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
      expect(authorizes(scene)).toBe(true);
    }
  });
});

test("a station with keyInRequest false sends the key's id in place of the key", () => {
  const scene = online();
  expect(authorizes(scene)).toBe(true);
  const sent = scene.broker.published
    .filter(({ topic }) => topic.includes("/req/"))
    .map(({ payload }) => new TextDecoder().decode(payload));
  expect(sent.length).toBeGreaterThan(0);
  const key = scene.platform.keys.get(scene.under.deviceId) ?? "-";
  for (const text of sent) {
    expect(text).not.toContain(key);
    expect(JSON.parse(text).keyId).toMatch(/^[0-9a-f]{16}$/);
  }
});

test("a station with an account of its own uses it at the broker, on the topics of its owner", () => {
  const scene = online({ mqtt: { username: "cafe-1", password: OWNER.token } });
  expect(scene.latestUsername).toBe("cafe-1");
  expect(scene.retained("$state")).toBe("ready");
});
