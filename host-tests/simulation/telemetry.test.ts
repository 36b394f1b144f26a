import { expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../modules/bytes/index.js";
import { usernameOf } from "../../platform-stub/registry.js";
import { OWNER, Scene } from "./scene.js";

const HEARTBEAT_MS = 10_000;

/** What was published under the station's root, as [path, payload, retained]. */
function published(scene: Scene): [string, string | undefined, boolean][] {
  const root = `${usernameOf(OWNER.email)}/sweet-home/${scene.under.deviceId}/`;
  return scene.broker.published.flatMap(({ topic, payload, retain }) =>
    topic.startsWith(root) ? [[topic.slice(root.length), decodeUTF8(payload), retain]] : [],
  );
}

test("the tree is complete, retained, and stands between init and ready", () => {
  const scene = new Scene();
  scene.bringOnline();
  expect(published(scene)).toEqual([
    // By the trial of the parameters.
    ["$state", "init", true],
    ["$state", "init", true],
    ["$homie", "3.0.1", true],
    ["$name", "PlugPass", true],
    ["$localip", scene.device.host.address, true],
    ["$mac", scene.device.mac, true],
    ["$fw/name", "plugpass", true],
    ["$fw/version", "1", true],
    ["$implementation", "esp32", true],
    ["$nodes", "charger", true],
    ["charger/$name", "Charger", true],
    ["charger/$type", "charger", true],
    ["charger/$state", "ready", true],
    ["charger/$properties", "status", true],
    ["charger/status/$name", "Status", true],
    ["charger/status/$settable", "false", true],
    ["charger/status/$retained", "true", true],
    ["charger/status/$datatype", "enum", true],
    ["charger/status/$format", "available,plugged,authorized,charging,finishing,faulted,unavailable", true],
    ["charger/status", "available", true],
    ["$state", "ready", true],
  ]);
});

test("a heartbeat comes every 10 s, with the uptime, and is not retained", () => {
  const scene = new Scene();
  scene.bringOnline();
  scene.broker.published.length = 0;
  scene.clock.advance(6 * HEARTBEAT_MS);
  const beats = published(scene);
  expect(beats).toHaveLength(6);
  for (const [path, , retained] of beats) expect([path, retained]).toEqual(["$heartbeat", false]);
  const uptimes = beats.map(([, payload]) => Number(payload));
  expect((uptimes[5] ?? 0) - (uptimes[0] ?? 0)).toBe(50);
});

test("a dashboard sees a session go by", () => {
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

test("a station that loses its power is lost; one that is closed is disconnected", () => {
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

test("what changes while the station is offline is published when it is back, and only the newest of it", () => {
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
