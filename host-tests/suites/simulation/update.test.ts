import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeUTF8, encodeHex } from "../../../modules/bytes/index.js";
import { NO_KEY, VALIDATION_TIMEOUT_MS } from "../../../modules/updates/index.js";
import { answer } from "../../../platform-stub/firmware/answer.js";
import { FirmwareRepository } from "../../../platform-stub/firmware/repository.js";
import { usernameOf as hashOf } from "../../../platform-stub/registry.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { Random } from "../../virtual/world/random.js";
import { KEYED, maker, Signer } from "../../virtual/world/signer.js";
import { signatureOf, UpdateScene } from "./update-scene.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let scene: UpdateScene;

beforeEach(() => {
  scene = new UpdateScene();
  scene.bringOnline();
});

/** What `updatestate` was, one after the other, and when. */
function states(): { text: string; atMs: number }[] {
  const list: { text: string; atMs: number }[] = [];
  scene.broker.watch(({ topic, payload }) => {
    if (!topic.endsWith("/firmware/updatestate")) return;
    list.push({ text: decodeUTF8(payload) ?? "", atMs: scene.clock.monotonicMs() });
  });
  return list;
}

/** What people were told. */
function news(): { message: string; logLevel: string }[] {
  return scene.broker.published
    .filter(({ topic }) => topic.endsWith("/notifications/create"))
    .map(({ payload }) => JSON.parse(decodeUTF8(payload) ?? "null"))
    .map(({ message, logLevel }) => ({ message, logLevel }));
}

/** The server takes minutes to say what is newest. */
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
  test("goes from the repository into the other slot, and the new firmware stays", () => {
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

  test("tells its progress, at most once a second", () => {
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

  test("goes on where it broke off", () => {
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

  test("goes on after a silence of 15 s, too", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    let stalls = 1;
    scene.server.fault = ({ path }) =>
      path.endsWith(".bin") && stalls-- > 0 ? { stallAfterBytes: 12_000 } : undefined;
    scene.update();
    expect(scene.version()).toBe(2);
    expect(imageRequests()[1]?.headers.get("range")).toBe("bytes=12000-");
  });

  test("is refused when the server has another image by then, and the next one is that", () => {
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

  test("begins anew when the server does not know any more what it has sent", () => {
    scene.release(2, { image: makeImage({ version: 2, byteLength: 40_000 }) });
    const lengths: number[] = [];
    scene.server.intercept = ({ path, headers }, response) => {
      if (!path.endsWith(".bin")) return response;
      lengths.push(response.body.length);
      // As a server does whose validators are of its own run, and that ignores what it does not know.
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

  test("is not looked for twice at a time", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.clock.advance(5);
    scene.set("firmware/update", "true");
    scene.untilSettled();
    expect(scene.version()).toBe(2);
    expect(scene.broker.published.filter(({ topic }) => topic.includes("/errors/"))).toHaveLength(1);
  });

  test("is none where there is nothing newer", () => {
    scene.release(1);
    scene.update();
    expect(scene.updateState()).toBe("Firmware is up to date");
    expect(imageRequests()).toEqual([]);
  });

  test("is none where the server does not come to the point", () => {
    trickleChecks();
    scene.set("firmware/update", "true");
    scene.clock.advance(50_000);
    expect(scene.updateState()).toBe("Checking for updates");
    scene.clock.advance(11_000);
    expect(scene.updateState()).toBe("Update failed: no answer within 60 s");
  });

  test("is none where there is no repository", () => {
    scene.update();
    expect(scene.updateState()).toBe("Update failed: the server answers 404 to the version check");
  });

  test("goes back to an older version only for who asks for that", () => {
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

  test("takes the staging image in staging mode", () => {
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

describe("a session", () => {
  test("comes before an update: it waits, also in the middle, and goes on where it was", () => {
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

  test("that was there before delays it from its start", () => {
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

describe("a bad firmware is rolled back, says why, and is not tried again by itself:", () => {
  beforeEach(() => {
    scene.clock.setEpochMs(10 * DAY_MS);
    scene.release(2);
  });

  /** What has to hold after each. */
  function expectRollback(why: string): void {
    expect(scene.version()).toBe(1);
    expect(scene.updateState()).toMatch(new RegExp(`^Rolled back: version 2: .*${why}`));
    expect(news()).toEqual([
      {
        message: expect.stringMatching(new RegExp(`^firmware 2 was rolled back: .*${why}`)),
        logLevel: "warning",
      },
    ]);
    const before = imageRequests().length;
    scene.clock.advance(3 * DAY_MS);
    expect(imageRequests()).toHaveLength(before);
    expect(scene.server.requests.length).toBeGreaterThan(before + 2);
    expect(scene.updateState()).toMatch(/^Rolled back/);
    // A better one is taken by itself.
    scene.release(3);
    scene.clock.advance(DAY_MS + 60 * MINUTE_MS);
    scene.untilSettled();
    expect(scene.version()).toBe(3);
  }

  test("one that crashes at its start", () => {
    scene.under.bad.set(2, () => {
      throw new Error("undefined is not a function");
    });
    scene.update();
    expectRollback("undefined is not a function");
  });

  test("one that crashes after a while", () => {
    scene.under.bad.set(2, (board) => {
      board.clock.set(() => {
        throw new Error("out of memory");
      }, 100);
      return board;
    });
    scene.update();
    expectRollback("out of memory");
  });

  test("one that hangs", () => {
    scene.under.bad.set(2, () => scene.device.hang());
    scene.update();
    expectRollback("reset by the task watchdog");
  });

  test("one that never reaches the broker, which went away while it came", () => {
    scene.under.bad.set(2, (board) => ({
      ...board,
      resolve: (_host, done) => {
        board.clock.set(() => done(undefined), 10);
      },
    }));
    scene.set("firmware/update", "true");
    scene.until("it is under way", () => scene.updateState() !== "none" && imageRequests().length > 0);
    scene.broker.stop();
    scene.until("the new one runs", () => scene.version() === 2);
    scene.broker.start();
    scene.clock.advance(VALIDATION_TIMEOUT_MS + 10_000);
    scene.untilSettled();
    expectRollback("did not reach the broker within 5 minutes");
  });

  test("one whose owner asks for a factory reset before it has proven itself", () => {
    scene.under.bad.set(2, (board) => ({
      ...board,
      resolve: (_host, done) => {
        board.clock.set(() => done(undefined), 10);
      },
    }));
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.station.resetToProvisioned();
    scene.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(scene.version()).toBe(1);
    expect(scene.status()).toMatchObject({ state: "unpaired" });
    expect(scene.station.updates.state.type).toBe("rolled-back");
  });

  test("one that never reaches the broker", () => {
    scene.under.bad.set(2, (board) => ({
      ...board,
      resolve: (_host, done) => {
        board.clock.set(() => done(undefined), 10);
      },
    }));
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    scene.clock.advance(VALIDATION_TIMEOUT_MS - 10_000);
    expect(scene.version()).toBe(2);
    scene.clock.advance(20_000);
    scene.untilSettled();
    expectRollback("did not reach the broker within 5 minutes: the name broker.example has no address");
  });
});

describe("a new firmware", () => {
  test("is kept without a broker where there was none before, when its radio and its network are up", () => {
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

  test("has the broker to reach, though the owner's network is away for a while", () => {
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

  test("takes no further update while it is pending verification", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("the new one runs", () => scene.version() === 2);
    expect(scene.station.updates.request()).toMatch("pending verification");
    expect(scene.station.updates.upload()).toMatchObject({ code: "busy" });
  });

  test("is tried again when it was the power that went", () => {
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

  test("is not tried again and again when the power goes each time: it may pull it down", () => {
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

  test("is tried again when somebody has restarted it", () => {
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

  test("that has proven itself goes on telling a bootloader that does not take it in", () => {
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
    expect(scene.station.updates.request()).toMatch("pending verification");
    scene.clock.advance(2 * VALIDATION_TIMEOUT_MS);
    expect(scene.device.slots.isOnTrial).toBe(false);
    expect(scene.updateState()).toBe("Updated successfully");
    scene.under.powerCycle();
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });

  test("lets a vehicle charge to its end before it gives itself up", () => {
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

describe("an image that somebody brings", () => {
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

  test.each(["check", "download"])("comes before a %s that takes its time", (what) => {
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

  test("comes not before one that waits to be started", () => {
    scene.release(2);
    scene.set("firmware/update", "true");
    scene.until("it is there", () => scene.updateState() === "Updating 100%");
    expect(scene.station.updates.upload()).toMatchObject({ code: "busy" });
    scene.untilSettled();
    expect(scene.version()).toBe(2);
  });
});

describe("by itself a station updates", () => {
  test("once a day, at the time that is set and up to 30 minutes later", () => {
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

  test("not while the time is unknown, nor when the owner does not want it", () => {
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

  test("tries again, less and less often, while the server is away", () => {
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

  test.each(["25:00", "3:00", "03:60", "noon"])("never at %s: that is refused", (time) => {
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
  ])("refuses %s", (_name, by, why) => {
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

  test("reports in updatestate why it takes no updates", () => {
    expect(scene.updateState()).toBe(`Off: ${NO_KEY.message}`);
  });

  test("does not ask the server at night, although automatic updates are on", () => {
    scene.release(2);
    scene.clock.setEpochMs(20 * DAY_MS);
    scene.clock.advance(3 * DAY_MS);
    expect(scene.retained("firmware/autoupdate")).toBe("true");
    expect(scene.server.requests).toEqual([]);
    expect(scene.version()).toBe(1);
  });

  test.each(["true", "downgrade"] as const)("refuses the owner's update %s with an error", (how) => {
    scene.release(2, { signature: undefined });
    scene.update(how);
    expect(scene.server.requests).toEqual([]);
    expect(scene.version()).toBe(1);
    const errors = scene.broker.published.filter(({ topic }) => topic.includes("/errors/"));
    expect(errors.map(({ payload }) => decodeUTF8(payload)).join()).toContain(NO_KEY.message);
    expect(scene.updateState()).toBe(`Off: ${NO_KEY.message}`);
  });

  test("that replaced a firmware with a key confirms itself", () => {
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
