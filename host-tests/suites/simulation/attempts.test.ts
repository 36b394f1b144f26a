import { describe, expect, test } from "@jest/globals";
import { type AuthorizationResult, readResult } from "../../../docs/station.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import { codeOf, Scene, type SceneOptions } from "../../virtual/scene.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";

const TAG = "GUEST-0001";
const CARD = "62E3086CED";

function online(options?: SceneOptions): Scene {
  const scene = new Scene(options);
  scene.bringOnline();
  scene.plug();
  return scene;
}

/** A phone that is controlled by the test and records the results it receives. */
class TestPhone {
  readonly results: AuthorizationResult[] = [];
  readonly #scene: Scene;
  #connection: CentralConnection | undefined;

  constructor(scene: Scene, options: { subscribes?: boolean; mtu?: number; address?: string } = {}) {
    this.#scene = scene;
    scene.world.air.connect(scene.device.mac, {
      address: options.address,
      mtu: options.mtu,
      onConnected: (connection) => {
        this.#connection = connection;
        if (options.subscribes === false) return;
        connection.subscribe(
          RESULT_UUID,
          (value) => {
            const result = readResult(value);
            if (result) this.results.push(result);
          },
          () => {},
        );
      },
      onFailed: () => {},
      onDisconnected: () => {},
    });
    scene.clock.advance(200);
  }

  get connection(): CentralConnection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  write(tag: string | Uint8Array<ArrayBuffer>): void {
    this.connection.write(TAG_UUID, typeof tag === "string" ? encodeUTF8(tag) : tag, () => {});
  }

  read(uuid: string): Uint8Array<ArrayBuffer> {
    let value: Uint8Array<ArrayBuffer> | undefined;
    this.connection.read(uuid, (outcome) => {
      value = outcome.value;
    });
    this.#scene.until("the read is answered", () => value !== undefined);
    return value as unknown as Uint8Array<ArrayBuffer>;
  }

  get codes(): number[] {
    return this.results.map(({ code }) => code);
  }
}

describe("a fourth phone", () => {
  /** Three phones that connect again as soon as they are disconnected. */
  function occupy(scene: Scene): void {
    const connect = () =>
      scene.world.air.connect(scene.device.mac, {
        onConnected: () => {},
        onFailed: () => scene.clock.set(connect, 60_000),
        onDisconnected: () => scene.clock.set(connect, 5000),
      });
    for (let i = 0; i < 3; i++) connect();
    scene.clock.advance(1000);
  }

  test("is authorized although three phones stay connected", () => {
    const scene = online();
    for (let i = 0; i < 3; i++) new TestPhone(scene);
    const failure = expect.stringContaining("no station accepts");
    expect(scene.present(TAG).outcome).toMatchObject({ failure });
    scene.clock.advance(10_000);
    expect(codeOf(scene.present(TAG))).toBe(200);
  });

  test("is authorized although three phones connect again and again", () => {
    const scene = online();
    occupy(scene);
    scene.clock.advance(10_000);
    expect(codeOf(scene.present(TAG))).toBe(200);
  });

  test("does not cut off the attempt of a phone that waits for its result", () => {
    const scene = online();
    scene.platform.intercept = () => [];
    const phone = new TestPhone(scene);
    phone.write(TAG);
    scene.clock.advance(15_000);
    expect(phone.codes).toEqual([202, 408]);
  });
});

describe("the result code", () => {
  test("is 200 for an accepted tag", () => {
    expect(codeOf(online().present(TAG))).toBe(200);
  });

  test.each(["abc", "", "x".repeat(65), "with space", "ümlaut", "semi;colon"])(
    "is 400 for %j, which is not a valid tag",
    (tag) => {
      const scene = online();
      expect(codeOf(scene.present(tag))).toBe(400);
      expect(scene.platform.requests).toEqual([]);
    },
  );

  test("is 400 for bytes that are not UTF-8", () => {
    const scene = online();
    const phone = new TestPhone(scene);
    phone.write(new Uint8Array([0xff, 0xfe, 0xfd, 0xfc]));
    scene.clock.advance(1000);
    expect(phone.codes).toEqual([202, 400]);
  });

  test("is 403 for a tag that the platform rejects", () => {
    expect(codeOf(online().present("UNKNOWN-1"))).toBe(403);
  });

  test("is 408 when the platform does not answer", () => {
    const scene = online();
    scene.platform.intercept = () => [];
    const started = scene.clock.monotonicMs();
    expect(codeOf(scene.present(TAG))).toBe(408);
    expect(scene.clock.monotonicMs() - started).toBeLessThan(15_000);
  });

  test("is 409 without a vehicle", () => {
    const scene = new Scene();
    scene.bringOnline();
    expect(codeOf(scene.present(TAG))).toBe(409);
    expect(scene.platform.requests).toEqual([]);
  });

  test("is 409 during a session", () => {
    const scene = online();
    scene.present(TAG);
    scene.clock.advance(1000);
    expect(codeOf(scene.present(TAG))).toBe(409);
  });

  test("is 409 when the vehicle leaves before the platform answers", () => {
    const scene = online();
    answerLate(scene, 500, () => scene.device.vehicle.unplug());
    expect(codeOf(scene.present(TAG))).toBe(409);
    expect(scene.device.vehicle.isContactorClosed).toBe(false);
  });

  test("is 423 while another attempt is running", () => {
    const scene = online();
    scene.platform.intercept = () => [];
    const one = new TestPhone(scene);
    const two = new TestPhone(scene);
    one.write(TAG);
    scene.clock.advance(100);
    two.write(TAG);
    scene.clock.advance(15_000);
    expect(one.codes).toEqual([202, 408]);
    expect(two.codes).toEqual([202, 423]);
  });

  test("is 429 when one phone tries more than 6 unknown tags a minute", () => {
    const scene = online();
    const phone = new TestPhone(scene);
    for (let i = 0; i < 8; i++) {
      phone.write(`WRONG-${i}`);
      scene.clock.advance(1000);
    }
    expect(phone.codes.filter((code) => code !== 202)).toEqual([403, 403, 403, 403, 403, 403, 429, 429]);
    expect(codeOf(scene.present(TAG))).toBe(200);
  });

  test("is 429 when phones that change their address try more than 30 unknown tags", () => {
    const scene = online();
    const codes = Array.from({ length: 33 }, (_, i) => codeOf(scene.present(`WRONG-${i}`)));
    expect(codes.filter((code) => code === 429).length).toBeGreaterThan(0);
    expect(codes.filter((code) => code === 403)).toHaveLength(30);
  });

  test.each(["GUESS-", "bad tag "])(
    "is 200 for a good tag and a good card while another phone presents %j… all the time",
    (guess) => {
      const scene = online();
      scene.platform.tags.set(CARD, { authorized: true });
      for (let i = 0; i < 60; i++) {
        const phone = new TestPhone(scene, { address: "c00000000001" });
        for (let n = 0; n < 5; n++) {
          phone.write(`${guess}${i}-${n}`);
          scene.clock.advance(300);
        }
        phone.connection.disconnect();
        scene.clock.advance(1000);
      }
      expect(codeOf(scene.present(TAG))).toBe(200);
      scene.station.stopCharging();
      scene.device.vehicle.unplug();
      scene.clock.advance(15_000);
      scene.plug();
      scene.swipe(CARD);
      scene.clock.advance(1000);
      expect(scene.station.status).toBe("charging");
    },
  );

  test("is never 429 for an authorized tag, however often it is used", () => {
    const scene = online();
    for (let i = 0; i < 40; i++) {
      expect(codeOf(scene.present(TAG))).toBe(200);
      scene.station.stopCharging();
      scene.device.vehicle.unplug();
      scene.clock.advance(1000);
      scene.plug();
    }
  });

  test("is 500 on a station that was not provisioned", () => {
    expect(codeOf(online({ isUnprovisioned: true }).present(TAG))).toBe(500);
  });

  test("is 503 when the broker is unreachable", () => {
    const scene = online();
    scene.broker.stop();
    scene.clock.advance(1000);
    expect(codeOf(scene.present(TAG))).toBe(503);
  });

  test("is 503 on an unpaired station", () => {
    const scene = new Scene();
    scene.under.boot();
    scene.clock.advance(100);
    scene.plug();
    expect(codeOf(scene.present(TAG))).toBe(503);
  });
});

describe("an attempt gets exactly one pending and one final result within 15 s", () => {
  test.each([100, 3000, 9000])("when the broker restarts %d ms into an attempt", (afterMs) => {
    const scene = online();
    scene.platform.intercept = () => [];
    const phone = new TestPhone(scene);
    phone.write(TAG);
    scene.clock.advance(afterMs);
    scene.broker.stop();
    scene.clock.advance(2000);
    scene.broker.start();
    scene.platform.intercept = undefined;
    scene.clock.advance(20_000);
    expect(phone.results).toHaveLength(2);
    expect(phone.codes[0]).toBe(202);
    expect([200, 408, 503]).toContain(phone.codes[1]);
  });

  test("when the network is lost for good", () => {
    const scene = online();
    const phone = new TestPhone(scene);
    scene.brokerHost.isCut = true;
    phone.write(TAG);
    scene.clock.advance(15_000);
    expect(phone.codes).toEqual([202, 408]);
  });

  test("for each of two overlapping writes, which are identified by their attempt number", () => {
    const scene = online();
    scene.platform.intercept = () => [];
    const phone = new TestPhone(scene);
    phone.write(TAG);
    phone.write(TAG);
    scene.clock.advance(20_000);
    expect(phone.results.map(({ attempt, code }) => [attempt, code])).toEqual([
      [1, 202],
      [2, 202],
      [2, 423],
      [1, 408],
    ]);
  });

  test("for each of 300 random writes under random faults", () => {
    const seed = 9;
    const random = new Random(seed);
    const scene = online();
    for (let run = 0; run < 300; run++) {
      const phone = new TestPhone(scene);
      scene.platform.intercept = random.pick([
        undefined,
        () => [],
        () => ["nonsense"],
        (response: Record<string, string>) => [response, { ...response, status: "0" }],
      ]);
      phone.write(random.pick([TAG, "UNKNOWN-1", "?", random.bytes(random.int(80))]));
      scene.clock.advance(random.int(500));
      if (random.bool(0.2)) scene.broker.stop();
      if (random.bool(0.2)) scene.device.vehicle.unplug();
      scene.clock.advance(15_000);
      if (phone.results.length !== 2 || phone.codes[0] !== 202 || phone.codes[1] === 202) {
        throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify(phone.results)}`);
      }
      phone.connection.disconnect();
      scene.device.vehicle.unplug();
      scene.broker.stop();
      scene.broker.start();
      scene.until("online", () => scene.station.lifeCycle === "online", 200_000);
      scene.clock.advance(1000);
      scene.plug();
    }
    expect(scene.under.ends).toEqual([]);
  });
});

describe("a connection", () => {
  test("reads its own latest write back, and nothing of another connection", () => {
    const scene = online();
    const one = new TestPhone(scene);
    const two = new TestPhone(scene);
    one.write("MINE-0001");
    scene.clock.advance(500);
    expect(one.read(TAG_UUID)).toEqual(encodeUTF8("MINE-0001"));
    expect(two.read(TAG_UUID)).toHaveLength(0);
    expect(readResult(two.read(RESULT_UUID))).toMatchObject({ state: "idle", code: 0, attempt: 0 });
    expect(two.results).toEqual([]);
  });

  test("can write without subscribing and read the result", () => {
    const scene = online();
    answerLate(scene, 500);
    const phone = new TestPhone(scene, { subscribes: false });
    phone.write(TAG);
    expect(readResult(phone.read(RESULT_UUID))).toMatchObject({ state: "pending", code: 202, attempt: 1 });
    scene.clock.advance(1000);
    expect(readResult(phone.read(RESULT_UUID))).toMatchObject({
      state: "authorized",
      code: 200,
      status: "charging",
    });
  });

  test("can write a tag of 64 characters at the smallest MTU", () => {
    const tag = "T".repeat(64);
    const scene = online();
    scene.platform.tags.set(tag, { authorized: true });
    const phone = new TestPhone(scene);
    phone.write(tag);
    scene.clock.advance(2000);
    expect(phone.codes).toEqual([202, 200]);
  });

  test("numbers its attempts from 1 to 255 and then from 0", () => {
    const scene = online();
    const phone = new TestPhone(scene);
    for (let i = 0; i < 257; i++) {
      phone.write("?");
      scene.clock.advance(100);
    }
    const finals = phone.results.filter(({ code }) => code !== 202).map(({ attempt }) => attempt);
    expect(finals.slice(0, 2)).toEqual([1, 2]);
    expect(finals.slice(-3)).toEqual([255, 0, 1]);
  });

  test("that is lost before the result does not revoke the authorization", () => {
    const scene = online();
    const phone = new TestPhone(scene);
    phone.write(TAG);
    scene.clock.advance(45);
    phone.connection.lose();
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.clock.advance(3000);
    const back = new TestPhone(scene);
    expect(readResult(back.read(RESULT_UUID))).toMatchObject({ state: "idle", status: "charging" });
  });
});

test("10,000 random byte strings as tags do not stop the station from serving", () => {
  const seed = 31;
  const random = new Random(seed);
  const scene = online();
  const phone = new TestPhone(scene, { mtu: 247 });
  for (let run = 0; run < FUZZ_RUNS; run++) {
    phone.write(random.bytes(random.int(100)));
    scene.clock.advance(70);
    if (scene.under.ends.length > 0)
      throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify(scene.under.ends)}`);
  }
  phone.connection.disconnect();
  scene.clock.advance(61_000);
  expect(codeOf(scene.present(TAG))).toBe(200);
});

/** Delays the platform's response, and runs `meanwhile` before it. */
function answerLate(scene: Scene, delayMs: number, meanwhile?: () => void): void {
  scene.platform.intercept = (response, { user, deviceId, endpoint }) => {
    meanwhile?.();
    const topic = `${user}/res/${deviceId}/${endpoint}`;
    scene.clock.set(() => scene.broker.publish(topic, JSON.stringify(response)), delayMs);
    return [];
  };
}
