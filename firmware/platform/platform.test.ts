import { beforeEach, describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Device, FirmwareRun, makeSockets } from "../../host-tests/virtual/board/index.js";
import { WorldBroker } from "../../host-tests/virtual/world/broker.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board, Storage } from "../../modules/board/index.js";
import { decodeUTF8 } from "../../modules/bytes/index.js";
import { type RequestOutcome, ResponseKey, requestFailure } from "../../modules/requests/index.js";
import { StoredRecord } from "../../modules/settings/index.js";
import { Trace } from "../../modules/trace/index.js";
import type { StationCommands } from "../commands.js";
import type { StationSnapshot } from "../snapshot.js";
import type { StationIdentity } from "./identity.js";
import { Platform } from "./platform.js";

const BROKER = { name: "broker.example", address: "10.0.0.1", port: 1883 };
const STATION_ADDRESS = "10.0.0.2";
const OWNER = "owner";
const PARAMETERS = {
  email: "owner@example.com",
  token: "token",
  host: BROKER.name,
  port: BROKER.port,
  tls: false,
  rootTopic: OWNER,
};
const SOURCE = {
  snapshot: { name: "Café" } as StationSnapshot,
  commands: {} as StationCommands,
};
const NO_STORAGE: Storage = {
  read: () => undefined,
  write() {},
  delete() {},
  keys: () => [],
  close() {},
};
const IDENTITY: StationIdentity = {
  deviceId: "cafe-1",
  name: "Café",
  mac: "a4:cf:12:00:00:01",
  implementation: "virtual",
  productId: "plugpass",
  firmwareVersion: 1,
  responseKey: new ResponseKey({
    crypto: virtualCrypto(new Random(1)),
    provisioned: new Uint8Array(32),
    records: {
      open: (format) => new StoredRecord({ storage: NO_STORAGE, format, board: { log: () => {} } }),
    },
  }),
  cipher: "aes-256-gcm",
  keyInRequest: true,
  account: undefined,
  accessPointPassword: undefined,
  adminPassword: undefined,
  installationLimitA: undefined,
  preset: new Map(),
};

/** A platform object on a virtual board, in a network with a broker. */
class PlatformScene {
  readonly world = virtualWorld();
  readonly platform: Platform;
  readonly broker: WorldBroker;
  /** Number of calls of `handlePlatformChanged`. */
  changes = 0;

  constructor(identity: StationIdentity = IDENTITY) {
    const { clock, network } = this.world;
    const firmware = new FirmwareRun({
      clock,
      onEnd: (end) => {
        if (end.type === "crash") throw end.error;
      },
    });
    const host = network.host({ address: BROKER.address, names: [BROKER.name] });
    this.broker = new WorldBroker({ clock, sockets: makeSockets(host, firmware), port: BROKER.port });
    const device = new Device(this.world);
    device.host.address = STATION_ADDRESS;
    let booted: Board | undefined;
    device.boot((board) => {
      booted = board;
    });
    if (!booted) throw new Error("the device has not booted");
    this.platform = new Platform({
      board: booted,
      identity,
      link: { state: { type: "up", address: STATION_ADDRESS } },
      device: { nodes: [], options: [], telemetry: [], stats: [] },
      trace: new Trace(booted),
    });
    this.platform.subscribe({ handlePlatformChanged: () => this.changes++ });
  }

  connect(): void {
    this.platform.connect({ parameters: PARAMETERS, source: SOURCE });
    if (!this.world.clock.runUntil(() => this.platform.isOnline, 60_000)) throw new Error("not online");
    this.world.clock.advance(10_000);
  }

  /** Messages of the notifications that the broker has received. */
  get notifications(): string[] {
    return this.broker.published
      .filter(({ topic }) => topic === `${OWNER}/notifications/create`)
      .map(({ payload }) => JSON.parse(decodeUTF8(payload) ?? "").message);
  }

  get retainedTopics(): string[] {
    return [...this.broker.retained.keys()];
  }
}

describe("Platform.request", () => {
  test.each([
    ["offline", IDENTITY],
    ["unprovisioned", { ...IDENTITY, responseKey: undefined }],
  ] as const)("fails with `%s` in the next turn of the clock", (code, identity) => {
    const { platform, world } = new PlatformScene(identity);
    const outcomes: RequestOutcome[] = [];
    platform.request("verify", {}, (outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual([]);
    world.clock.advance(0);
    expect(outcomes).toEqual([{ ok: false, failure: requestFailure(code) }]);
  });

  test("fails with `unprovisioned` also while the broker is reached", () => {
    const scene = new PlatformScene({ ...IDENTITY, responseKey: undefined });
    scene.connect();
    const outcomes: RequestOutcome[] = [];
    scene.platform.request("verify", {}, (outcome) => outcomes.push(outcome));
    scene.world.clock.advance(0);
    expect(outcomes).toEqual([{ ok: false, failure: requestFailure("unprovisioned") }]);
  });

  test("a request that cannot be sent has no outcome once it is closed", () => {
    const { platform, world } = new PlatformScene();
    const outcomes: RequestOutcome[] = [];
    platform.request("verify", {}, (outcome) => outcomes.push(outcome)).close();
    world.clock.advance(60_000);
    expect(outcomes).toEqual([]);
  });

  test("is published while the broker is reached", () => {
    const scene = new PlatformScene();
    scene.connect();
    scene.platform.request("verify", { tag: "A" }, () => {});
    scene.world.clock.advance(1000);
    expect(scene.broker.published.some(({ topic }) => topic.includes("/req/"))).toBe(true);
  });
});

describe("Platform.notify", () => {
  let scene: PlatformScene;
  beforeEach(() => {
    scene = new PlatformScene();
  });

  test("notifications wait for the first connection and are sent once", () => {
    scene.platform.notify("one", "info");
    scene.platform.notify("two", "error");
    scene.connect();
    expect(scene.notifications).toEqual(["one", "two"]);
    scene.connect();
    expect(scene.notifications).toEqual(["one", "two"]);
  });

  test("four notifications wait at most; a fifth replaces the oldest", () => {
    for (const message of ["1", "2", "3", "4", "5"]) scene.platform.notify(message, "info");
    scene.connect();
    expect(scene.notifications).toEqual(["2", "3", "4", "5"]);
  });

  test("waiting notifications are dropped with the owner", () => {
    scene.platform.notify("of the previous owner", "info");
    scene.platform.forgetOwner();
    scene.platform.notify("of the new owner", "info");
    scene.connect();
    expect(scene.notifications).toEqual(["of the new owner"]);
  });

  test("an online station sends its notifications without a wait for another connection", () => {
    scene.connect();
    scene.platform.notify("now", "info");
    scene.world.clock.advance(5000);
    expect(scene.notifications).toEqual(["now"]);
  });
});

describe("Platform.leave", () => {
  test("is not clean without a connection", () => {
    const results: boolean[] = [];
    const { platform } = new PlatformScene();
    platform.leave((isClean) => results.push(isClean));
    expect(results).toEqual([false]);
    expect(platform.isLeaving).toBe(false);
  });

  test("removes every retained topic of the owner and disconnects", () => {
    const scene = new PlatformScene();
    scene.connect();
    expect(scene.retainedTopics).not.toEqual([]);
    const results: boolean[] = [];
    scene.platform.leave((isClean) => results.push(isClean));
    expect(scene.platform.isOnline).toBe(false);
    expect(scene.platform.isLeaving).toBe(true);
    scene.world.clock.advance(30_000);
    expect(results).toEqual([true]);
    expect(scene.platform.isLeaving).toBe(false);
    expect(scene.retainedTopics).toEqual([]);
    expect(scene.broker.clientIds).toEqual([]);
  });

  test("joins a removal that is under way: each caller gets the result once", () => {
    const scene = new PlatformScene();
    scene.connect();
    const results: string[] = [];
    scene.platform.leave((isClean) => results.push(`first ${isClean}`));
    const { changes } = scene;
    scene.platform.leave((isClean) => results.push(`second ${isClean}`));
    expect(scene.changes).toBe(changes);
    scene.world.clock.advance(60_000);
    expect(results).toEqual(["first true", "second true"]);
  });

  test("sends no diagnostics to the owner that is left", () => {
    const scene = new PlatformScene();
    scene.connect();
    scene.platform.leave(() => {});
    scene.broker.publish(`${OWNER}/sweet-home/${IDENTITY.deviceId}/$telemetry/diagnostics/set`, "true");
    scene.world.clock.advance(30_000);
    expect(scene.broker.published.filter(({ topic }) => topic.endsWith("/diagnostics"))).toEqual([]);
  });

  test("is not clean for any caller when the broker disappears meanwhile", () => {
    const scene = new PlatformScene();
    scene.connect();
    const results: boolean[] = [];
    scene.platform.leave((isClean) => results.push(isClean));
    scene.platform.leave((isClean) => results.push(isClean));
    scene.broker.stop();
    scene.world.clock.advance(60_000);
    expect(results).toEqual([false, false]);
    expect(scene.platform.isLeaving).toBe(false);
  });
});

describe("Platform.disconnect", () => {
  test("calls back at once without a connection", () => {
    let isDone = false;
    new PlatformScene().platform.disconnect(() => {
      isDone = true;
    });
    expect(isDone).toBe(true);
  });

  test("leaves a removal of retained topics under way undisturbed", () => {
    const scene = new PlatformScene();
    scene.connect();
    const results: boolean[] = [];
    scene.platform.leave((isClean) => results.push(isClean));
    scene.platform.disconnect();
    scene.world.clock.advance(30_000);
    expect(results).toEqual([true]);
  });

  test("notifies the listeners that the station is not online", () => {
    const scene = new PlatformScene();
    scene.connect();
    const { changes } = scene;
    scene.platform.disconnect();
    expect(scene.platform.isOnline).toBe(false);
    expect(scene.changes).toBe(changes + 1);
  });
});
