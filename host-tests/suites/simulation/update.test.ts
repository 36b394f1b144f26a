import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeUTF8, encodeHex } from "../../../modules/bytes/index.js";
import { NO_KEY, VALIDATION_TIMEOUT_MS } from "../../../modules/updates/index.js";
import { usernameOf as hashOf } from "../../../platform-stub/accounts.js";
import { answer } from "../../../platform-stub/firmware/answer.js";
import { FirmwareRepository } from "../../../platform-stub/firmware/repository.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { Random } from "../../virtual/world/random.js";
import { KEYED, maker, Signer } from "../../virtual/world/signer.js";
import { signatureOf, UpdateScene, withoutNames } from "./update-scene.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let scene: UpdateScene;

beforeEach(() => {
  scene = new UpdateScene();
  scene.bringOnline();
});

/** Records each value of `updatestate` with its time, ms. */
function states(): { text: string; atMs: number }[] {
  const list: { text: string; atMs: number }[] = [];
  scene.broker.watch(({ topic, payload }) => {
    if (!topic.endsWith("/firmware/updatestate")) return;
    list.push({ text: decodeUTF8(payload) ?? "", atMs: scene.clock.monotonicMs() });
  });
  return list;
}

/** Returns the notifications that were published for the owner. */
function news(): { message: string; logLevel: string }[] {
  return scene.broker.published
    .filter(({ topic }) => topic.endsWith("/notifications/create"))
    .map(({ payload }) => JSON.parse(decodeUTF8(payload) ?? "null"))
    .map(({ message, logLevel }) => ({ message, logLevel }));
}

/** Makes the server send its answer to the version check over several minutes. */
function trickleChecks(): void {
  scene.server.intercept = (_request, response) => ({
    ...response,
    status: 200,
    headers: {},
    body: new Uint8Array(2000).fill(0x20),
  });
  scene.server.fault = () => ({ bytesPerSecond: 10 });
}

const imageRequests = () => scene.server.requests.filter(({ path }) => path.endsWith(".bin"));

describe("an update", () => {
  test("is downloaded from the repository into the other slot, and the new firmware is validated", () => {
    scene.release(2);
    const seen = states();
    scene.update();
    expect(scene.version()).toBe(2);
    expect(scene.retained("firmware/version")).toBe("2");
    expect(scene.retained("$fw/version")).toBe("2");
    const texts = seen.map(({ text }) => text);
    expect(texts.slice(0, 2)).toEqual(["Checking for updates", "Updating"]);
    expect(texts.at(-1)).toBe("Updated successfully");
    expect(scene.under.ends).toEqual([{ type: "restart", reason: "updated to version 2" }]);
    scene.under.powerCycle();
    scene.untilSettled();
    expect(scene.version()).toBe(2);
    expect(news()).toEqual([{ message: "firmware 2 runs", logLevel: "info" }]);
  });

  test("publishes its progress, at most once a second", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 400_000 }) });
    scene.server.fault = () => ({ bytesPerSecond: 20_000 });
    const seen = states();
    scene.update();
    const progress = seen.filter(({ text }) => /^Updating \d+%$/.test(text));
    expect(progress.length).toBeGreaterThan(10);
    for (const [i, { text, atMs }] of progress.entries()) {
      const before = progress[i - 1];
      if (!before) continue;
      expect(Number.parseInt(text.slice(9), 10)).toBeGreaterThan(Number.parseInt(before.text.slice(9), 10));
      if (text !== "Updating 100%") expect(atMs - before.atMs).toBeGreaterThanOrEqual(1000);
    }
  });

  test("resumes after a broken connection at the byte where it stopped", () => {
    const image = scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    scene.server.fault = ({ path }) => (path.endsWith(".bin") ? { breakAfterBytes: 15_000 } : undefined);
    scene.update();
    expect(scene.version()).toBe(2);
    expect(imageRequests().map(({ headers }) => headers.get("range"))).toEqual([
      undefined,
      "bytes=15000-",
      "bytes=30000-",
    ]);
    expect(scene.device.slots.image(1).slice(0, image.length)).toEqual(image);
  });

  test("resumes after the server was silent for 15 s", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    let stalls = 1;
    scene.server.fault = ({ path }) =>
      path.endsWith(".bin") && stalls-- > 0 ? { stallAfterBytes: 12_000 } : undefined;
    scene.update();
    expect(scene.version()).toBe(2);
    expect(imageRequests()[1]?.headers.get("range")).toBe("bytes=12000-");
  });

  test("fails when the image on the server has changed, and the next update installs the new image", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    scene.server.fault = ({ path }) => {
      if (!path.endsWith(".bin")) return undefined;
      scene.release(3, { image: makeImage({ version: 3, byteLength: 30_000 }) });
      return { breakAfterBytes: 15_000 };
    };
    scene.update();
    expect(scene.version()).toBe(1);
    expect(scene.updateState()).toBe("Update failed: the image has 30000 bytes, and 40000 were announced");
    scene.server.fault = undefined;
    scene.update();
    expect(scene.version()).toBe(3);
  });

  test("starts again from the first byte when the server no longer recognizes the ETag", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    const lengths: number[] = [];
    scene.server.intercept = ({ path, headers }, response) => {
      if (!path.endsWith(".bin")) return response;
      lengths.push(response.body.length);
      // The validators of this server change with each run, and it ignores an If-Range that it does not recognize.
      const etag = `"run-${lengths.length}"`;
      const { image: body } = scene.server.repository.releases[0] ?? { image: response.body };
      const length = { "content-length": String(body.length) };
      return headers.has("range")
        ? { status: 200, headers: { etag, ...length }, body }
        : { ...response, body };
    };
    scene.server.fault = ({ path, headers }) =>
      path.endsWith(".bin") && !headers.has("range") ? { breakAfterBytes: 15_000 } : undefined;
    scene.update();
    expect(lengths).toHaveLength(2);
    expect(scene.version()).toBe(2);
  });

  test("that is requested twice runs once, and the second request is rejected with an error", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.clock.advance(5);
    scene.set("firmware/update", "true");
    scene.untilSettled();
    expect(scene.version()).toBe(2);
    expect(scene.broker.published.filter(({ topic }) => topic.includes("/errors/"))).toHaveLength(1);
  });

  test("is not downloaded when the repository has no newer version", () => {
    scene.release(1);
    scene.update();
    expect(scene.updateState()).toBe("Firmware is up to date");
    expect(imageRequests()).toEqual([]);
  });

  test("fails after 60 s when the server does not finish its answer", () => {
    trickleChecks();
    scene.set("firmware/update", "true");
    scene.clock.advance(50_000);
    expect(scene.updateState()).toBe("Checking for updates");
    scene.clock.advance(11_000);
    expect(scene.updateState()).toBe("Update failed: no answer within 60 s");
  });

  test("fails when the server answers 404", () => {
    scene.update();
    expect(scene.updateState()).toBe("Update failed: the server answers 404 to the version check");
  });

  test("installs an older version only when a downgrade is requested", () => {
    scene.release(2);
    scene.update();
    const older = new FirmwareRepository();
    const image = makeImage({ version: 1 });
    const signature = signatureOf(image);
    older.put({ productId: "plugpass", version: 1, channel: "stable", percent: 100, image, signature });
    scene.server.intercept = (request) => answer(older, request);
    scene.update();
    expect(scene.updateState()).toBe("Firmware is up to date");
    scene.update("downgrade");
    expect(scene.version()).toBe(1);
  });

  test("uses the staging image in staging mode", () => {
    scene.release(2, { channel: "staging" });
    scene.update();
    expect(scene.version()).toBe(1);
    scene.set("firmware/staging", "true");
    scene.clock.advance(1000);
    scene.update();
    expect(scene.version()).toBe(2);
    expect(imageRequests().at(-1)?.path).toBe("/firmwares/v1/staging/plugpass.bin");
  });
});

describe("a charging session", () => {
  test("suspends a running download, which resumes after the session where it stopped", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 200_000 }) });
    scene.server.fault = () => ({ bytesPerSecond: 20_000 });
    scene.set("firmware/update", "true");
    scene.clock.advance(4000);
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("it charges", () => scene.device.vehicle.isCharging);
    scene.clock.advance(2 * 60 * MINUTE_MS);
    expect(scene.device.vehicle.isCharging).toBe(true);
    expect(scene.version()).toBe(1);
    expect(imageRequests()).toHaveLength(1);
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    scene.untilSettled();
    expect(scene.version()).toBe(2);
    expect(imageRequests()).toHaveLength(2);
    expect(imageRequests()[1]?.headers.get("range")).toMatch(/^bytes=[1-9]/);
  });

  test("delays an update that is requested during the session until it has ended", () => {
    scene.release(2);
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("it charges", () => scene.device.vehicle.isCharging);
    scene.set("firmware/update", "true");
    scene.clock.advance(10 * MINUTE_MS);
    expect(scene.server.requests).toEqual([]);
    expect(scene.updateState()).toBe("Updating");
    scene.device.vehicle.unplug();
    scene.clock.advance(5000);
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });
});

describe("a bad firmware", () => {
  beforeEach(() => {
    scene.clock.setEpochMs(10 * DAY_MS);
    scene.release(2);
  });

  /** Expects a rollback with this reason, no retry for 3 days, and the next release to be installed. */
  function expectRollback(why: string): void {
    expect(scene.version()).toBe(1);
    expect(scene.updateState()).toMatch(new RegExp(`^Rolled back: version 2: .*${why}`));
    expect(news()).toEqual([
      {
        message: expect.stringMatching(
          new RegExp(`^update-rolled-back: firmware 2 was rolled back: .*${why}`),
        ),
        logLevel: "warning",
      },
    ]);
    const before = imageRequests().length;
    scene.clock.advance(3 * DAY_MS);
    expect(imageRequests()).toHaveLength(before);
    expect(scene.server.requests.length).toBeGreaterThan(before + 2);
    expect(scene.updateState()).toMatch(/^Rolled back/);
    // A newer release is installed automatically.
    scene.release(3);
    scene.clock.advance(DAY_MS + 60 * MINUTE_MS);
    scene.untilSettled();
    expect(scene.version()).toBe(3);
  }

  test("that crashes at boot is rolled back, with the reason and without an automatic retry", () => {
    scene.under.bad.set(2, () => {
      throw new Error("undefined is not a function");
    });
    scene.update();
    expectRollback("undefined is not a function");
  });

  test("that crashes 100 ms after boot is rolled back", () => {
    scene.under.bad.set(2, (board) => {
      board.clock.set(() => {
        throw new Error("out of memory");
      }, 100);
      return board;
    });
    scene.update();
    expectRollback("out of memory");
  });

  test("that hangs is rolled back", () => {
    scene.under.bad.set(2, () => scene.device.hang());
    scene.update();
    expectRollback("reset by the task watchdog");
  });

  test("that never reaches the broker is rolled back, also if the broker was down during the update", () => {
    scene.under.bad.set(2, withoutNames);
    scene.set("firmware/update", "true");
    scene.until("it is under way", () => scene.updateState() !== "none" && imageRequests().length > 0);
    scene.broker.stop();
    scene.until("the new one runs", () => scene.version() === 2);
    scene.broker.start();
    scene.clock.advance(VALIDATION_TIMEOUT_MS + 10_000);
    scene.untilSettled();
    expectRollback("did not reach the broker within 5 minutes");
  });

  test("is rolled back when the owner requests a factory reset during the boot trial", () => {
    scene.under.bad.set(2, withoutNames);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.station.resetToProvisioned();
    scene.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(scene.version()).toBe(1);
    expect(scene.status()).toMatchObject({ state: "unpaired" });
    expect(scene.station.updates.state.type).toBe("rolled-back");
  });

  test("that never reaches the broker is rolled back after 5 minutes", () => {
    scene.under.bad.set(2, withoutNames);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.clock.advance(VALIDATION_TIMEOUT_MS - 10_000);
    expect(scene.version()).toBe(2);
    scene.clock.advance(20_000);
    scene.untilSettled();
    expectRollback("did not reach the broker within 5 minutes: the name broker.example has no address");
  });
});

describe("a new firmware in its boot trial", () => {
  test("is validated without a broker on an unpaired station once its radio and network are up", () => {
    scene = new UpdateScene();
    scene.under.boot();
    scene.clock.advance(1000);
    const image = makeImage({ version: 2 });
    scene.device.interrupt(() => {
      const upload = scene.station.updates.upload({ size: image.length });
      if ("code" in upload) throw new Error(upload.message);
      expect(upload.write(image)).toBeUndefined();
      expect(upload.finish({ signature: maker.sign(image) })).toBeUndefined();
    });
    scene.clock.advance(MINUTE_MS);
    expect(scene.version()).toBe(2);
    expect(scene.device.slots.isOnTrial).toBe(false);
    expect(scene.station.updates.state.type).toBe("updated");
  });

  test("is validated when the broker is reached after a temporary network outage", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.brokerHost.isCut = true;
    scene.clock.advance(4 * MINUTE_MS);
    expect(scene.device.slots.isOnTrial).toBe(true);
    scene.brokerHost.isCut = false;
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });

  test("rejects further updates until it is validated", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    expect(scene.station.updates.request()).toMatchObject({
      code: "busy",
      message: expect.stringContaining("pending verification"),
    });
    expect(scene.station.updates.upload()).toMatchObject({ code: "busy" });
  });

  test("is installed again by the next automatic update after a power cut has rolled it back", () => {
    scene.clock.setEpochMs(10 * DAY_MS);
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.under.powerCycle();
    scene.untilSettled();
    expect(scene.version()).toBe(1);
    expect(scene.updateState()).toBe(
      "Rolled back: version 2: the power failed before the new firmware was validated",
    );
    scene.clock.advance(DAY_MS + 60 * MINUTE_MS);
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });

  test("is not installed a third time automatically when the power was cut twice: it may cause the cuts", () => {
    scene.clock.setEpochMs(10 * DAY_MS);
    scene.release(2);
    let starts = 0;
    scene.under.bad.set(2, (board) => {
      starts++;
      board.clock.set(() => scene.under.powerCycle(), 500);
      return board;
    });
    scene.clock.advance(5 * DAY_MS);
    expect(starts).toBe(2);
    expect(scene.updateState()).toMatch(/^Rolled back: version 2: the power failed/);
    scene.under.bad.clear();
    scene.update();
    expect(scene.version()).toBe(2);
  });

  test("is installed again automatically after a requested restart has rolled it back", () => {
    scene.clock.setEpochMs(10 * DAY_MS);
    scene.release(2);
    scene.under.bad.set(2, (board) => {
      board.clock.set(() => board.restart("the installer wants it"), 500);
      return board;
    });
    scene.update();
    expect(scene.updateState()).toBe("Rolled back: version 2: the installer wants it");
    scene.under.bad.clear();
    scene.clock.advance(DAY_MS + 60 * MINUTE_MS);
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });

  test("repeats the validation until the bootloader accepts it", () => {
    let refusals = 3;
    scene.release(2);
    scene.under.bad.set(2, (board) => ({
      ...board,
      confirmUpdate: () => {
        if (refusals-- > 0) throw new Error("esp_ota_mark_app_valid_cancel_rollback gives 261");
        board.confirmUpdate();
      },
    }));
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.until("it is online", () => scene.station.lifeCycle === "online");
    scene.clock.advance(1000);
    expect(scene.device.slots.isOnTrial).toBe(true);
    expect(scene.station.updates.request()).toMatchObject({
      code: "busy",
      message: expect.stringContaining("pending verification"),
    });
    scene.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(scene.device.slots.isOnTrial).toBe(false);
    expect(scene.updateState()).toBe("Updated successfully");
    scene.under.powerCycle();
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });

  test("does not roll back before the charging session has ended", () => {
    scene.platform.list = { version: 1, tags: [hashOf("GUEST-0001")] };
    scene.set("access/offline-policy", "list");
    scene.clock.advance(1000);
    scene.under.powerCycle();
    scene.untilSettled();
    scene.clock.advance(5000);
    scene.release(2);
    scene.under.bad.set(2, (board) => ({ ...board, resolve: () => {} }));
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.clock.advance(MINUTE_MS);
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("it charges", () => scene.device.vehicle.isCharging);
    scene.clock.advance(60 * MINUTE_MS);
    expect(scene.device.vehicle.isCharging).toBe(true);
    expect(scene.version()).toBe(2);
    scene.device.vehicle.unplug();
    scene.untilSettled();
    expect(scene.version()).toBe(1);
  });
});

describe("an image from an upload", () => {
  const next = makeImage({ version: 3 });

  function bring(): void {
    scene.device.interrupt(() => {
      const upload = scene.station.updates.upload({ size: next.length });
      if ("code" in upload) throw new Error(upload.message);
      expect(upload.write(next)).toBeUndefined();
      expect(upload.finish({ signature: maker.sign(next) })).toBeUndefined();
    });
    scene.until("the new one runs", () => scene.version() === 3);
    scene.untilSettled();
  }

  test.each(["check", "download"])("has precedence over a slow %s", (what) => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    if (what === "check") trickleChecks();
    else scene.server.fault = ({ path }) => (path.endsWith(".bin") ? { bytesPerSecond: 50 } : undefined);
    scene.set("firmware/update", "true");
    scene.clock.advance(20_000);
    expect(scene.updateState()).toMatch(what === "check" ? /^Checking/ : /^Updating \d+%$/);
    bring();
    expect(scene.version()).toBe(3);
    expect(scene.updateState()).toBe("Updated successfully");
  });

  test("is rejected while a downloaded image waits for the restart", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("it is there", () => scene.updateState() === "Updating 100%");
    expect(scene.station.updates.upload()).toMatchObject({ code: "busy" });
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });
});

describe("automatic updates", () => {
  test("run once a day, within 30 minutes after the configured time", () => {
    const at: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      scene = new UpdateScene({ seed });
      scene.setOptions({ updateTime: "04:30" });
      scene.bringOnline();
      scene.clock.setEpochMs(20 * DAY_MS);
      scene.release(2);
      const startMs = scene.clock.monotonicMs();
      scene.until("it has updated", () => scene.version() === 2, DAY_MS);
      at.push((scene.clock.monotonicMs() - startMs) / MINUTE_MS - 4.5 * 60);
    }
    expect(Math.min(...at)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...at)).toBeLessThan(32);
    expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan(20);
  });

  test("do not run while the time is unknown or while the owner has turned them off", () => {
    scene.clock.setEpochMs(undefined);
    scene.release(2);
    scene.clock.advance(2 * DAY_MS);
    scene.set("firmware/autoupdate", "false");
    scene.clock.advance(1000);
    scene.clock.setEpochMs(20 * DAY_MS);
    scene.clock.advance(2 * DAY_MS);
    expect(scene.server.requests).toEqual([]);
    scene.set("firmware/autoupdate", "true");
    scene.clock.advance(2 * DAY_MS);
    expect(scene.version()).toBe(2);
  });

  test("retry with growing delays while the server is unavailable", () => {
    scene.clock.setEpochMs(20 * DAY_MS);
    scene.server.intercept = () => ({
      status: 503,
      headers: { "content-length": "0" },
      body: new Uint8Array(0),
    });
    scene.clock.advance(DAY_MS);
    expect(scene.server.requests.length).toBeGreaterThan(3);
    expect(scene.server.requests.length).toBeLessThan(8);
    scene.release(2);
    scene.server.intercept = undefined;
    scene.clock.advance(DAY_MS);
    expect(scene.version()).toBe(2);
  });

  test.each(["25:00", "3:00", "03:60", "noon"])("reject %s as their time", (time) => {
    scene.set("firmware/updatetime", time);
    scene.clock.advance(1000);
    expect(scene.retained("firmware/updatetime")).toBe("03:00");
    expect(scene.broker.published.filter(({ topic }) => topic.includes("/errors/"))).toHaveLength(1);
  });
});

describe("a station with an update key", () => {
  test.each([
    ["an unsigned image", undefined, "is not signed"],
    [
      "an image that another key has signed",
      new Signer(new Random(22)),
      "the image is not signed by the key",
    ],
  ])("rejects %s", (_name, by, why) => {
    const image = makeImage({ version: 2 });
    scene.release(2, { image, signature: by && encodeHex(by.sign(image)) });
    scene.update();
    expect(scene.version()).toBe(1);
    expect(scene.updateState()).toContain(why);
    expect(scene.device.slots.operationCount).toBe(0);
  });
});

describe("a station without an update key", () => {
  beforeEach(() => {
    scene = new UpdateScene();
    scene.under.config = {};
    scene.bringOnline();
  });

  test("reports in updatestate why it accepts no updates", () => {
    expect(scene.updateState()).toBe(`Off: ${NO_KEY.message}`);
  });

  test("does not contact the server at night, although automatic updates are on", () => {
    scene.release(2);
    scene.clock.setEpochMs(20 * DAY_MS);
    scene.clock.advance(3 * DAY_MS);
    expect(scene.retained("firmware/autoupdate")).toBe("true");
    expect(scene.server.requests).toEqual([]);
    expect(scene.version()).toBe(1);
  });

  test.each(["true", "downgrade"] as const)("rejects the owner's update %s with an error", (how) => {
    scene.release(2, { signature: undefined });
    scene.update(how);
    expect(scene.server.requests).toEqual([]);
    expect(scene.version()).toBe(1);
    const errors = scene.broker.published.filter(({ topic }) => topic.includes("/errors/"));
    expect(errors.map(({ payload }) => decodeUTF8(payload)).join()).toContain(NO_KEY.message);
    expect(scene.updateState()).toBe(`Off: ${NO_KEY.message}`);
  });

  test("validates itself when it has replaced a firmware with a key", () => {
    scene.under.config = KEYED;
    scene.under.powerCycle();
    scene.untilSettled();
    scene.release(2);
    scene.under.bad.set(2, (board) => {
      scene.under.config = {};
      return board;
    });
    scene.update();
    expect(scene.version()).toBe(2);
    expect(scene.updateState()).toBe("Updated successfully");
    scene.under.powerCycle();
    scene.untilSettled();
    expect(scene.updateState()).toBe(`Off: ${NO_KEY.message}`);
  });
});
