import { describe, expect, test } from "@jest/globals";
import { codeOf, Scene } from "../../virtual/scene.js";

const A_WHILE_MS = 1000;
const BROKEN_THERMOMETER = "thermometer-broken: the thermometer is broken; the current limit is 6 A";

function online(options: Record<string, unknown> = {}): Scene {
  const scene = new Scene();
  scene.setOptions(options);
  scene.bringOnline();
  return scene;
}

function charging(options: Record<string, unknown> = {}): Scene {
  const scene = online(options);
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(A_WHILE_MS);
  return scene;
}

function set(scene: Scene, path: string, value: string): void {
  const topic = [...scene.broker.retained.keys()].find((one) => one.endsWith("/$homie"));
  scene.broker.publish(`${topic?.replace("$homie", path)}/set`, value);
  scene.clock.advance(A_WHILE_MS);
}

describe("a welded contactor", () => {
  test("faults the station when it has to open; no current is offered and the plug stays locked", () => {
    const scene = charging();
    const { vehicle, lock } = scene.device;
    vehicle.breakContactor("welded");
    scene.station.stopCharging();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    // The guard has the pilot at -12 V.
    expect(vehicle.dutyPermille).toBe(0);
    expect(lock.isOn).toBe(true);
    scene.clock.advance(3000);
    expect(scene.retained("charger/last-error")).toBe("contactor-welded: the contactor does not open");
    // The next vehicle is rejected, too.
    vehicle.unplug();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    scene.plug();
    expect(codeOf(scene.present("GUEST-0001"))).toBe(409);
  });

  test("does not unlock the plug before it is detected", () => {
    const scene = charging();
    const { vehicle, lock } = scene.device;
    let wasUnlocked = false;
    lock.watch(() => {
      wasUnlocked ||= !lock.isOn;
    });
    vehicle.breakContactor("welded");
    scene.station.stopCharging();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    expect(wasUnlocked).toBe(false);
  });

  test("keeps the plug locked until and after a restart", () => {
    const scene = charging();
    const { vehicle, lock } = scene.device;
    vehicle.breakContactor("welded");
    scene.station.stopCharging();
    scene.clock.advance(A_WHILE_MS);
    scene.manage("/reboot");
    // The firmware does not control the pins while the chip starts.
    lock.watch(() => {
      expect(scene.device.isRunning && !lock.isOn).toBe(false);
    });
    scene.until("it has restarted", () => scene.under.ends.length === 1);
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    expect(lock.isOn).toBe(true);
  });

  test("is detected at boot", () => {
    const scene = new Scene();
    scene.device.vehicle.breakContactor("welded");
    scene.bringOnline();
    expect(scene.station.status).toBe("faulted");
  });

  test("makes the station available again after its repair and after the vehicle has left", () => {
    const scene = charging();
    const { vehicle, lock } = scene.device;
    vehicle.breakContactor("welded");
    scene.station.stopCharging();
    scene.clock.advance(A_WHILE_MS);
    vehicle.breakContactor(undefined);
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    expect(lock.isOn).toBe(false);
    vehicle.unplug();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("available");
  });

  test("makes the station available again when it is repaired after the vehicle has left", () => {
    const scene = charging();
    const { vehicle } = scene.device;
    vehicle.breakContactor("welded");
    vehicle.unplug();
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("faulted");
    vehicle.breakContactor(undefined);
    scene.clock.advance(A_WHILE_MS);
    expect(scene.station.status).toBe("available");
  });
});

test("a contactor that does not close ends the session as faulted, and the station is available after the vehicle has left", () => {
  const scene = online();
  const { vehicle } = scene.device;
  vehicle.breakContactor("stuck-open");
  scene.plug();
  scene.present("GUEST-0001");
  scene.clock.advance(A_WHILE_MS);
  expect(scene.station.status).toBe("faulted");
  expect(vehicle.dutyPermille).toBe(1000);
  vehicle.unplug();
  scene.clock.advance(A_WHILE_MS);
  expect(scene.station.status).toBe("available");
  expect([...scene.platform.sessions.values()]).toMatchObject([{ why: "faulted" }]);
});

test("the contactor's feedback timeout of 200 ms starts again with each command", () => {
  const scene = online();
  const { vehicle } = scene.device;
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("the contactor closes", () => vehicle.isContactorClosed);
  scene.clock.advance(120);
  // It opens 150 ms after the open command, which is 290 ms after the close command.
  vehicle.breakContactor("welded");
  vehicle.set("plugged");
  scene.clock.advance(170);
  vehicle.breakContactor(undefined);
  scene.clock.advance(A_WHILE_MS);
  expect(scene.station.status).toBe("suspended-by-vehicle");
});

test("contactor feedback that bounces for less than 200 ms is not a fault", () => {
  const scene = charging();
  const { vehicle } = scene.device;
  for (let i = 0; i < 10; i++) {
    vehicle.breakContactor(i % 2 === 0 ? "stuck-open" : undefined);
    scene.clock.advance(15);
  }
  scene.clock.advance(A_WHILE_MS);
  expect(scene.station.status).toBe("charging");
});

test("the plug is locked from the authorization until the contactor has opened", () => {
  const scene = online();
  const { vehicle, lock } = scene.device;
  /** Whether the lock was ever open while the contactor was closed. */
  let isOpenUnderCurrent = false;
  const look = () => {
    isOpenUnderCurrent ||= vehicle.isContactorClosed && !lock.isOn;
  };
  vehicle.watch(look);
  lock.watch(look);
  scene.plug();
  expect(lock.isOn).toBe(false);
  scene.present("GUEST-0001");
  scene.clock.advance(A_WHILE_MS);
  expect(lock.isOn).toBe(true);
  scene.station.stopCharging();
  scene.clock.advance(A_WHILE_MS);
  expect(lock.isOn).toBe(false);
  expect(isOpenUnderCurrent).toBe(false);
});

describe("the offered current", () => {
  test("follows the owner's limit during a session, and never exceeds the granted current", () => {
    const scene = online();
    scene.platform.tags.set("GUEST-0010", { authorized: true, maxCurrent: 10 });
    scene.plug();
    scene.present("GUEST-0010");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.device.vehicle.dutyPermille).toBe(166);
    set(scene, "charger/current-limit", "8");
    expect(scene.device.vehicle.dutyPermille).toBe(133);
    set(scene, "charger/current-limit", "16");
    expect(scene.device.vehicle.dutyPermille).toBe(166);
    expect(scene.device.vehicle.isCharging).toBe(true);
  });

  test("is reduced at a high temperature and paused above the limit; the session resumes after cooling down", () => {
    const scene = charging();
    const { device } = scene;
    expect(device.vehicle.dutyPermille).toBe(266);
    device.temperatureC = 70;
    scene.clock.advance(11_000);
    expect(device.vehicle.dutyPermille).toBe(183);
    expect(device.vehicle.isCharging).toBe(true);
    device.temperatureC = 80;
    scene.clock.advance(11_000);
    expect(device.vehicle.dutyPermille).toBe(1000);
    expect(device.vehicle.isContactorClosed).toBe(false);
    expect(scene.station.status).toBe("suspended-by-station");
    expect(scene.retained("charger/last-error")).toBe("overheated: charging is paused at 80 °C inside");
    expect(scene.retained("$telemetry/temperature")).toBe("80");
    device.temperatureC = 75;
    scene.clock.advance(11_000);
    expect(device.vehicle.isContactorClosed).toBe(false);
    device.temperatureC = 25;
    scene.clock.advance(11_000);
    expect(device.vehicle.isCharging).toBe(true);
    expect(device.vehicle.dutyPermille).toBe(266);
    device.vehicle.unplug();
    scene.clock.advance(5000);
    expect(scene.platform.sessions.size).toBe(1);
  });

  test("is not offered again to a vehicle whose diode fails during a thermal pause", () => {
    const scene = charging();
    const { device } = scene;
    device.temperatureC = 90;
    scene.clock.advance(11_000);
    device.vehicle.set("without-diode");
    let isClosed = false;
    device.vehicle.watch(() => {
      isClosed ||= device.vehicle.isContactorClosed;
    });
    device.temperatureC = 25;
    scene.clock.advance(11_000);
    expect(isClosed).toBe(false);
    expect(scene.station.status).toBe("faulted");
  });

  test("is not reduced on a board without a thermometer, and no temperature property is published", () => {
    const scene = new Scene({ wrapBoard: ({ temperatureC: _, ...board }) => board });
    scene.bringOnline();
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.device.vehicle.dutyPermille).toBe(266);
    expect(scene.retained("$telemetry")).not.toContain("temperature");
    expect(scene.retained("charger/last-error")).toBe("none");
  });

  describe("with a broken thermometer", () => {
    function thermometerLogLines(scene: Scene): string[] {
      return scene.device.logLines.filter((line) => line.includes("thermometer"));
    }

    test("is 6 A until the thermometer works again; the owner is notified once and the last temperature stays published", () => {
      const scene = charging();
      const { device } = scene;
      device.temperatureC = 41;
      scene.clock.advance(21_000);
      for (let i = 0; i < 3; i++) {
        device.temperatureC = undefined;
        scene.clock.advance(11_000);
        expect(device.vehicle.dutyPermille).toBe(100);
        expect(scene.retained("$telemetry/temperature")).toBe("40");
        expect(scene.retained("charger/last-error")).toBe(BROKEN_THERMOMETER);
        device.temperatureC = 41;
        scene.clock.advance(11_000);
        expect(device.vehicle.dutyPermille).toBe(266);
      }
      expect(device.vehicle.isCharging).toBe(true);
      expect(thermometerLogLines(scene)).toHaveLength(1);
      const notes = scene.broker.published.filter(({ topic }) => topic.endsWith("/notifications/create"));
      expect(notes).toHaveLength(1);
    });

    test("stays off during a thermal pause until a lower temperature is measured", () => {
      const scene = charging();
      const { device } = scene;
      device.temperatureC = 90;
      scene.clock.advance(11_000);
      device.temperatureC = undefined;
      scene.clock.advance(60 * 60_000);
      expect(device.vehicle.isContactorClosed).toBe(false);
      expect(scene.retained("$telemetry/temperature")).toBe("90");
      expect(thermometerLogLines(scene)).toHaveLength(1);
      device.temperatureC = 75;
      scene.clock.advance(11_000);
      expect(device.vehicle.isContactorClosed).toBe(false);
      device.temperatureC = 65;
      scene.clock.advance(11_000);
      expect(device.vehicle.isCharging).toBe(true);
    });

    test("is 6 A when the thermometer is broken at boot, and no temperature is published", () => {
      const scene = new Scene();
      scene.device.temperatureC = undefined;
      scene.bringOnline();
      scene.plug();
      scene.present("GUEST-0001");
      scene.until("current flows", () => scene.device.vehicle.isCharging);
      expect(scene.device.vehicle.dutyPermille).toBe(100);
      expect(scene.retained("$telemetry")).not.toContain("temperature");
      expect(scene.retained("charger/last-error")).toBe(BROKEN_THERMOMETER);
    });
  });
});

describe("free vend", () => {
  test("needs no card, waits for the vehicle without a limit, and reports the session", () => {
    const scene = online({ isFree: true });
    const { vehicle } = scene.device;
    scene.plug(undefined, { requestsEnergyWhenOffered: false });
    scene.clock.advance(10 * 60_000);
    expect(scene.station.status).toBe("authorized");
    vehicle.set("ready");
    scene.clock.advance(A_WHILE_MS);
    expect(vehicle.isCharging).toBe(true);
    vehicle.unplug();
    scene.clock.advance(5000);
    const [session] = [...scene.platform.sessions.values()];
    expect(session).toMatchObject({ method: "free", tag: "0".repeat(64), tagEnd: "-", why: "unplugged" });
    expect(Object.keys(session ?? {}).sort()).toEqual(
      "connector,end,endWh,id,method,seconds,start,startWh,tag,tagEnd,why".split(","),
    );
  });

  test("starts charging the plugged-in vehicle when the owner turns it on, and a stop ends the session", () => {
    const scene = online();
    scene.plug();
    expect(scene.device.vehicle.isCharging).toBe(false);
    set(scene, "$options/free", "true");
    expect(scene.device.vehicle.isCharging).toBe(true);
    set(scene, "charger/stop", "true");
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("finishing");
  });

  test("when turned off, requires a card for a vehicle that has not charged yet", () => {
    const scene = online({ isFree: true });
    scene.plug(undefined, { requestsEnergyWhenOffered: false });
    scene.clock.advance(1000);
    expect(scene.station.status).toBe("authorized");
    // Repeating this setting, or changing another one, does not withdraw the authorization.
    set(scene, "$options/free", "true");
    set(scene, "$options/resume", "true");
    expect(scene.station.status).toBe("authorized");
    set(scene, "$options/free", "false");
    scene.clock.advance(A_WHILE_MS);
    scene.device.vehicle.set("ready");
    scene.clock.advance(A_WHILE_MS);
    expect(scene.device.vehicle.isCharging).toBe(false);
  });

  test("is off by default", () => {
    const scene = online();
    scene.plug();
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("plugged");
  });
});

describe("the driver at the station", () => {
  /** Returns how many times the buzzer sounds within 3 s of the action. */
  function sounds(scene: Scene, happens: () => void): number {
    let count = 0;
    const unwatch = scene.device.buzzer.watch(() => {
      if (scene.device.buzzer.isOn) count++;
    });
    happens();
    scene.clock.advance(3000);
    unwatch();
    return count;
  }

  test("hears one beep for an accepted card, three for a rejected one and two at the end of a session", () => {
    const scene = online();
    scene.platform.tags.set("62E3086CED", { authorized: true });
    scene.plug();
    expect(sounds(scene, () => scene.swipe("0102030405"))).toBe(3);
    expect(sounds(scene, () => scene.swipe("62E3086CED"))).toBe(1);
    expect(scene.device.lamp.isOn).toBe(true);
    scene.clock.advance(15_000);
    expect(sounds(scene, () => scene.swipe("62E3086CED"))).toBe(2);
  });

  test("sees the status on the lamp: off when available, blinking when plugged", () => {
    const scene = online();
    expect(scene.device.lamp.isOn).toBe(false);
    scene.plug();
    let changes = 0;
    scene.device.lamp.watch(() => {
      changes++;
    });
    scene.clock.advance(10_000);
    expect(changes).toBe(10);
  });
});

test("access/last-result shows the latest card's result and which source decided it", () => {
  const scene = online({ offlinePolicy: "list-and-cache" });
  scene.platform.tags.set("GUEST-0001", { authorized: true, cacheFor: 3600 });
  scene.plug();
  scene.present("GUEST-0001");
  scene.clock.advance(11_000);
  expect(scene.retained("access/last-result")).toBe("200 …0001: authorized by the platform");
  scene.device.vehicle.unplug();
  scene.clock.advance(4000);
  scene.plug();
  scene.platform.intercept = () => [];
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  scene.clock.advance(11_000);
  expect(scene.retained("access/last-result")).toBe("200 …0001: authorized by the cache");
});
