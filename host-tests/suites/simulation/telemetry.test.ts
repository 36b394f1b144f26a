import { describe, expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { NO_KEY } from "../../../modules/updates/index.js";
import { usernameOf } from "../../../platform-stub/accounts.js";
import { OWNER, Scene } from "../../virtual/scene.js";
import { homieErrors, PLATFORM_EXTENSION } from "../homie/checker.js";

const HEARTBEAT_MS = 10_000;

/** Returns the messages that were published under the station's root, as [path, payload, retained]. */
function published(scene: Scene): [string, string | undefined, boolean][] {
  const root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/`;
  return scene.broker.published.flatMap(({ topic, payload, retain }) =>
    topic.startsWith(root) ? [[topic.slice(root.length), decodeUTF8(payload), retain]] : [],
  );
}

/** Returns the retained messages under a station's root. */
function retainedDevice(
  scene: Scene,
  root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/`,
) {
  const values = new Map<string, string>();
  for (const [topic, payload] of scene.broker.retained) {
    if (topic.startsWith(root)) values.set(topic.slice(root.length), decodeUTF8(payload) ?? "");
  }
  return values;
}

function online(): Scene {
  const scene = new Scene();
  scene.bringOnline();
  scene.until("ready", () => scene.retained("$state") === "ready");
  scene.clock.advance(2000);
  return scene;
}

function set(scene: Scene, path: string, payload: string): void {
  scene.broker.publish(`${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/${path}/set`, payload);
  scene.clock.advance(2000);
}

/** Returns the messages that were published to one kind of the user's topics. */
function messages(scene: Scene, kind: string): [string, unknown][] {
  const root = `${usernameOf(OWNER.email)}/${kind}/`;
  return scene.broker.published.flatMap(({ topic, payload }): [string, unknown][] =>
    topic.startsWith(root) ? [[topic.slice(root.length), JSON.parse(decodeUTF8(payload) ?? "null")]] : [],
  );
}

test.each(["sweet-home/+/charger/current-limit/set", "res/+/authorize"])(
  "messages of 17,000 bytes on %s are skipped, logged once, and the station stays online",
  (path) => {
    const scene = online();
    const states: (string | undefined)[] = [];
    scene.broker.watch(({ topic, payload }) => {
      if (topic.endsWith("/$state")) states.push(decodeUTF8(payload));
    });
    const topic = `${usernameOf(OWNER.email)}/${path.replace("+", scene.under.deviceId)}`;
    for (let i = 0; i < 3; i++) scene.broker.publish(topic, new Uint8Array(17_000).fill(0x31));
    scene.clock.advance(120_000);
    expect(states).toEqual([]);
    expect(scene.device.logLines.filter((line) => line.includes("too long"))).toHaveLength(1);
    set(scene, "charger/current-limit", "9");
    expect(scene.retained("charger/current-limit")).toBe("9");
  },
);

test("the retained device is valid Homie 3.0.1 and is published between $state init and ready", () => {
  const scene = online();
  const values = retainedDevice(scene);
  expect(homieErrors({ deviceId: scene.under.deviceId, values }, PLATFORM_EXTENSION)).toEqual([]);
  expect(Object.fromEntries([...values].filter(([path]) => !/\/\$/.test(path)))).toEqual({
    $homie: "3.0.1",
    $name: "PlugPass",
    $localip: scene.device.host.address,
    $mac: scene.device.mac.toUpperCase(),
    "$fw/name": "plugpass",
    "$fw/version": "1",
    $implementation: "esp32",
    $nodes: "charger,firmware,access",
    $options: "card-ends,static-cards,fallback-current,resume,authorization-time,wake-up,free",
    $telemetry:
      "signal,encrypted,uptime,heap,heap-lowest,engine-lowest,restarts,restart-reason,waiting,given-up,temperature",
    $stats: "uptime",
    "$stats/interval": "300",
    "$stats/uptime": "0",
    $state: "ready",
    "charger/status": "available",
    "charger/session": "none",
    "charger/power": "0",
    "charger/energy": "0",
    "charger/current-limit": "16",
    "charger/limit-now": "32",
    "charger/limit-lease": "300",
    "charger/paused": "false",
    "charger/start": "false",
    "charger/stop": "false",
    "charger/last-error": "none",
    "firmware/autoupdate": "true",
    "firmware/staging": "false",
    "firmware/update": "false",
    "firmware/updatestate": `Off: ${NO_KEY.message}`,
    "firmware/updatetime": "03:00",
    "firmware/version": "1",
    "access/offline-policy": "deny",
    "access/tag-learning": "false",
    "access/owner": "none",
    "access/last-result": "none",
    "access/tags": "0",
    "$options/card-ends": "true",
    "$options/static-cards": "all",
    "$options/fallback-current": "32",
    "$options/resume": "false",
    "$options/authorization-time": "0",
    "$options/wake-up": "false",
    "$options/free": "false",
    "$telemetry/signal": "80",
    "$telemetry/uptime": "0",
    "$telemetry/heap": expect.stringMatching(/^6\d{4}$/),
    "$telemetry/heap-lowest": "61440",
    "$telemetry/engine-lowest": "24576",
    "$telemetry/restarts": "0",
    "$telemetry/encrypted": "false",
    "$telemetry/restart-reason": "power",
    "$telemetry/waiting": "0",
    "$telemetry/given-up": "0",
    "$telemetry/temperature": "25",
  });
  const paths = published(scene).map(([path, payload]) => `${path}=${payload}`);
  // The first one is published during the trial of the parameters.
  expect(paths.slice(0, 2)).toEqual(["$state=init", "$state=init"]);
  expect(paths.at(-1)).toBe("$state=ready");
  expect(published(scene).every(([, , isRetained]) => isRetained)).toBe(true);
});

test("an idle station publishes only heartbeats, uptimes and the heap, each at its interval", () => {
  const scene = online();
  scene.clock.advance(60_000);
  scene.broker.published.length = 0;
  scene.clock.advance(10 * 60_000);
  const counts = new Map<string, number>();
  for (const [path] of published(scene)) counts.set(path, (counts.get(path) ?? 0) + 1);
  expect(Object.fromEntries(counts)).toEqual({
    $heartbeat: 60,
    "$telemetry/uptime": 10,
    "$telemetry/heap": 10,
    "$stats/uptime": 2,
  });
});

describe("a setting", () => {
  test.each([
    ["charger/current-limit", "10"],
    ["access/offline-policy", "list-and-cache"],
    ["$options/card-ends", "false"],
    ["$options/static-cards", "rfid"],
    ["$options/resume", "true"],
  ])("of %s is accepted, published and kept after a power cut", (path, payload) => {
    const scene = online();
    set(scene, path, payload);
    expect(scene.retained(path)).toBe(payload);
    scene.under.powerCycle();
    scene.until("ready again", () => scene.broker.clientIds.length === 1, 200_000);
    scene.clock.advance(5000);
    expect(scene.retained(path)).toBe(payload);
    expect(messages(scene, "errors")).toEqual([]);
  });

  test("in a retained message is ignored: it would repeat at each connection", () => {
    const scene = online();
    scene.broker.publish(
      `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/charger/start/set`,
      "true",
      true,
    );
    scene.plug();
    scene.under.powerCycle();
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(60_000);
    expect(scene.station.status).toBe("plugged");
  });

  /** Runs `send` and plugs a vehicle in while the station has no power. */
  function whileAway(scene: Scene, send: () => void): void {
    scene.under.device.cutPower();
    scene.clock.advance(120_000);
    send();
    scene.device.vehicle.plug();
    scene.under.boot();
    scene.until("online again", () => scene.station.lifeCycle === "online", 200_000);
    scene.clock.advance(60_000);
  }

  test.each([
    ["charger/start", false],
    ["charger/start", true],
    ["access/tag-learning", false],
    ["access/owner", false],
    ["firmware/update", false],
    ["$options/free", false],
    ["$options/free", true],
  ])("of %s, sent while the station was offline (retained: %s), has no effect", (path, retain) => {
    const scene = online();
    const before = scene.retained(path);
    const updateState = scene.retained("firmware/updatestate");
    const payload = path === "access/owner" ? "other@cafe.example" : "true";
    const topic = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/${path}/set`;
    whileAway(scene, () => scene.broker.publish(topic, payload, retain));
    expect(scene.retained(path)).toBe(before);
    expect(scene.station.status).toBe("plugged");
    expect(scene.retained("firmware/updatestate")).toBe(updateState);
    expect(messages(scene, "errors")).toEqual([]);
    expect(messages(scene, "req")).toEqual([]);
    set(scene, "charger/start", "true");
    expect(scene.retained("charger/status")).toBe("charging");
  });

  test("that was queued for a firmware with QoS 1 subscriptions has no effect", () => {
    const scene = online();
    const root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}`;
    whileAway(scene, () => {
      scene.broker.subscribe(scene.under.deviceId, `${root}/+/+/set`, 1);
      scene.broker.publish(`${root}/charger/start/set`, "true");
    });
    expect(scene.station.status).toBe("plugged");
    set(scene, "charger/start", "true");
    expect(scene.retained("charger/status")).toBe("charging");
  });

  test.each([
    ["charger/current-limit", "5", "invalid", "6:16"],
    ["charger/current-limit", "17", "invalid", "6:16"],
    ["charger/current-limit", "1e1", "invalid", "6:16"],
    ["charger/status", "charging", "invalid", "cannot be set"],
    ["charger/colour", "red", "invalid", "cannot be set"],
    ["access/offline-policy", "everybody", "invalid", "deny,list"],
    ["access/owner", "next", "invalid", "e-mail"],
    ["$options/resume", "yes", "invalid", "true or false"],
    ["charger/start", "true", "no-vehicle", "no vehicle"],
    ["firmware/update", "true", "no-key", "no update key"],
  ])("of %s to %s is rejected with a code and the reason", (path, payload, code, why) => {
    const scene = online();
    const before = scene.retained(path);
    set(scene, path, payload);
    expect(scene.retained(path)).toBe(before);
    expect(messages(scene, "errors")).toEqual([
      [`sweet-home/${scene.under.deviceId}/${path}`, { code, message: expect.stringContaining(why) }],
    ]);
  });

  test("of the current limit applies to the next session", () => {
    const scene = online();
    set(scene, "charger/current-limit", "6");
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(scene.device.vehicle.dutyPermille).toBe(100);
  });

  test("starts and stops a session without a card", () => {
    const scene = online();
    scene.plug();
    set(scene, "charger/start", "true");
    expect(scene.retained("charger/status")).toBe("charging");
    expect(scene.retained("charger/session")).toMatch(/^[0-9a-f]{16}$/);
    set(scene, "charger/stop", "true");
    expect(scene.retained("charger/status")).toBe("finishing");
    expect([...scene.platform.sessions.values()]).toMatchObject([
      { method: "remote", tag: "0".repeat(64), why: "stopped" },
    ]);
  });
});

test("the power is that of the vehicle, and 0 W while the contactor is open", () => {
  const scene = online();
  const { vehicle, meter } = scene.device;
  const power = () => Number(scene.retained("charger/power"));
  const drawFor = (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      scene.clock.advance(1000);
      meter.pulse();
    }
  };
  scene.plug();
  scene.present("GUEST-0001");
  drawFor(30);
  expect(power()).toBe(3600);
  vehicle.set("plugged");
  scene.clock.advance(11_000);
  expect([scene.retained("charger/status"), power()]).toEqual(["suspended-by-vehicle", 0]);
  vehicle.set("ready");
  drawFor(30);
  expect(power()).toBeGreaterThan(0);
  vehicle.unplug();
  scene.clock.advance(4000);
  expect([scene.retained("charger/status"), power()]).toEqual(["available", 0]);
  scene.plug();
  scene.clock.advance(60_000);
  expect([scene.retained("charger/status"), power()]).toEqual(["plugged", 0]);
});

describe("the owner's notifications", () => {
  test("report a fault of the station", () => {
    const scene = online();
    scene.plug();
    scene.device.vehicle.set("shorted");
    scene.clock.advance(2000);
    expect(messages(scene, "notifications")).toEqual([
      [
        "create",
        {
          message: expect.stringContaining("the control pilot is shorted"),
          logLevel: "error",
          senderType: "device",
          type: "text",
          senderId: scene.under.deviceId,
        },
      ],
    ]);
    expect(scene.retained("charger/last-error")).toContain("shorted");
  });

  test("report a blocked tag at the third attempt, with only the end of the tag", () => {
    const scene = online();
    scene.platform.tags.set("BLOCKED-77", { authorized: false, reason: "blocked" });
    scene.plug();
    for (let i = 0; i < 3; i++) {
      expect(messages(scene, "notifications")).toEqual([]);
      scene.present("BLOCKED-77");
      scene.clock.advance(2000);
    }
    const [[, note] = []] = messages(scene, "notifications");
    expect(note).toMatchObject({ message: expect.stringContaining("…D-77 was tried 3 times") });
    expect(JSON.stringify(note)).not.toContain("BLOCKED");
  });
});

test("the power and energy of a session are published", () => {
  const scene = online();
  scene.plug();
  scene.present("GUEST-0001");
  for (let i = 0; i < 120; i++) {
    scene.clock.advance(500);
    scene.device.meter.pulse();
  }
  scene.clock.advance(9000);
  expect(Number(scene.retained("charger/energy"))).toBeGreaterThan(100);
  const powers = published(scene).flatMap(([path, payload]) =>
    path === "charger/power" ? [Number(payload)] : [],
  );
  expect(Math.max(...powers)).toBeGreaterThan(6500);
  expect(Math.max(...powers)).toBeLessThan(8000);
});

test("a busy station publishes at most 5 messages a second", () => {
  const scene = online();
  scene.broker.published.length = 0;
  const moments: number[] = [];
  scene.broker.watch(({ topic }) => {
    if (!/\/set$|\/re[qs]\//.test(topic)) moments.push(scene.clock.monotonicMs());
  });
  const root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}`;
  scene.platform.intercept = (answer) => [{ ...answer, data: "x" }];
  scene.plug();
  scene.startPresenting("GUEST-0001");
  for (let i = 0; i < 200; i++) {
    scene.broker.publish(`${root}/charger/current-limit/set`, String(6 + (i % 11)));
    scene.broker.publish(`${root}/charger/current-limit/set`, "many");
    scene.clock.advance(100);
  }
  scene.clock.advance(10_000);
  for (const moment of moments) {
    expect(moments.filter((other) => other >= moment && other < moment + 990).length).toBeLessThanOrEqual(5);
  }
  expect(moments.length).toBeGreaterThan(60);
  // The final value is published in the end.
  expect(scene.retained("charger/current-limit")).toBe(String(6 + (199 % 11)));
  // A value that changes all the time delays neither other values nor error messages.
  expect(messages(scene, "errors").length).toBeGreaterThan(16);
  expect(scene.retained("access/last-result")).toMatch(/^502 /);
});

test("the heartbeat is published every 10 s with the uptime and is not retained", () => {
  const scene = online();
  scene.broker.published.length = 0;
  scene.clock.advance(6 * HEARTBEAT_MS);
  const beats = published(scene).filter(([path]) => path === "$heartbeat");
  expect(beats).toHaveLength(6);
  for (const [path, , retained] of beats) expect([path, retained]).toEqual(["$heartbeat", false]);
  const uptimes = beats.map(([, payload]) => Number(payload));
  expect((uptimes[5] ?? 0) - (uptimes[0] ?? 0)).toBe(50);
});

test("charger/status passes through each status of a session", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.broker.published.length = 0;
  scene.plug();
  scene.present("GUEST-0001");
  scene.clock.advance(1000);
  scene.station.stopCharging();
  scene.clock.advance(1000);
  scene.device.vehicle.unplug();
  scene.clock.advance(1000);
  const statuses = published(scene).flatMap(([path, payload]) =>
    path === "charger/status" ? [payload] : [],
  );
  expect(statuses).toEqual(["plugged", "authorized", "charging", "finishing", "available"]);
});

test("$state is lost after a power cut and disconnected after closing the station", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.device.cutPower();
  scene.clock.advance(200_000);
  expect(scene.retained("$state")).toBe("lost");
  scene.under.boot();
  scene.until("ready again", () => scene.retained("$state") === "ready");
  scene.station.close();
  scene.clock.advance(2000);
  expect(scene.retained("$state")).toBe("disconnected");
});

test("only the newest of the changes during an offline period is published", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.broker.stop();
  scene.clock.advance(500);
  scene.plug();
  scene.device.vehicle.unplug();
  scene.plug();
  scene.broker.start();
  scene.broker.published.length = 0;
  scene.until(
    "ready again",
    () => scene.retained("$state") === "ready" && scene.station.lifeCycle === "online",
  );
  scene.clock.advance(1000);
  const statuses = published(scene).flatMap(([path, payload]) =>
    path === "charger/status" ? [payload] : [],
  );
  expect(statuses).toEqual(["plugged"]);
});
