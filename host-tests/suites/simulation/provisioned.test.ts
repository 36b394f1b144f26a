import { expect, test } from "@jest/globals";
import { decodeUTF8 } from "../../../modules/bytes/index.js";
import { imageOf } from "../../../platform-stub/provisioning/identity.js";
import { codeOf, OWNER, Scene } from "../../virtual/scene.js";
import { IDENTITY } from "../identity.js";
import { flashFromImage } from "./flash-image.js";

/** Builds a station whose flash contains only the image. */
function flashed(image: Uint8Array): Scene {
  const scene = new Scene({ isUnprovisioned: true, device: { flash: flashFromImage(image) } });
  scene.under.deviceId = IDENTITY.id;
  scene.platform.keys.set(IDENTITY.id, IDENTITY.key);
  return scene;
}

test("a station flashed with an image has the identity of that image", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.under.boot();
  scene.clock.advance(100);
  expect(scene.status()).toMatchObject({ deviceId: IDENTITY.id });
  expect(scene.world.wifi.accessPoints).toMatchObject([{ password: IDENTITY.accessPointPassword }]);
  expect(scene.under.ends).toEqual([]);
});

test("a station flashed with an image verifies tags with the platform's key", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.bringOnline();
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  expect(scene.platform.requests.at(-1)).toMatchObject({ deviceId: IDENTITY.id });
});

test("a station flashed with an image that has an account uses it, and does not send its key", () => {
  const scene = flashed(imageOf({ ...IDENTITY, password: OWNER.token }));
  scene.bringOnline();
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  expect(scene.latestUsername).toBe(IDENTITY.id);
  const sent = scene.broker.published.filter(({ topic }) => topic.includes("/req/"));
  expect(sent.map(({ payload }) => decodeUTF8(payload)).join()).not.toContain(IDENTITY.key);
});

test("a station flashed with an image keeps its provisioned identity beside its own records", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.bringOnline();
  scene.under.powerCycle();
  scene.until("the station is online again", () => scene.station.lifeCycle === "online");
  expect(scene.device.flash.get("plugpass", "device")).toEqual(
    flashFromImage(imageOf(IDENTITY)).get("plugpass", "device"),
  );
});

test("a damaged image is rejected with the page and entry", () => {
  const image = imageOf(IDENTITY);
  image[100] = 0;
  expect(() => flashFromImage(image)).toThrow("page 0, entry 1: its checksum is wrong");
});
