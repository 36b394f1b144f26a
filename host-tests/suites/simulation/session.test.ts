import { describe, expect, test } from "@jest/globals";
import { codeOf, Scene } from "../../virtual/scene.js";

describe("a charging session", () => {
  test("is started by a tag and ended by unplugging, on a station that was unpaired", () => {
    const scene = new Scene();
    scene.under.boot();
    scene.clock.advance(500);
    expect(scene.seen()).toMatchObject({ pairing: true, platformReachable: false, status: "available" });
    expect(scene.world.wifi.accessPoints).toMatchObject([{ ssid: "PlugPass AP" }]);

    expect(scene.pair()).toMatchObject({ status: 200, body: "OK" });
    expect(scene.device.isConfirmed).toBe(false);
    scene.until("online", () => scene.retained("$state") === "ready");
    expect(scene.device.isConfirmed).toBe(true);
    scene.clock.advance(1000);
    expect(scene.seen()).toMatchObject({ pairing: false, platformReachable: true, acceptsTags: false });

    scene.plug();
    scene.until("plugged", () => scene.retained("charger/status") === "plugged");
    expect(scene.seen()).toMatchObject({ acceptsTags: true, status: "plugged" });

    const presented = scene.present("GUEST-0001");
    expect(presented.pending).toMatchObject([{ code: 202, attempt: 1 }]);
    expect(codeOf(presented)).toBe(200);
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.until("charging", () => scene.retained("charger/status") === "charging");
    scene.clock.advance(1000);
    expect(scene.seen()).toMatchObject({ acceptsTags: false, status: "charging" });

    scene.device.vehicle.unplug();
    scene.until("the contactor is open", () => !scene.device.vehicle.isContactorClosed);
    scene.until("available", () => scene.retained("charger/status") === "available");
    expect(scene.under.ends).toEqual([]);
  });
});
