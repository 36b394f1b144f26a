import { describe, expect, test } from "@jest/globals";
import { decodeBase64, encodeUTF8 } from "../../../modules/bytes/index.js";
import { codeOf, Scene } from "../../virtual/scene.js";
import type { Intercept, PlatformRequest, WorldPlatform } from "../../virtual/world/platform.js";
import { base64 } from "../../virtual/world/platform-answers.js";
import { Random } from "../../virtual/world/random.js";

const TAG = "GUEST-0001";

type Attack = (platform: WorldPlatform, scene: Scene) => Intercept;

/** Runs one attempt under attack and watches the contactor until 30 s after its end. */
function attempt(attack: Attack, options: { cipher?: "aes-256-gcm" | "aes-256-cbc"; tag?: string } = {}) {
  const scene = new Scene({ cipher: options.cipher });
  scene.bringOnline();
  scene.plug();
  let hasClosed = false;
  scene.device.vehicle.watch(() => {
    hasClosed ||= scene.device.vehicle.isContactorClosed;
  });
  scene.platform.intercept = attack(scene.platform, scene);
  const presented = scene.present(options.tag ?? TAG);
  scene.clock.advance(30_000);
  return { code: codeOf(presented), hasClosed, status: scene.station.status, ends: scene.under.ends };
}

function changed(response: Record<string, string>, fields: Record<string, string>): Record<string, string>[] {
  return [{ ...response, ...fields }];
}

const NO_SESSION = { hasClosed: false, status: "plugged", ends: [] };

describe("a forged or altered response never starts a session", () => {
  test.each<[string, number, Attack]>([
    ["silence", 408, () => () => []],
    ["text that is not JSON", 408, () => () => ["not json"]],
    ["JSON that is not an object", 408, () => () => ["[1]"]],
    ["another id", 408, () => (response) => changed(response, { id: "1" })],
    ["an id that is not a string", 408, () => (response) => [{ ...response, id: null }]],
    [
      "no data",
      502,
      () =>
        ({ id, status = "1", code = "200" }) => [{ id, status, code }],
    ],
    ["data that are not base64", 502, () => (response) => changed(response, { data: "*" })],
    ["empty data", 502, () => (response) => changed(response, { data: "" })],
    [
      "data cut short",
      502,
      () => (response) => changed(response, { data: (response.data ?? "").slice(0, -4) }),
    ],
    ["another code", 502, () => (response) => changed(response, { code: "201" })],
    ["a code that is not a number", 502, () => (response) => changed(response, { code: "ok" })],
    ["another status", 502, () => (response) => changed(response, { status: "0" })],
    ["an unknown status", 502, () => (response) => changed(response, { status: "2" })],
    [
      "plain data",
      502,
      () => (response) =>
        changed(response, { data: base64(encodeUTF8(JSON.stringify({ authorized: true }))) }),
    ],
    [
      "data sealed with another key",
      502,
      (platform) => (_response, request) => [
        platform.respond({ ...request, key: "00".repeat(32) }, { authorized: true }),
      ],
    ],
    [
      "an error of the platform",
      500,
      (platform) => (_, request) => [platform.respond(request, {}, "0", "500")],
    ],
    [
      "a refusal of the platform",
      403,
      (platform) => (_, request) => [platform.respond(request, {}, "0", "403")],
    ],
    [
      "success with an error code",
      500,
      (platform) => (_, request) => [platform.respond(request, { authorized: true }, "1", "500")],
    ],
    ["an answer without `authorized`", 502, (platform) => (_, request) => [platform.respond(request, {})]],
    [
      "an answer with `authorized` as a string",
      502,
      (platform) => (_, request) => [platform.respond(request, { authorized: "true" })],
    ],
    [
      "an answer that is not an object",
      502,
      (platform) => (_, request) => [platform.respond(request, [true])],
    ],
    [
      "a current that no station can offer",
      502,
      (platform) => (_, request) => [platform.respond(request, { authorized: true, maxCurrent: 1 })],
    ],
  ])("%s results in code %d", (_name, code, attack) => {
    expect(attempt(attack)).toEqual({ code, ...NO_SESSION });
  });

  test("a stale response, sealed for an earlier request, is rejected", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug(undefined, { requestsEnergyWhenOffered: false });
    let stale: Record<string, string> | undefined;
    scene.platform.intercept = (response) => {
      stale = response;
      return [response];
    };
    expect(codeOf(scene.present(TAG))).toBe(200);
    scene.station.stopCharging();
    // The unchanged response has an unknown id. With the new id, GCM rejects its data.
    scene.platform.intercept = () => [stale ?? {}];
    expect(codeOf(scene.present(TAG))).toBe(408);
    scene.platform.intercept = (response) => [{ ...response, data: stale?.data }];
    expect(codeOf(scene.present(TAG))).toBe(502);
    expect(scene.station.status).toBe("plugged");
  });

  test("a response of another endpoint on that endpoint's topic is ignored", () => {
    const attack: Attack = (platform, scene) => (_response, request) => {
      const other: PlatformRequest = { ...request, endpoint: "local-list" };
      const forged = platform.respond(other, { authorized: true });
      scene.broker.publish(`${request.user}/res/${request.deviceId}/local-list`, JSON.stringify(forged));
      return [];
    };
    expect(attempt(attack)).toEqual({ code: 408, ...NO_SESSION });
  });

  test("a response of another endpoint on the right topic is rejected", () => {
    const attack: Attack = (platform) => (_response, request) => [
      platform.respond({ ...request, endpoint: "local-list" }, { authorized: true }),
    ];
    expect(attempt(attack)).toEqual({ code: 502, ...NO_SESSION });
  });

  test("a response for another device is rejected", () => {
    const attack: Attack = (platform, scene) => (_response, request) => {
      const other = scene.addStation();
      return [platform.respond({ ...request, deviceId: other.deviceId }, { authorized: true })];
    };
    expect(attempt(attack)).toEqual({ code: 502, ...NO_SESSION });
  });

  test("a refusal changed into a success is rejected under GCM and stays a refusal under CBC", () => {
    const attack: Attack = (platform) => (_response, request) => {
      const refusal = platform.respond(request, { authorized: false }, "0", "403");
      return [{ ...refusal, status: "1", code: "200" }];
    };
    expect(attempt(attack)).toEqual({ code: 502, ...NO_SESSION });
    expect(attempt(attack, { cipher: "aes-256-cbc" })).toEqual({ code: 403, ...NO_SESSION });
  });

  test("a response with any single bit changed is rejected", () => {
    const scene = new Scene();
    scene.bringOnline();
    const seed = 20;
    const random = new Random(seed);
    for (let run = 0; run < 300; run++) {
      scene.device.vehicle.unplug();
      scene.clock.advance(61_000);
      scene.plug();
      let bit = -1;
      scene.platform.intercept = (response) => {
        const bytes = decodeBase64(response.data ?? "") ?? new Uint8Array(0);
        bit = random.int(bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return changed(response, { data: base64(bytes) });
      };
      const code = codeOf(scene.present(TAG));
      if (code !== 502 || scene.station.status !== "plugged") {
        throw new Error(`seed ${seed}, run ${run}: bit ${bit}: ${code}, ${scene.station.status}`);
      }
    }
  });
});

describe("a genuine response", () => {
  test.each(["aes-256-gcm", "aes-256-cbc"] as const)("starts a session under %s", (cipher) => {
    const { code, hasClosed, status } = attempt(() => (response) => [response], { cipher });
    expect({ code, hasClosed, status }).toEqual({ code: 200, hasClosed: true, status: "charging" });
  });

  test("may have its status and code as numbers", () => {
    const attack: Attack = () => (response) => [{ ...response, status: 1, code: 200 }];
    expect(attempt(attack).code).toBe(200);
  });

  test("delivered three times starts one session", () => {
    const { code, status, ends } = attempt(() => (response) => [response, response, response]);
    expect({ code, status, ends }).toEqual({ code: 200, status: "charging", ends: [] });
  });

  test("in the wrong cipher is rejected: there is no fallback", () => {
    const scene = new Scene({ cipher: "aes-256-gcm" });
    scene.bringOnline();
    scene.plug();
    scene.platform.cipher = "aes-256-cbc";
    expect(codeOf(scene.present(TAG))).toBe(502);
    expect(scene.station.status).toBe("plugged");
  });

  test("with a current limit limits the offered current", () => {
    const scene = new Scene();
    scene.platform.tags.set(TAG, { authorized: true, maxCurrent: 10 });
    scene.bringOnline();
    scene.plug();
    scene.present(TAG);
    scene.until("the cable is measured", () => scene.device.vehicle.dutyPermille < 1000);
    expect(scene.device.vehicle.dutyPermille).toBe(166);
  });
});
