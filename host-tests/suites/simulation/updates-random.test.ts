/**
 * Updates under random faults, by seed: power cuts at every write, bad images, bad servers and bad firmware. After
 * each fault the station runs the old or the new firmware and is online. Then the faults end, and a good update has
 * to be installed.
 */

import { expect, test } from "@jest/globals";
import type { Board } from "../../../modules/board/index.js";
import type { FirmwareResponse } from "../../../platform-stub/firmware/answer.js";
import { SLOT_BYTES } from "../../virtual/board/slots.js";
import { ESP32_C3, makeImage } from "../../virtual/world/firmware-image.js";
import { FUZZ_RUNS, type Random } from "../../virtual/world/random.js";
import { signatureOf, UpdateScene } from "./update-scene.js";

/** Number of runs. On an engine without a compiler one run takes seconds. */
const RUNS = FUZZ_RUNS / 10;
const IMAGE_BYTES = 20_480;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Time limit of one run, ms. The longest is a download that is given up after an hour. */
const LIMIT_MS = 3 * HOUR_MS;

const old = makeImage({ version: 1, byteLength: IMAGE_BYTES });
const good = makeImage({ version: 2, byteLength: IMAGE_BYTES });
const best = makeImage({ version: 3, byteLength: IMAGE_BYTES });

/** Fault of one run. */
interface Fault {
  readonly name: string;
  readonly prepare: (scene: UpdateScene, random: Random) => void;
  /** Whether the new firmware must not run in the end. */
  readonly isRefused?: boolean;
}

/** Makes the server send another image. */
function sending(name: string, change: (random: Random) => Uint8Array<ArrayBuffer>): Fault {
  return {
    name,
    isRefused: true,
    prepare: (scene, random) => {
      const body = change(random);
      scene.server.intercept = ({ path }, response) =>
        path.endsWith(".bin") ? whole(response, body) : response;
    },
  };
}

/** Makes the server announce and send this image, with the maker's signature. */
function announcing(name: string, image: Uint8Array<ArrayBuffer>, version: number): Fault {
  const signature = signatureOf(image);
  return {
    name,
    isRefused: true,
    prepare: (scene) => {
      scene.server.intercept = ({ path }, response) => {
        if (path.endsWith(".bin")) return whole(response, image);
        const text = JSON.stringify({ firmware_version: version, signature });
        return whole(
          response,
          Uint8Array.from(text, (character) => character.charCodeAt(0)),
        );
      };
    },
  };
}

function whole(response: FirmwareResponse, body: Uint8Array<ArrayBuffer>): FirmwareResponse {
  return { status: 200, headers: { ...response.headers, "content-length": String(body.length) }, body };
}

function misbehaving(
  name: string,
  firmware: (board: Board, scene: UpdateScene, random: Random) => Board,
): Fault {
  return {
    name,
    isRefused: true,
    prepare: (scene, random) => {
      scene.under.bad.set(2, (board) => firmware(board, scene, random));
    },
  };
}

const redirect = (location: string): FirmwareResponse => ({
  status: 307,
  headers: { location, "content-length": "0" },
  body: new Uint8Array(0),
});

const FAULTS: readonly Fault[] = [
  { name: "nothing", prepare: () => {} },
  {
    name: "breaks off, again and again",
    prepare: ({ server }, random) => {
      server.fault = ({ path }) =>
        path.endsWith(".bin") ? { breakAfterBytes: random.int(IMAGE_BYTES) } : undefined;
    },
  },
  {
    name: "falls silent",
    prepare: ({ server }, random) => {
      server.fault = () => (random.bool() ? { stallAfterBytes: random.int(IMAGE_BYTES) } : undefined);
    },
  },
  {
    name: "is slow",
    prepare: ({ server }, random) => {
      const bytesPerSecond = 4 + random.int(4000);
      server.fault = () => ({ bytesPerSecond });
    },
  },
  {
    name: "redirects",
    prepare: ({ server }, random) => {
      server.intercept = ({ path }, response) => {
        const step = Number(/[?]step=(\d)$/.exec(path)?.[1] ?? 0);
        return step < random.int(4) ? redirect(`${path.split("?")[0]}?step=${step + 1}`) : response;
      };
    },
  },
  {
    name: "redirects in a circle, or away from TLS",
    isRefused: true,
    prepare: ({ server }, random) => {
      const location = random.pick(["/again", "http://broker.example/firmwares/v1/plugpass.bin", ""]);
      server.intercept = () => redirect(location);
    },
  },
  {
    name: "changes the image in the middle",
    prepare: (scene, random) => {
      scene.server.fault = ({ path }) => {
        if (!path.endsWith(".bin")) return undefined;
        scene.release(3, { image: best });
        return { breakAfterBytes: random.int(IMAGE_BYTES) };
      };
    },
  },
  {
    name: "mixes two images, and says that they are one",
    isRefused: true,
    prepare: ({ server }, random) => {
      const at = 1 + random.int(IMAGE_BYTES - 1);
      server.fault = ({ path, headers }) =>
        path.endsWith(".bin") && !headers.has("range") ? { breakAfterBytes: at } : undefined;
      server.intercept = ({ headers }, response) =>
        headers.has("range") ? { ...response, body: best.slice(-response.body.length) } : response;
    },
  },
  {
    name: "answers with errors",
    prepare: ({ server }, random) => {
      server.intercept = (_request, response) =>
        random.bool(0.4) ? { ...response, status: random.pick([500, 503, 429, 404, 403]) } : response;
    },
  },
  {
    name: "is cut off for a while",
    prepare: (scene, random) => {
      scene.clock.set(() => {
        scene.brokerHost.isCut = true;
        scene.clock.set(
          () => {
            scene.brokerHost.isCut = false;
          },
          random.int(2 * MINUTE_MS),
        );
      }, random.int(3000));
    },
  },
  {
    name: "a vehicle comes in between",
    prepare: (scene, random) => {
      scene.server.fault = () => ({ bytesPerSecond: 5000 });
      scene.clock.set(() => {
        scene.device.vehicle.plug();
        scene.startPresenting("GUEST-0001");
        scene.clock.set(() => scene.device.vehicle.unplug(), 5000 + random.int(HOUR_MS));
      }, random.int(6000));
    },
  },
  sending("is cut short", (random) => good.slice(0, random.int(IMAGE_BYTES))),
  sending("has a bit changed", (random) => {
    const image = good.slice();
    const bit = random.int(8 * image.length);
    image[bit >> 3] = (image[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return image;
  }),
  sending("is swapped for another", () => best),
  sending("is older than it was said to be", () => makeImage({ version: 0, byteLength: IMAGE_BYTES })),
  sending("is noise", (random) => random.bytes(IMAGE_BYTES)),
  sending("is oversized", () => makeImage({ version: 2, byteLength: SLOT_BYTES + 16 })),
  announcing("is for another chip", makeImage({ version: 2, chipId: ESP32_C3 }), 2),
  announcing("is for another product", makeImage({ version: 2, productId: "lamp" }), 2),
  announcing("is older", makeImage({ version: 0 }), 0),
  announcing("is oversized as announced", makeImage({ version: 2, byteLength: SLOT_BYTES + 16 }), 2),
  {
    name: "is endless",
    isRefused: true,
    prepare: ({ server }) => {
      server.intercept = ({ path }, response) => {
        if (!path.endsWith(".bin")) return response;
        const body = new Uint8Array(SLOT_BYTES + 4096);
        body.set(good);
        return { ...response, headers: {}, body };
      };
    },
  },
  misbehaving("the new firmware crashes at its start", () => {
    throw new Error("crash");
  }),
  misbehaving("the new firmware crashes later", (board, _scene, random) => {
    board.clock.set(() => {
      throw new Error("crash");
    }, random.int(2000));
    return board;
  }),
  misbehaving("the new firmware hangs", (_board, scene) => scene.device.hang()),
  misbehaving("the new firmware never reaches the broker", (board) => ({ ...board, resolve: () => {} })),
];

/** Number of writes of an update without faults. */
interface Writes {
  /** Erase and write operations on the slots and on the bootloader's records. */
  readonly flash: number;
  readonly storage: number;
}

function countWrites(): Writes {
  const scene = begin(0);
  const { slots, flash } = scene.device;
  const before = { flash: slots.operationCount, storage: flash.writeCount };
  scene.update();
  return { flash: slots.operationCount - before.flash, storage: flash.writeCount - before.storage };
}

/** Selects the write at which the power is cut. Each one has its turn. */
function powerCut(writes: Writes, run: number): Fault {
  const turn = run % (writes.flash + 2 * writes.storage);
  if (turn < writes.flash) {
    return {
      name: `the power goes at flash operation ${turn + 1}`,
      prepare: ({ device }) => device.slots.cutPowerAtOperation(turn + 1),
    };
  }
  const count = 1 + ((turn - writes.flash) >> 1);
  const comes = (turn - writes.flash) % 2 === 0 ? "before" : "after";
  return {
    name: `the power goes ${comes} storage write ${count}`,
    prepare: ({ device }) => device.flash.cutPowerAtWrite(count, comes),
  };
}

/** Brings a station online, with a new firmware in the repository. */
function begin(seed: number): UpdateScene {
  const scene = new UpdateScene({ seed });
  scene.device.slots.load(0, old);
  scene.bringOnline();
  scene.release(2, { image: good });
  return scene;
}

/** Runs one station through its faults and back online. Returns the power cut and the version that runs. */
function play(
  seed: number,
  writes: Writes,
  only?: Fault,
): { cutAt: string | undefined; version: number | undefined } {
  const scene = begin(seed);
  const { random } = scene.world;
  const cut = !only && seed % 2 === 0 ? powerCut(writes, seed >> 1) : undefined;
  const fault = only ?? (cut && random.bool(0.7) ? undefined : random.pick(FAULTS));
  const name = [cut?.name, fault?.name].filter(Boolean).join("; ");
  cut?.prepare(scene, random);
  fault?.prepare(scene, random);
  scene.set("firmware/update", "true");
  scene.clock.advance(1000);
  settle(scene, `seed ${seed}: ${name}`);
  const version = scene.version();
  const allowed = fault?.isRefused ? [1] : [1, 2];
  if (!allowed.includes(version ?? -1)) throw new Error(`seed ${seed}: ${name}: version ${version} runs`);
  const wasCut = scene.under.ends.some(({ type }) => type === "power-cut");
  heal(scene);
  scene.set("firmware/update", "true");
  scene.clock.advance(1000);
  settle(scene, `seed ${seed}: healed after: ${name}`);
  if (scene.version() !== 3) {
    throw new Error(
      `seed ${seed}: ${name}: no update gets through any more\n${scene.device.logLines.join("\n")}`,
    );
  }
  return { cutAt: wasCut ? cut?.name : undefined, version };
}

/** Runs until the station is online with no update in progress. Power that was cut is restored. */
function settle(scene: UpdateScene, what: string): void {
  const { under, device, clock } = scene;
  const endMs = clock.monotonicMs() + LIMIT_MS;
  while (clock.monotonicMs() < endMs) {
    clock.runUntil(() => !device.isRunning || scene.isSettled(), endMs - clock.monotonicMs());
    if (device.isRunning) break;
    // A restart needs no help.
    clock.advance(1000);
    if (!device.isRunning && under.ends.at(-1)?.type === "power-cut") under.boot();
  }
  if (!scene.isSettled()) throw new Error(`${what}: it is not online\n${device.logLines.join("\n")}`);
}

function heal(scene: UpdateScene): void {
  scene.server.fault = undefined;
  scene.server.intercept = undefined;
  scene.brokerHost.isCut = false;
  scene.device.vehicle.unplug();
  scene.device.slots.cutPowerAtOperation(undefined);
  scene.device.flash.cutPowerAtWrite(undefined, "before");
  scene.release(3, { image: best });
  scene.clock.advance(5000);
}

test("a station runs the old or the new firmware after any fault of an update", () => {
  const writes = countWrites();
  const versions = new Map<number | undefined, number>();
  const cuts = new Map<string, number>();
  for (let seed = 1; seed <= RUNS; seed++) {
    const { cutAt, version } = play(seed, writes);
    versions.set(version, (versions.get(version) ?? 0) + 1);
    if (cutAt !== undefined) cuts.set(cutAt, (cuts.get(cutAt) ?? 0) + 1);
  }
  // Both outcomes have occurred, and the power was cut at every write.
  if (RUNS < 1000) return;
  expect([...versions.keys()].sort()).toEqual([1, 2]);
  expect(cuts.size).toBe(writes.flash + 2 * writes.storage);
}, 600_000);

test("the random test detects a bricked station and one that stays offline", () => {
  const bricking = misbehaving("takes the other firmware with it", (_board, { device }) => {
    device.slots.load(0, new Uint8Array(IMAGE_BYTES));
    device.slots.load(1, new Uint8Array(IMAGE_BYTES));
    throw new Error("crash");
  });
  const stuck = misbehaving("breaks the station for good", (_board, { device, brokerHost }) => {
    brokerHost.names = [];
    return device.hang();
  });
  const writes = countWrites();
  expect(() => play(1, writes, bricking)).toThrow("bricked");
  expect(() => play(1, writes, stuck)).toThrow("it is not online");
});
