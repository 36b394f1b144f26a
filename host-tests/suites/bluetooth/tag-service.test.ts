import { afterEach, describe, expect, test } from "@jest/globals";
import { readResult } from "../../../docs/station.js";
import { decodeBase64URL, decodeUTF8, encodeHex } from "../../../modules/bytes/index.js";
import { CHALLENGE_UUID, RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import type { SeenStation } from "../../virtual/world/phone.js";
import { prove } from "../../virtual/world/proof.js";
import { skipFor } from "../optional.js";
import { type GuestPhone, RadioScene, STATION_ADDRESS } from "./radio-scene.js";

const TAG = "GUEST-0001";
const CARD = { cardId: "ka5tqgx2m7bd4wzn", secret: "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8" };
const LONGEST_TAG = "A".repeat(64);
const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the tag service with a central on noble", () => {
  let scene: RadioScene;

  function online(): RadioScene {
    if (!packages) throw new Error(HOW_TO_GET_BLUETOOTH);
    scene = RadioScene.online(packages);
    scene.cafe.platform.tags.set(LONGEST_TAG, { authorized: true });
    return scene;
  }

  async function finalResult(phone: GuestPhone, count = 2): Promise<void> {
    await scene.until("the phone has its final result", () => phone.results.length >= count);
  }

  /** Returns whether a new scanner receives the station's advertisement within a second. */
  async function isDiscoverable(): Promise<boolean> {
    let count = 0;
    const scan = scene.phone.scan(() => {
      count++;
    });
    await scene.pass(1000);
    scan.close();
    return count > 0;
  }

  afterEach(() => scene.cafe.device.cutPower());

  describe.each([
    ["23, the smallest MTU", undefined, 23],
    ["185", 185, 185],
    ["517, more than the station accepts", 517, 247],
  ])("with the MTU %s", (_name, asked, mtu) => {
    test("starts a session with a tag of 64 characters", async () => {
      online();
      const phone = await scene.connect({ mtu: asked });
      expect(phone.connection.mtu).toBe(mtu);
      expect(await phone.write(LONGEST_TAG)).toBeUndefined();
      await finalResult(phone);
      expect(phone.codes).toEqual([202, 200]);
      await scene.pass(100);
      expect(scene.cafe.station.status).toBe("charging");
      expect(decodeUTF8(await phone.read(TAG_UUID))).toBe(LONGEST_TAG);
    });

    test.each([
      ["too long", "A".repeat(65)],
      ["far too long", "A".repeat(512)],
      ["empty", ""],
      ["with a forbidden character", "with space"],
    ])("answers 400 to a tag that is %s, without a request to the platform", async (_what, tag) => {
      online();
      const phone = await scene.connect({ mtu: asked });
      expect(await phone.write(tag)).toBeUndefined();
      await finalResult(phone);
      expect(phone.codes).toEqual([202, 400]);
      expect(scene.cafe.platform.requests).toEqual([]);
    });

    test("rejects a value of 513 bytes", async () => {
      online();
      const phone = await scene.connect({ mtu: asked });
      expect(await phone.write("A".repeat(513))).toBe(0x0d);
      await scene.pass(1000);
      expect(phone.results).toEqual([]);
    });

    test("authorizes a proof for the challenge that the phone has read, with the platform's receipt", async () => {
      online();
      const { tags, proofCards, requests } = scene.cafe.platform;
      tags.set(CARD.cardId, { authorized: true });
      proofCards.secrets.set(CARD.cardId, decodeBase64URL(CARD.secret) ?? new Uint8Array());
      const phone = await scene.connect({ mtu: asked });
      const challenge = await phone.read(CHALLENGE_UUID);
      const proof = prove(CARD, challenge);
      expect(await phone.write(proof?.text ?? "")).toBeUndefined();
      await finalResult(phone);
      expect(phone.codes).toEqual([202, 200]);
      const data = { tag: CARD.cardId, method: "ble", nonce: encodeHex(challenge.slice(8)) };
      expect(requests).toMatchObject([{ endpoint: "authorize", data }]);
      const read = await phone.read(RESULT_UUID);
      expect([read.length, proof?.isConfirmedBy(readResult(read))]).toEqual([14, true]);
    });
  });

  test("is discovered, read, connected, written, notifies and is read again", async () => {
    online();
    const discovered: SeenStation[] = [];
    const scan = scene.phone.scan((station) => discovered.push(station));
    await scene.until("the station is discovered", () => discovered.length > 0);
    scan.close();
    expect(discovered[0]).toMatchObject({
      address: STATION_ADDRESS,
      status: "plugged",
      acceptsTags: true,
      platformReachable: true,
      pairing: false,
    });
    const phone = await scene.connect({ mtu: 185 });
    await phone.write(TAG);
    await finalResult(phone);
    expect(phone.results).toMatchObject([
      { state: "pending", code: 202, attempt: 1 },
      { state: "authorized", code: 200, attempt: 1 },
    ]);
    expect(readResult(await phone.read(RESULT_UUID))).toMatchObject({ state: "authorized", code: 200 });
  });

  test("can be read by a phone that has not subscribed", async () => {
    online();
    const phone = await scene.connect({ subscribes: false });
    expect(readResult(await phone.read(RESULT_UUID))).toMatchObject({ state: "idle", code: 0, attempt: 0 });
    await phone.write(TAG);
    await scene.until("the vehicle charges", () => scene.cafe.station.status === "charging");
    await scene.pass(500);
    expect(readResult(await phone.read(RESULT_UUID))).toMatchObject({
      state: "authorized",
      code: 200,
      attempt: 1,
      status: "charging",
    });
    expect(phone.results).toEqual([]);
  });

  test("sends three concurrent phones their own results, 423 to the second attempt", async () => {
    online();
    scene.cafe.platform.intercept = () => [];
    const [first, second, third] = [await scene.connect(), await scene.connect(), await scene.connect()];
    await first.write(TAG);
    await second.write("GUEST-0002");
    await finalResult(second);
    expect(second.codes).toEqual([202, 423]);
    expect(first.codes).toEqual([202]);
    expect(third.codes).toEqual([]);
    expect(decodeUTF8(await first.read(TAG_UUID))).toBe(TAG);
    expect(decodeUTF8(await second.read(TAG_UUID))).toBe("GUEST-0002");
    expect(await third.read(TAG_UUID)).toHaveLength(0);
    await finalResult(first);
    expect(first.codes).toEqual([202, 408]);
  });

  test("advertises while a connection is free, and again when one becomes free", async () => {
    online();
    await scene.connect();
    const second = await scene.connect();
    expect(await isDiscoverable()).toBe(true);
    await scene.connect();
    expect(await isDiscoverable()).toBe(false);
    second.connection.disconnect();
    await scene.pass(200);
    expect(await isDiscoverable()).toBe(true);
    await scene.connect();
  });

  test("starts the session when the phone is lost after the write, and the phone can read it later", async () => {
    online();
    const { broker, platform } = scene.cafe;
    const held: (() => void)[] = [];
    platform.intercept = (response, { user, deviceId, endpoint }) => {
      held.push(() => broker.publish(`${user}/res/${deviceId}/${endpoint}`, JSON.stringify(response)));
      return [];
    };
    const phone = await scene.connect();
    await phone.write(TAG);
    await scene.until("the platform is asked", () => held.length > 0 && phone.results.length > 0);
    phone.connection.lose();
    for (const answer of held) answer();
    await scene.until("the vehicle charges", () => scene.cafe.station.status === "charging");
    await scene.until("the phone has detected it", () => phone.lost.length > 0);
    expect(phone.codes).toEqual([202]);
    const again = await scene.connect();
    expect(readResult(await again.read(RESULT_UUID))).toMatchObject({ state: "idle", status: "charging" });
  });

  test("starts no attempt when the phone is lost during a long write", async () => {
    online();
    const phone = await scene.connect();
    phone.connection.write(TAG_UUID, new Uint8Array(64).fill(0x41), () => {});
    await scene.pass(100);
    phone.connection.lose();
    await scene.until("the phone has detected it", () => phone.lost.length > 0);
    await scene.pass(5000);
    expect(scene.cafe.platform.requests).toEqual([]);
    expect(scene.cafe.station.status).toBe("plugged");
  });

  test("leaves the process signals and the exit event to the commands", async () => {
    const count = () => [process.listenerCount("SIGINT"), process.listenerCount("exit")];
    const before = count();
    online();
    await scene.connect();
    expect(count()).toEqual(before);
  });

  test("is detected as lost by its phones after a power cut", async () => {
    online();
    const phone = await scene.connect();
    scene.cafe.device.cutPower();
    await scene.pass(400);
    expect(phone.lost).toEqual([]);
    await scene.until("the phone has detected it", () => phone.lost.length > 0);
    expect(phone.lost).toEqual(["reason 0x08"]);
  });

  test("notifies after subscribing, not after unsubscribing, and after subscribing again", async () => {
    online();
    const phone = await scene.connect();
    await phone.write("bad tag");
    await finalResult(phone);
    await phone.unsubscribe();
    await phone.write("bad tag");
    await scene.pass(1000);
    expect(phone.codes).toEqual([202, 400]);
    await phone.subscribe();
    await phone.write("bad tag");
    await finalResult(phone, 4);
    expect(phone.results.map(({ attempt }) => attempt)).toEqual([1, 1, 3, 3]);
  });

  test("accepts a tag from a phone that knows only the address", async () => {
    online();
    expect(await scene.present(TAG)).toBe(200);
    await scene.until("the phone has left", () => scene.cafe.station.status === "charging");
    expect(scene.cafe.device.mac).toBe(STATION_ADDRESS);
  });
});
