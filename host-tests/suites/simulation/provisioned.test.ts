import { expect, test } from "@jest/globals";
import { type Identity, imageOf } from "../../../platform-stub/provisioning/identity.js";
import { codeOf, Scene } from "../../virtual/scene.js";
import { flashFromImage } from "./flash-image.js";

const IDENTITY: Identity = {
  id: "cafe-1a2b3c4d",
  product: "cafe",
  key: "5a".repeat(32),
  cipher: "aes-256-gcm",
  accessPointPassword: "wyq8tb5rauxj",
  adminPassword: "zz48w56jgu6g",
};

/** A station whose flash has nothing but the image in it. */
function flashed(image: Uint8Array): Scene {
  const scene = new Scene({ isUnprovisioned: true, device: { flash: flashFromImage(image) } });
  scene.under.deviceId = IDENTITY.id;
  scene.platform.keys.set(IDENTITY.id, IDENTITY.key);
  return scene;
}

test("a station that was flashed with an image is the one that the image says", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.under.boot();
  scene.clock.advance(100);
  expect(scene.status()).toMatchObject({ deviceId: IDENTITY.id });
  expect(scene.world.wifi.accessPoints).toMatchObject([{ password: IDENTITY.accessPointPassword }]);
  expect(scene.under.ends).toEqual([]);
});

test("its key is the platform's: a tag is verified", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.bringOnline();
  scene.plug();
  expect(codeOf(scene.present("GUEST-0001"))).toBe(200);
  expect(scene.platform.requests.at(-1)).toMatchObject({ deviceId: IDENTITY.id });
});

test("what the station stores beside the image stays", () => {
  const scene = flashed(imageOf(IDENTITY));
  scene.bringOnline();
  scene.under.powerCycle();
  scene.until("the station is online again", () => scene.station.lifeCycle === "online");
  expect(scene.device.flash.get("plugpass", "device")).toEqual(
    flashFromImage(imageOf(IDENTITY)).get("plugpass", "device"),
  );
});

test("a damaged image is no flash", () => {
  const image = imageOf(IDENTITY);
  image[100] = 0;
  expect(() => flashFromImage(image)).toThrow("page 0, entry 1: its checksum is wrong");
});
