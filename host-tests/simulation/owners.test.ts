import { describe, expect, test } from "@jest/globals";
import { usernameOf } from "../../platform-stub/registry.js";
import { codeOf, OWNER, Scene } from "./scene.js";

const NEXT = "next@owner.example";
const CARD = "62E3086CED";

function online(): Scene {
  const scene = new Scene();
  scene.platform.accounts.set(NEXT, { user: usernameOf(NEXT), token: OWNER.token });
  scene.bringOnline();
  scene.until("ready", () => scene.retained("$state") === "ready");
  scene.clock.advance(1000);
  return scene;
}

function retainedBy(scene: Scene, email: string): string[] {
  return [...scene.broker.retained.keys()].filter((topic) => topic.startsWith(`${usernameOf(email)}/`));
}

function moved(scene: Scene): boolean {
  return retainedBy(scene, NEXT).some((topic) => topic.endsWith("/$heartbeat") || topic.endsWith("/$state"));
}

describe("a change of owner", () => {
  test("leaves nothing behind, and the new owner has the whole tree", () => {
    const scene = online();
    const count = retainedBy(scene, OWNER.email).length;
    expect(scene.station.changeOwner(NEXT)).toBeUndefined();
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
    ["the platform knows no such user", (scene) => scene.platform.accounts.clear()],
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
    expect(scene.station.changeOwner(NEXT)).toBeUndefined();
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
    expect(scene.station.changeOwner(NEXT)).toContain("a session is under way");
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(scene.station.changeOwner(NEXT)).toBeUndefined();
    expect(scene.station.changeOwner(NEXT)).toContain("under way");
  });

  test("is undone or done, and nothing between, whenever the power goes", () => {
    for (let ms = 0; ms < 6000; ms += 400) {
      const scene = online();
      scene.station.changeOwner(NEXT);
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
