import { expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import type { FaultCode } from "../../../modules/faults/index.js";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { FULL_WIRING, PN532_WIRING } from "../../virtual/board/index.js";
import { Scene } from "../../virtual/scene.js";
import { FlashFaults } from "./flash-faults.js";
import { drawWatts, MeteredScene } from "./metered-scene.js";
import { UpdateScene } from "./update-scene.js";

const NEXT = "next@owner.example";

function online<S extends Scene>(scene: S): S {
  scene.bringOnline();
  return scene;
}

/** A station with each input. */
function wired(): Scene {
  return online(new Scene({ device: { builtIn: FULL_WIRING } }));
}

function charge(scene: Scene): void {
  scene.plug();
  scene.present("GUEST-0001");
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(1000);
}

/** Drops the platform's responses to session reports. */
function loseSessionAnswers(scene: Scene): void {
  scene.platform.intercept = (answer, { endpoint }) => (endpoint === "session" ? [] : [answer]);
}

/** Causes each fault of the catalogue in a virtual station. A new code needs a line here. */
const CAUSES: Readonly<Record<FaultCode, () => Scene>> = {
  "pilot-shorted": () => {
    const scene = online(new Scene());
    scene.plug();
    scene.device.vehicle.set("shorted");
    return scene;
  },
  "pilot-negative": () => {
    const scene = online(new Scene());
    scene.plug();
    scene.device.vehicle.set("negative");
    return scene;
  },
  "contactor-welded": () => {
    const scene = online(new Scene());
    charge(scene);
    scene.device.vehicle.breakContactor("welded");
    scene.station.stopCharging();
    return scene;
  },
  "contactor-stuck-open": () => {
    const scene = online(new Scene());
    scene.device.vehicle.breakContactor("stuck-open");
    scene.plug();
    scene.present("GUEST-0001");
    return scene;
  },
  "residual-current": () => {
    const scene = online(new Scene());
    charge(scene);
    scene.device.residualCurrent.switch(true);
    return scene;
  },
  "temperature-cut-off": () => {
    const scene = online(new Scene());
    charge(scene);
    scene.device.temperatureCutOff.switch(true);
    return scene;
  },
  "residual-current-test-failed": () => {
    const scene = wired();
    scene.device.isResidualCurrentTestBroken = true;
    scene.plug();
    scene.present("GUEST-0001");
    return scene;
  },
  "earth-missing": () => {
    const scene = wired();
    charge(scene);
    scene.device.earthLoss.switch(true);
    return scene;
  },
  "phase-missing": () => {
    const scene = wired();
    charge(scene);
    scene.device.phaseLosses[1]?.switch(true);
    return scene;
  },
  "proximity-failed": () => {
    const scene = wired();
    scene.device.cableOhms = Number.POSITIVE_INFINITY;
    scene.plug();
    return scene;
  },
  "lock-failed": () => {
    const scene = wired();
    scene.device.isLockStuck = true;
    scene.plug();
    scene.present("GUEST-0001");
    return scene;
  },
  "unlock-failed": () => {
    const scene = wired();
    charge(scene);
    scene.device.isLockStuck = true;
    scene.station.stopCharging();
    return scene;
  },
  "ventilation-required": () => {
    const scene = wired();
    charge(scene);
    scene.device.vehicle.set("ready-with-ventilation");
    return scene;
  },
  "firmware-stalled": () => {
    const scene = online(new Scene());
    charge(scene);
    scene.device.busy(4000);
    return scene;
  },
  "contactor-wear": () => {
    const scene = online(new Scene());
    charge(scene);
    for (let i = 0; i < 100; i++) {
      scene.device.vehicle.set("plugged");
      scene.clock.advance(3000);
      scene.device.vehicle.set("ready");
      scene.clock.advance(3000);
    }
    return scene;
  },
  overheated: () => {
    const scene = online(new Scene());
    scene.device.temperatureC = 90;
    return scene;
  },
  "thermometer-broken": () => {
    const scene = online(new Scene());
    scene.device.temperatureC = undefined;
    return scene;
  },
  overcurrent: () => {
    const scene = online(new Scene());
    charge(scene);
    drawWatts(scene, 18_000, 30);
    return scene;
  },
  "meter-silent": () => {
    const scene = online(new MeteredScene());
    scene.meter.fault = "silent";
    return scene;
  },
  "meter-backwards": () => {
    const scene = online(new MeteredScene());
    scene.meter.energyWh -= 1000;
    return scene;
  },
  "blocked-tag": () => {
    const scene = online(new Scene());
    scene.platform.tags.set("BLOCKED-77", { authorized: false, reason: "blocked" });
    scene.plug();
    for (let i = 0; i < 3; i++) scene.present("BLOCKED-77");
    return scene;
  },
  "cards-guessed": () => {
    const scene = online(new Scene());
    scene.plug();
    for (let i = 0; i < 10; i++) scene.present(`GUESS-${i}`);
    return scene;
  },
  "card-not-learned": () => {
    const scene = online(new Scene());
    scene.set("access/tag-learning", "true");
    scene.clock.advance(1000);
    scene.platform.intercept = (_answer, request) => [scene.platform.respond(request, {}, "0", "409")];
    scene.swipe("62E3086CED");
    return scene;
  },
  "card-reader-silent": () => {
    const scene = online(new Scene({ provisioning: { wiring: PN532_WIRING } }));
    if (scene.device.pn532) scene.device.pn532.responds = false;
    scene.clock.advance(10_000);
    return scene;
  },
  "session-not-stored": () => {
    const flash = new FlashFaults();
    const scene = online(new Scene({ wrapBoard: flash.wrapBoard }));
    flash.fails = (action) => action === "write";
    charge(scene);
    return scene;
  },
  "session-log-full": () => {
    const scene = online(new Scene());
    loseSessionAnswers(scene);
    for (let i = 0; i < 65; i++) {
      charge(scene);
      scene.device.vehicle.unplug();
      // More openings in a row would make the contactor wait.
      scene.clock.advance(120_000);
    }
    return scene;
  },
  "sessions-of-previous-owner": () => {
    const scene = online(new Scene());
    loseSessionAnswers(scene);
    charge(scene);
    scene.device.vehicle.unplug();
    scene.clock.advance(20_000);
    scene.station.enterPairingMode();
    scene.pair({ wsp: NEXT });
    scene.until("it is the next owner's", () => scene.station.lifeCycle === "online");
    return scene;
  },
  "transfer-refused": () => {
    const scene = online(new Scene());
    scene.set("access/owner", NEXT);
    return scene;
  },
  "transfer-failed": () => {
    const scene = online(new Scene());
    scene.platform.accounts.set(NEXT, { user: usernameOf(NEXT), token: "wrong" });
    scene.set("access/owner", NEXT);
    return scene;
  },
  "update-rolled-back": () => {
    const scene = online(new UpdateScene());
    scene.release(2);
    scene.under.bad.set(2, () => {
      throw new Error("out of memory");
    });
    scene.update();
    return scene;
  },
};

/** Returns the messages of the notifications for the owner. */
function notifications(scene: Scene): string[] {
  return scene.broker.published
    .filter(({ topic }) => topic.endsWith("/notifications/create"))
    .map(({ payload }) => JSON.parse(decodeUTF8(payload) ?? "null").message);
}

/** The latest value of `charger/last-error` under any owner's topics. */
function lastErrors(scene: Scene): string[] {
  return [...scene.broker.retained]
    .filter(([topic]) => topic.endsWith("/charger/last-error"))
    .map(([, payload]) => decodeUTF8(payload) ?? "");
}

test.each(Object.entries(CAUSES))(
  "the fault %s is in charger/last-error, /status and a notification",
  (code, cause) => {
    const scene = cause();
    const isReported = () => lastErrors(scene).some((text) => text.startsWith(`${code}: `));
    scene.until("the fault is published", isReported, 120_000);
    const [text] = lastErrors(scene);
    scene.until("the owner is notified", () => notifications(scene).includes(text ?? ""));
    const { lastError } = scene.status() as { lastError: { code: string; message: string } };
    expect(`${lastError.code}: ${lastError.message}`).toBe(text);
    expect(lastError.code).toBe(code);
  },
);

test("a station without a fault has `none` in charger/last-error and null in /status", () => {
  const scene = online(new Scene());
  expect(lastErrors(scene)).toEqual(["none"]);
  expect(scene.status()).toMatchObject({ lastError: null });
});

test("a fault that comes and goes notifies the owner once in 10 minutes, and a new owner again", () => {
  const scene = online(new Scene());
  const { vehicle } = scene.device;
  const counts: number[] = [];
  for (const minutes of [9, 2]) {
    for (let i = 0; i < minutes * 60; i++) {
      vehicle.set(i % 2 === 0 ? "shorted" : "unplugged");
      scene.clock.advance(1000);
    }
    counts.push(notifications(scene).length);
  }
  expect(counts).toEqual([1, 2]);
  scene.station.forgetOwner();
  vehicle.set("unplugged");
  scene.clock.advance(1000);
  vehicle.set("shorted");
  scene.clock.advance(1000);
  expect(notifications(scene)).toHaveLength(3);
});

test("a restart during the self-test of the residual current device is no fault of the next run", () => {
  const scene = wired();
  scene.plug();
  scene.until("the device reports the test current", () => scene.device.residualCurrent.isOn);
  scene.station.restart("update");
  scene.until("it has restarted", () => scene.under.ends.length === 1);
  scene.clock.advance(1000);
  expect([scene.station.status, scene.station.lastError]).toEqual(["plugged", undefined]);
});
