/**
 * Updates a station on real sockets with a real broker and a repository over HTTP, with a release signed as `npm run
 * release` does.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { writeRelease } from "../../../platform-stub/firmware/directory.js";
import { makeKey, publicKeyOf, signatureOf } from "../../../platform-stub/firmware/keys.js";
import { type FirmwareService, serveFirmware } from "../../../platform-stub/firmware/server.js";
import { type Platform, Registry, startPlatform, usernameOf } from "../../../platform-stub/index.js";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { World } from "../../virtual/world/world.js";
import { waitForStation } from "./station-log.js";

const OWNER = { email: "owner@cafe.example", token: "token-of-the-owner" };
const PATIENCE_MS = 60_000;

let directory: string;
let platform: Platform;
let firmware: FirmwareService;
let clock: NodeClock;
let station: VirtualStation;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "plugpass-update-"));
  makeKey(join(directory, "key.pem"));
  const registry = new Registry();
  registry.addUser(OWNER);
  const { key } = registry.addDevice({ id: "cafe-1", owner: OWNER.email });
  platform = await startPlatform({ registry });
  const broker = { url: platform.url, ...platform.account };
  firmware = await serveFirmware({ directory: join(directory, "repository"), port: 0, broker });
  clock = new NodeClock();
  const world = new World(clock, { seed: 3 });
  world.wifi.put({ ssid: "Home" });
  const { host, port } = platform;
  station = new VirtualStation({
    world,
    httpPort: 0,
    config: { updateServer: firmware.url, updateKey: publicKeyOf(join(directory, "key.pem")) },
    provisioning: {
      deviceId: "cafe-1",
      responseKey: key,
      preset: { ssid: "Home", psk: "", host, brport: String(port), wsp: OWNER.email, token: OWNER.token },
    },
    onEnd: ({ type }) => {
      if (type === "restart") clock.set(() => station.boot(), 0);
    },
  });
  station.boot();
  await waitForStation(
    station,
    "the station is online",
    (virtual) => virtual.station?.lifeCycle === "online",
  );
}, PATIENCE_MS);

afterEach(async () => {
  station.device.cutPower();
  clock.dispose();
  await firmware.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

test(
  "an update requested by the owner's app is installed and validated",
  async () => {
    const image = makeImage({ version: 2, byteLength: 262_144 });
    const signature = signatureOf(join(directory, "key.pem"), image);
    const release = { productId: "plugpass", version: 2, channel: "stable", percent: 100, image } as const;
    writeRelease(join(directory, "repository"), { ...release, signature });
    const root = `${usernameOf(OWNER.email)}/sweet-home/cafe-1/firmware`;
    const seen = new Map<string, string>();
    const app = await mqtt.connectAsync(platform.url, { ...platform.account });
    app.on("message", (topic, payload) => seen.set(topic.slice(root.length + 1), payload.toString()));
    await app.subscribeAsync(`${root}/+`);
    await app.publishAsync(`${root}/update/set`, "true", { qos: 1 });
    await waitForStation(
      station,
      "the station is updated",
      () => seen.get("updatestate") === "Updated successfully",
      PATIENCE_MS,
    );
    expect(seen.get("version")).toBe("2");
    expect(station.device.slots.isOnTrial).toBe(false);
    await waitFor("the repository knows", () =>
      firmware.repository.progress(release).updated.includes("cafe-1"),
    );
    await app.endAsync();
  },
  PATIENCE_MS,
);
