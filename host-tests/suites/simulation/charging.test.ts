import { describe, expect, test } from "@jest/globals";
import { codeOf, Scene } from "../../virtual/scene.js";

function charging(): Scene {
  const scene = new Scene();
  scene.bringOnline();
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  return scene;
}

/** Time from leaving state C or D to the open contactor, ms (IEC 61851-1 table A.6). */
const OPENING_MS = 100;
/** Time from state C to current, ms (IEC 61851-1 table A.6). */
const CLOSING_MS = 3000;

describe("the contactor opens within 100 ms", () => {
  test.each<[string, (scene: Scene) => void]>([
    ["the vehicle is unplugged", (scene) => scene.device.vehicle.unplug()],
    ["the vehicle pauses", (scene) => scene.device.vehicle.set("plugged")],
    ["the pilot is shorted", (scene) => scene.device.vehicle.set("shorted")],
    ["the vehicle's diode fails", (scene) => scene.device.vehicle.set("without-diode")],
    ["the vehicle obeys a stop", (scene) => scene.station.stopCharging()],
    ["the station is closed", (scene) => scene.station.close()],
    ["the power goes", (scene) => scene.device.cutPower()],
  ])("when %s", (_name, happens) => {
    const scene = charging();
    happens(scene);
    scene.clock.advance(OPENING_MS);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
  });

  test("when an exception escapes the firmware, and the restarted firmware does not close it", () => {
    const scene = charging();
    scene.device.interrupt(() => {
      throw new Error("a bug");
    });
    scene.clock.advance(OPENING_MS);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    expect(scene.under.ends).toMatchObject([{ type: "crash" }]);
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(60_000);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
    expect(scene.station.status).toBe("plugged");
  });

  test.each<[string, "unplugged" | "ready"]>([
    ["never in state C", "unplugged"],
    ["with moments in state C", "ready"],
  ])("when the pilot bounces, %s", (_name, between) => {
    const scene = charging();
    const { vehicle } = scene.device;
    for (let i = 0; i < 7; i++) {
      vehicle.set(i % 2 === 0 ? "shorted" : between);
      scene.clock.advance(15);
    }
    expect(vehicle.isContactorClosed).toBe(false);
    // The vehicle was never away for longer than the debounce time, so the session continues.
    vehicle.set("ready");
    scene.clock.advance(CLOSING_MS);
    expect(vehicle.isContactorClosed).toBe(true);
  });
});

describe("the contactor stays open", () => {
  /** Runs `happens` and returns whether the contactor was closed at any moment within the next 5 s. */
  function closes(scene: Scene, happens: () => void): boolean {
    let isClosed = false;
    const unwatch = scene.device.vehicle.watch(() => {
      isClosed ||= scene.device.vehicle.isContactorClosed;
    });
    happens();
    scene.clock.advance(5000);
    unwatch();
    return isClosed;
  }

  test("for a vehicle without a diode that was ready before the authorization", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug();
    scene.device.vehicle.set("without-diode");
    scene.clock.advance(100);
    expect(closes(scene, () => scene.present("GUEST-0001"))).toBe(false);
    expect(scene.station.status).toBe("faulted");
  });

  test("for a vehicle that leaves while the authorization arrives", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug();
    scene.device.vehicle.set("ready");
    scene.clock.advance(100);
    const presented = scene.startPresenting("GUEST-0001");
    scene.until("it is authorized", () => scene.station.status === "authorized" || !!presented.outcome);
    expect(closes(scene, () => scene.device.vehicle.unplug())).toBe(false);
  });
});

describe("an authorization", () => {
  /** Presents a tag and holds back the platform's response until `release` is called. */
  function presenting(): { scene: Scene; release: () => void; code: () => number } {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug();
    let held: (() => void) | undefined;
    scene.platform.intercept = (answer, { user, deviceId, endpoint }) => {
      held = () => scene.broker.publish(`${user}/res/${deviceId}/${endpoint}`, JSON.stringify(answer));
      return [];
    };
    const presentation = scene.startPresenting("GUEST-0001");
    scene.until("the platform has answered", () => held !== undefined);
    return {
      scene,
      release: () => {
        held?.();
        scene.until("there is a result", () => presentation.outcome !== undefined);
      },
      code: () => codeOf(presentation),
    };
  }

  test("does not apply to another vehicle that was plugged in meanwhile", () => {
    const { scene, release, code } = presenting();
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    scene.plug();
    release();
    scene.clock.advance(1000);
    expect(code()).toBe(409);
    expect(scene.device.vehicle.isCharging).toBe(false);
    expect(scene.station.status).toBe("plugged");
  });

  test("is withdrawn by a stop before the response arrives", () => {
    const { scene, release, code } = presenting();
    scene.station.stopCharging();
    release();
    scene.clock.advance(1000);
    expect(code()).toBe(409);
    expect(scene.device.vehicle.isCharging).toBe(false);
  });
});

describe("a vehicle that alternates between B and C", () => {
  function flap(scene: Scene, durationMs: number, periodMs: number): void {
    for (let ms = 0; ms < durationMs; ms += 2 * periodMs) {
      scene.device.vehicle.set("plugged");
      scene.clock.advance(periodMs);
      scene.device.vehicle.set("ready");
      scene.clock.advance(periodMs);
    }
  }

  test.each([30, 60, 100, 150, 400])(
    "every %d ms switches the contactor at most once a second",
    (periodMs) => {
      const scene = charging();
      const { vehicle } = scene.device;
      let switches = 0;
      let wasClosed = vehicle.isContactorClosed;
      vehicle.watch(() => {
        if (vehicle.isContactorClosed !== wasClosed) switches++;
        wasClosed = vehicle.isContactorClosed;
      });
      flap(scene, 30_000, periodMs);
      expect(switches).toBeGreaterThan(1);
      expect(switches).toBeLessThanOrEqual(30);
      // The off time may have grown.
      scene.clock.advance(60_000);
      expect(vehicle.isCharging).toBe(true);
    },
  );

  test("gets current 3 s after its return to C, and not within 2 s after the contactor has opened", () => {
    const scene = charging();
    const { vehicle } = scene.device;
    vehicle.set("plugged");
    scene.until("the contactor opens", () => !vehicle.isContactorClosed);
    vehicle.set("ready");
    scene.clock.advance(2000);
    expect(vehicle.isContactorClosed).toBe(false);
    scene.clock.advance(CLOSING_MS - 2000);
    expect(vehicle.isCharging).toBe(true);
  });

  test("does not hide a welded contactor", () => {
    const scene = charging();
    scene.device.vehicle.breakContactor("welded");
    flap(scene, 2000, 150);
    expect(scene.station.status).toBe("faulted");
  });
});

test("a vehicle that is ready at boot gets no current for the first 2 s, in case the power fails again", () => {
  const scene = new Scene();
  scene.setOptions({ isFree: true });
  scene.device.vehicle.plug();
  scene.under.boot();
  scene.clock.advance(2000);
  expect(scene.station.status).toBe("authorized");
  expect(scene.device.vehicle.isContactorClosed).toBe(false);
  scene.clock.advance(100);
  expect(scene.device.vehicle.isCharging).toBe(true);
});

test("a vehicle whose timer starts it at night charges on the card of the evening", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.plug(undefined, { requestsEnergyWhenOffered: false });
  scene.present("GUEST-0001");
  scene.clock.advance(7 * 60 * 60_000);
  expect(scene.station.status).toBe("authorized");
  scene.device.vehicle.set("ready");
  scene.clock.advance(100);
  expect(scene.device.vehicle.isCharging).toBe(true);
});

test("an authorization expires after the owner's time when the vehicle does not request energy", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.set("$options/authorization-time", "1");
  scene.clock.advance(1000);
  scene.plug(undefined, { requestsEnergyWhenOffered: false });
  scene.present("GUEST-0001");
  scene.clock.advance(59_000);
  expect(scene.station.status).toBe("authorized");
  expect(scene.device.vehicle.dutyPermille).toBe(266);
  scene.clock.advance(1500);
  expect(scene.station.status).toBe("plugged");
  expect(scene.device.vehicle.dutyPermille).toBe(1000);
});

test("a pilot level of less than 20 ms is ignored as noise", () => {
  const scene = charging();
  let hasOpened = false;
  scene.device.vehicle.watch(() => {
    hasOpened ||= !scene.device.vehicle.isContactorClosed;
  });
  for (let i = 0; i < 20; i++) {
    scene.device.vehicle.set("shorted");
    scene.clock.advance(5);
    scene.device.vehicle.set("ready");
    scene.clock.advance(50);
  }
  expect(hasOpened).toBe(false);
  expect(scene.station.status).toBe("charging");
});

test("a vehicle that pauses continues in the same session", () => {
  const scene = charging();
  scene.device.vehicle.set("plugged");
  scene.clock.advance(5 * 60_000);
  scene.device.vehicle.set("ready");
  scene.clock.advance(100);
  expect(scene.device.vehicle.isCharging).toBe(true);
  expect(scene.device.logLines.filter((line) => line.includes("session"))).toHaveLength(1);
});

test("a fault is published and cleared when the vehicle has left", () => {
  const scene = charging();
  scene.device.vehicle.set("shorted");
  scene.clock.advance(1000);
  expect(scene.retained("charger/status")).toBe("faulted");
  scene.device.vehicle.set("ready");
  scene.clock.advance(1000);
  expect(scene.device.vehicle.isContactorClosed).toBe(false);
  scene.device.vehicle.unplug();
  scene.clock.advance(1000);
  expect(scene.retained("charger/status")).toBe("available");
});

describe("a soft stop", () => {
  /** Runs `happens` and returns whether the vehicle was in C, and the duty, when the contactor opened. */
  function opening(
    scene: Scene,
    happens: () => void,
  ): { isUnderLoad: boolean; dutyPermille: number; afterMs: number } {
    const { vehicle } = scene.device;
    const sinceMs = scene.clock.monotonicMs();
    let seen: ReturnType<typeof opening> | undefined;
    vehicle.watch(() => {
      if (vehicle.isContactorClosed || seen) return;
      const afterMs = scene.clock.monotonicMs() - sinceMs;
      seen = { isUnderLoad: vehicle.state === "ready", dutyPermille: vehicle.dutyPermille, afterMs };
    });
    happens();
    scene.until("the contactor opens", () => seen !== undefined, 20_000);
    return seen as ReturnType<typeof opening>;
  }

  function ignored(scene: Scene): unknown {
    const { counters } = JSON.parse(scene.manage("/log").body);
    return counters.stopIgnored;
  }

  test.each<[string, (scene: Scene) => void, string]>([
    ["the owner's stop", (scene) => scene.set("charger/stop", "true"), "finishing"],
    ["the owner's pause", (scene) => scene.set("charger/paused", "true"), "suspended-by-station"],
    ["heat", (scene) => (scene.device.temperatureC = 90), "suspended-by-station"],
  ])("by %s opens the contactor after the vehicle has left C", (_name, happens, status) => {
    const scene = charging();
    const { isUnderLoad, dutyPermille } = opening(scene, () => happens(scene));
    expect({ isUnderLoad, dutyPermille }).toEqual({ isUnderLoad: false, dutyPermille: 1000 });
    scene.clock.advance(1000);
    expect([scene.retained("charger/status"), ignored(scene)]).toEqual([status, undefined]);
  });

  test("gives a vehicle that does not obey 3 s, and counts it", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug(undefined, { requestsEnergyWhenOffered: false });
    scene.present("GUEST-0001");
    scene.device.vehicle.set("ready");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    const { afterMs } = opening(scene, () => scene.station.stopCharging());
    expect(afterMs).toBe(3000);
    expect([scene.station.status, ignored(scene)]).toEqual(["finishing", 1]);
  });

  test("is followed by another session, by the owner's start or by the card", () => {
    const scene = charging();
    for (const begin of [() => scene.set("charger/start", "true"), () => scene.present("GUEST-0001")]) {
      scene.set("charger/stop", "true");
      scene.until("it has ended", () => scene.station.status === "finishing");
      scene.clock.advance(5000);
      begin();
      scene.until("current flows", () => scene.device.vehicle.isCharging);
      scene.clock.advance(5000);
    }
    scene.set("charger/stop", "true");
    scene.clock.advance(5000);
    const sessions = [...scene.platform.sessions.values()];
    expect(sessions.map(({ method, why }) => [method, why])).toEqual([
      ["ble", "stopped"],
      ["remote", "stopped"],
      ["ble", "stopped"],
    ]);
  });

  test("is not followed by free vend, also if a setting changes", () => {
    const scene = new Scene();
    scene.setOptions({ isFree: true });
    scene.bringOnline();
    scene.plug();
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.set("charger/stop", "true");
    scene.clock.advance(5000);
    scene.set("charger/current-limit", "10");
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("finishing");
  });

  test("of a free vehicle that has not started is not followed by free vend, until the next plug", () => {
    const scene = new Scene();
    scene.setOptions({ isFree: true });
    scene.bringOnline();
    scene.plug(scene.under, { requestsEnergyWhenOffered: false });
    scene.clock.advance(1000);
    expect(scene.station.status).toBe("authorized");
    scene.set("charger/stop", "true");
    scene.clock.advance(5000);
    scene.set("charger/current-limit", "10");
    scene.clock.advance(5000);
    expect(scene.station.status).toBe("plugged");
    scene.device.vehicle.unplug();
    scene.clock.advance(1000);
    scene.plug();
    scene.until("current flows", () => scene.device.vehicle.isCharging);
  });
});

describe("a vehicle that leaves", () => {
  test.each([25, 100, 250, 500])(
    "for %d ms keeps its session, with an open contactor within 100 ms",
    (awayMs) => {
      const scene = charging();
      const { vehicle } = scene.device;
      vehicle.unplug();
      scene.clock.advance(Math.min(awayMs, OPENING_MS));
      if (awayMs >= OPENING_MS) expect(vehicle.isContactorClosed).toBe(false);
      scene.clock.advance(awayMs - Math.min(awayMs, OPENING_MS));
      vehicle.plug();
      scene.clock.advance(CLOSING_MS);
      expect([vehicle.isCharging, scene.platform.sessions.size]).toEqual([true, 0]);
      expect(scene.device.logLines.filter((line) => line.includes("session"))).toHaveLength(1);
    },
  );

  test("ends its session at the time at which it left", () => {
    const scene = charging();
    scene.clock.setEpochMs(1_795_248_000_000);
    scene.clock.advance(60_000);
    scene.device.vehicle.unplug();
    const leftS = Math.floor(Number(scene.clock.epochMs()) / 1000);
    scene.clock.advance(5000);
    const [session] = [...scene.platform.sessions.values()];
    expect(session).toMatchObject({ why: "unplugged", end: leftS });
    expect(Number(session?.seconds)).toBeLessThanOrEqual(61);
  });
});

test("a vehicle that sleeps is woken up once if the owner wants it", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.set("$options/wake-up", "true");
  scene.clock.advance(1000);
  scene.plug(undefined, { requestsEnergyWhenOffered: false });
  scene.present("GUEST-0001");
  const { vehicle } = scene.device;
  const negativeAtMs: number[] = [];
  vehicle.watch(() => {
    if (vehicle.dutyPermille === 0) negativeAtMs.push(scene.clock.monotonicMs());
  });
  const offeredMs = scene.clock.monotonicMs();
  scene.clock.advance(31_000);
  expect(negativeAtMs).toHaveLength(1);
  expect(Math.abs((negativeAtMs[0] ?? 0) - offeredMs - 30_000)).toBeLessThan(100);
  scene.clock.advance(3000);
  expect([vehicle.dutyPermille, scene.station.status]).toEqual([266, "authorized"]);
  vehicle.set("ready");
  scene.clock.advance(100);
  expect(vehicle.isCharging).toBe(true);
});
