/** Checks the requests of a real station against the stub's schemas: neither can change without the other. */

import { expect, test } from "@jest/globals";
import { ENDPOINTS } from "../../../platform-stub/endpoints.js";
import { METHODS } from "../../../platform-stub/methods.js";
import { Registry } from "../../../platform-stub/registry.js";
import { OWNER, Scene } from "../../virtual/scene.js";
import type { PlatformRequest } from "../../virtual/world/platform.js";

const CARD = "62E3086CED";
const A_WHILE_MS = 2000;

/** Returns the stub's answers to the requests of an endpoint, and the sessions that it has stored. */
function askedOfStub(requests: readonly PlatformRequest[], endpoint: string) {
  const registry = new Registry();
  registry.addUser(OWNER);
  const device = registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  const answers = requests
    .filter((request) => request.endpoint === endpoint)
    .map(({ data }) =>
      ENDPOINTS[endpoint]?.(data, device, { registry, hasStationTokens: true, requestId: "1" }),
    );
  return { answers, sessions: registry.sessions() };
}

/** Plugs a vehicle in, authorizes it with `letIn`, charges for a moment and unplugs. */
function charge(scene: Scene, letIn: () => void): void {
  scene.plug();
  letIn();
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  scene.clock.advance(A_WHILE_MS);
  scene.device.vehicle.unplug();
  // The station waits for the return of the vehicle.
  scene.clock.advance(3000 + A_WHILE_MS);
}

test("the platform stub accepts a real station's sessions of each method", () => {
  const scene = new Scene();
  scene.platform.tags.set(CARD, { authorized: true });
  scene.bringOnline();
  const set = (path: string, value: string) => {
    scene.set(path, value);
    scene.clock.advance(A_WHILE_MS);
  };
  charge(scene, () => scene.present("GUEST-0001"));
  charge(scene, () => scene.swipe(CARD));
  charge(scene, () => set("charger/start", "true"));
  set("$options/free", "true");
  charge(scene, () => {});
  const { answers, sessions } = askedOfStub(scene.platform.requests, "session");
  expect(answers).toEqual(METHODS.map(() => ({ status: "1", code: "200", data: { accepted: true } })));
  expect(sessions.map(({ method }) => method).sort()).toEqual([...METHODS].sort());
  const asked = askedOfStub(scene.platform.requests, "authorize").answers;
  expect(asked.map((answer) => answer?.code)).toEqual(["200", "200"]);
});

test("the platform stub accepts a real station's diagnostics", () => {
  const scene = new Scene();
  scene.bringOnline();
  charge(scene, () => scene.present("GUEST-0001"));
  scene.set("$telemetry/diagnostics", "true");
  scene.clock.advance(A_WHILE_MS);
  const { answers } = askedOfStub(scene.platform.requests, "diagnostics");
  expect(answers).toEqual([{ status: "1", code: "200", data: { accepted: true } }]);
});
