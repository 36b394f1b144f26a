/** Fuzzes what a firmware server sends: images, and the platform's answer about the newest version. */

import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Board } from "../../../modules/board/index.js";
import { decodeUTF8, encodeHex } from "../../../modules/bytes/index.js";
import { DESCRIPTOR_MAGIC, describeImage, IMAGE_MAGIC, ImageLayout } from "../../../modules/updates/image.js";
import { Installation } from "../../../modules/updates/index.js";
import { parseVersionAnswer } from "../../../modules/updates/version-answer.js";
import { Device } from "../../virtual/board/index.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { fuzz, inPieces, mutated } from "../../virtual/world/fuzz.js";
import { FUZZ_RUNS, Random } from "../../virtual/world/random.js";
import { Signer } from "../../virtual/world/signer.js";
import { virtualWorld } from "../../virtual/world/world.js";
import { holds, same } from "./oracle.js";

type Bytes = Uint8Array<ArrayBuffer>;

const HOUR_MS = 60 * 60_000;
const RUNNING = 4;
/** Share of the images whose announced hash is right, so that only the signature can refuse them. It costs 10 ms. */
const RIGHT_HASH = 0.005;

jest.setTimeout(2 * HOUR_MS);

test(`${FUZZ_RUNS} heads of images are described as their bytes say, or refused`, () => {
  const valid = makeImage({ version: 5, byteLength: 512 }).slice(0, ImageLayout.headBytes);
  let described = 0;
  const runs = fuzz({
    seed: 91,
    make: (random) => mutated(random, valid, ["1", "0", "4294967296", "\0", "plugpass"]),
    check: (head) => {
      const image = describeImage(head);
      const bytes = Buffer.from(head);
      const isImage =
        bytes.length >= ImageLayout.headBytes &&
        bytes.readUInt8(0) === IMAGE_MAGIC &&
        bytes.readUInt32LE(ImageLayout.descriptor) === DESCRIPTOR_MAGIC;
      if (!image) return;
      described++;
      holds(isImage, "this is no image");
      const text = (at: number) => decodeUTF8(Uint8Array.from(bytes.subarray(at, at + 32)))?.split("\0")[0];
      same(image.chipId, bytes.readUInt16LE(ImageLayout.chipId));
      same(image.productId, text(ImageLayout.projectName) ?? image.productId);
      if (image.version === undefined) return;
      holds(image.version >= 0 && image.version < 2 ** 32, "a version beyond 32 bits");
      same(bytes.toString("latin1", ImageLayout.version).split("\0")[0]?.slice(0, 32), String(image.version));
    },
  });
  expect(described).toBeGreaterThan(runs / 10);
});

describe("an installation", () => {
  const signer = new Signer(new Random(11));
  const image = makeImage({ version: RUNNING + 1, byteLength: 1024 });
  const signature = signer.sign(image);
  let device: Device;
  let board: Board;

  beforeAll(() => {
    device = new Device(virtualWorld());
    device.boot((made) => {
      board = made;
    });
  });

  /** Feeds an image with its announcement. Returns the code of its refusal, if any. */
  function feed(pieces: readonly Bytes[], announced: Bytes): string | undefined {
    const { publicKey } = signer;
    const sha256 = new Uint8Array(board.crypto.sha256(announced));
    const options = { board, productId: "plugpass", runningVersion: RUNNING, trust: publicKey };
    const installation = new Installation({ ...options, expected: { sha256 } });
    for (const piece of pieces) {
      const refusal = installation.write(piece);
      if (!refusal) continue;
      installation.close();
      return refusal.code;
    }
    return installation.finish({ signature })?.code;
  }

  test(`${FUZZ_RUNS} changed images are refused and leave the running firmware as the next one`, () => {
    const codes = new Set<string | undefined>();
    fuzz({
      seed: 92,
      make: (random) => mutated(random, image),
      check: (changed, random) => {
        if (encodeHex(changed) === encodeHex(image)) return;
        const code = feed(inPieces(random, changed), random.bool(RIGHT_HASH) ? changed : image);
        codes.add(code);
        holds(code !== undefined, "the image was installed");
        same(device.slots.next, device.slots.running);
      },
    });
    expect(codes.size).toBeGreaterThan(2);
    expect(feed([image], image)).toBeUndefined();
    expect(device.slots.next).not.toBe(device.slots.running);
  });
});

const VALUES = [0, 1, 5, -1, 1.5, 2 ** 32, 2 ** 53, 1e300, "5", "", null, true, [], {}, "zz".repeat(32)];

test(`${FUZZ_RUNS} answers about the newest version are accepted only with valid fields`, () => {
  const valid = { firmware_version: 5, size: 1024, sha256: "0f".repeat(32), signature: "A0".repeat(64) };
  let accepted = 0;
  const runs = fuzz({
    seed: 93,
    make: (random) => {
      const fields: Record<string, unknown> = { ...valid };
      for (let left = random.int(3); left > 0; left--) {
        const name = random.pick([...Object.keys(valid), "__proto__", "constructor"]);
        if (random.bool(0.3)) delete fields[name];
        else
          fields[name] = random.bool()
            ? random.pick(VALUES)
            : encodeHex(random.bytes(random.pick([0, 31, 32, 33, 64])));
      }
      return fields;
    },
    check: (fields) => {
      const answer = parseVersionAnswer(fields);
      const isWhole = (value: unknown, min: number) =>
        Number.isInteger(value) && Number(value) >= min && Number(value) < 2 ** 32;
      const isHex = (value: unknown, bytes: number) =>
        value === undefined ||
        (typeof value === "string" && /^[0-9a-f]*$/i.test(value) && value.length === 2 * bytes);
      const { firmware_version: version, size, sha256, signature } = fields;
      const isValid =
        isWhole(version, 0) &&
        (size === undefined || isWhole(size, 1)) &&
        isHex(sha256, 32) &&
        isHex(signature, 64);
      same(answer !== undefined, isValid);
      if (!answer) return;
      accepted++;
      same([answer.version, answer.size], [version, size]);
      same(answer.sha256 && encodeHex(answer.sha256), sha256 && String(sha256).toLowerCase());
      same(answer.signature && encodeHex(answer.signature), signature && String(signature).toLowerCase());
    },
  });
  expect(accepted).toBeGreaterThan(runs / 10);
});
