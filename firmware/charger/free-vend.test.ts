import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import type { Board } from "../../modules/board/index.js";
import type { Grant, StationStatus } from "../../modules/charging/index.js";
import { FreeVend } from "./free-vend.js";

const MAX_CURRENT_A = 16;
const GRANT = { tag: "0".repeat(64), tagEnd: "-", currentA: MAX_CURRENT_A };
const FREE_GRANT: Grant = { ...GRANT, method: "free", isOpenEnded: true };

/** Free vend beside a charging machine that records its calls. */
class FreeVendScene {
  readonly clock = new VirtualClock();
  readonly settings = { now: { isFree: false } };
  readonly grants: Grant[] = [];
  stops = 0;
  status: StationStatus = "available";
  readonly freeVend: FreeVend;

  constructor() {
    const scene = this;
    this.freeVend = new FreeVend({
      board: { clock: this.clock } as unknown as Board,
      charging: {
        get status() {
          return scene.status;
        },
        stop: () => {
          this.stops++;
        },
        admit: () => {
          if (this.status !== "plugged") return undefined;
          return { authorize: (grant) => this.authorize(grant) };
        },
      },
      settings: this.settings,
      config: { currentLimitA: MAX_CURRENT_A },
    });
  }

  authorize(grant: Grant): boolean {
    this.grants.push(grant);
    this.status = "authorized";
    return true;
  }

  /** Changes the setting as the owner does. */
  set(isFree: boolean): void {
    this.settings.now = { isFree };
    this.freeVend.update();
  }

  plugIn(): void {
    this.status = "plugged";
    this.freeVend.update();
  }
}

describe("FreeVend", () => {
  test("authorizes a vehicle that plugs in, in the next turn and without an expiry", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.clock.advance(0);
    scene.plugIn();
    expect(scene.grants).toEqual([]);
    scene.clock.advance(0);
    expect(scene.grants).toEqual([FREE_GRANT]);
  });

  test("authorizes a vehicle that is plugged in when the owner turns free vend on", () => {
    const scene = new FreeVendScene();
    scene.plugIn();
    scene.set(true);
    scene.clock.advance(0);
    expect(scene.grants).toEqual([FREE_GRANT]);
  });

  test("authorizes no vehicle while it is off", () => {
    const scene = new FreeVendScene();
    scene.plugIn();
    scene.clock.advance(60_000);
    expect(scene.grants).toEqual([]);
  });

  test("authorizes no vehicle when it is turned off before the next turn", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.set(false);
    scene.clock.advance(0);
    expect(scene.grants).toEqual([]);
  });

  test("authorizes a vehicle once, however many changes come in one turn", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.set(true);
    expect(scene.clock.pending).toBe(1);
    scene.clock.advance(0);
    expect(scene.grants).toHaveLength(1);
  });

  test("revokes an authorization that is not used yet when it is turned off", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.clock.advance(0);
    scene.set(false);
    expect(scene.stops).toBe(1);
  });

  test("does not authorize a vehicle that the owner has stopped, also after a change of settings", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.clock.advance(0);
    scene.freeVend.handleStopped();
    scene.plugIn();
    scene.set(true);
    scene.clock.advance(0);
    expect(scene.grants).toHaveLength(1);
  });

  test.each<[string, (scene: FreeVendScene) => void]>([
    ["the next vehicle", (scene) => scene.freeVend.handleUnplugged()],
    ["a stopped vehicle when it is turned off and on", (scene) => scene.set(false)],
  ])("authorizes %s", (_name, happens) => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.freeVend.handleStopped();
    happens(scene);
    scene.plugIn();
    scene.set(true);
    scene.clock.advance(0);
    expect(scene.grants).toHaveLength(1);
  });

  test("does not stop a session under way when it is turned off", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.clock.advance(0);
    scene.status = "charging";
    scene.set(false);
    expect(scene.stops).toBe(0);
  });

  test("does not revoke the authorization of a card when it stays off", () => {
    const scene = new FreeVendScene();
    scene.status = "authorized";
    scene.set(false);
    expect(scene.stops).toBe(0);
  });

  test.each(["forgetOwner", "close"] as const)("`%s` cancels an authorization of the next turn", (method) => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.plugIn();
    scene.freeVend[method]();
    expect(scene.clock.pending).toBe(0);
    scene.clock.advance(60_000);
    expect(scene.grants).toEqual([]);
  });

  test("revokes no authorization of the next owner after `forgetOwner`", () => {
    const scene = new FreeVendScene();
    scene.set(true);
    scene.freeVend.forgetOwner();
    scene.status = "authorized";
    scene.set(false);
    expect(scene.stops).toBe(0);
  });
});

describe("FreeVend.startByOwner", () => {
  test("authorizes the plugged-in vehicle as `remote`, with the usual expiry", () => {
    const scene = new FreeVendScene();
    scene.plugIn();
    expect(scene.freeVend.startByOwner()).toBeUndefined();
    expect(scene.grants).toEqual([{ ...GRANT, method: "remote" }]);
  });

  test.each(["available", "authorized", "charging", "finishing", "faulted"] as const)(
    "returns why it cannot start while the station is %s",
    (status) => {
      const scene = new FreeVendScene();
      scene.status = status;
      expect(scene.freeVend.startByOwner()).toMatchObject({ code: "no-vehicle" });
      expect(scene.grants).toEqual([]);
    },
  );
});
