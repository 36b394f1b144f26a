import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { ESP32_C3, makeImage } from "../../host-tests/virtual/world/firmware-image.js";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { Signer } from "../../host-tests/virtual/world/signer.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board } from "../board/index.js";
import { decodeHex, encodeHex } from "../bytes/index.js";
import { Installation, type InstallationOptions, refusalStatus } from "./index.js";
import { isSignedBy } from "./signature.js";

const RUNNING = 4;
const signer = new Signer(new Random(11));
const otherSigner = new Signer(new Random(12));

let device: Device;
let board: Board;
let opened: number;

beforeEach(() => {
  device = new Device(virtualWorld());
  opened = 0;
  device.boot((made) => {
    board = {
      ...made,
      openUpdate: () => {
        opened++;
        return made.openUpdate();
      },
    };
  });
});

function install(options: Partial<InstallationOptions> = {}): Installation {
  const { publicKey: trust } = signer;
  return new Installation({ board, productId: "plugpass", runningVersion: RUNNING, trust, ...options });
}

/** Writes an image in pieces, then its signature, by default of the trusted key. Returns the outcome. */
function feed(
  image: Uint8Array<ArrayBuffer>,
  {
    pieceBytes = 1000,
    sign = (whole) => signer.sign(whole),
    ...options
  }: Partial<InstallationOptions> & {
    pieceBytes?: number;
    sign?: (whole: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> | undefined;
  } = {},
): string {
  const installation = install(options);
  for (let at = 0; at < image.length; at += pieceBytes) {
    const refusal = installation.write(image.slice(at, at + pieceBytes));
    if (refusal) return refusal.code;
  }
  return installation.finish({ signature: sign(image) })?.code ?? "installed";
}

function expected(image: Uint8Array<ArrayBuffer>, by?: Signer): InstallationOptions["expected"] {
  return {
    version: RUNNING + 1,
    size: image.length,
    sha256: new Uint8Array(board.crypto.sha256(image)),
    signature: by?.sign(image),
  };
}

const isUntouched = () => device.slots.next === device.slots.running;

describe("Installation", () => {
  const image = makeImage({ version: RUNNING + 1 });

  test.each([1, 7, 287, 288, 289, 1460, 100_000])(
    "makes an image in pieces of %d bytes the next boot image",
    (pieceBytes) => {
      expect(feed(image, { expected: expected(image), pieceBytes })).toBe("installed");
      expect(isUntouched()).toBe(false);
      expect(device.slots.image(device.slots.next).slice(0, image.length)).toEqual(image);
    },
  );

  test.each<[string, Uint8Array<ArrayBuffer>, string]>([
    ["an image for another chip", makeImage({ version: 5, chipId: ESP32_C3 }), "wrong-chip"],
    ["an image for another product", makeImage({ version: 5, productId: "lamp" }), "wrong-product"],
    ["an older version", makeImage({ version: 3 }), "older"],
    ["the running version", makeImage({ version: RUNNING }), "same-version"],
    ["a web page", new Uint8Array(8192).fill(0x3c), "not-an-image"],
    ["an application without a descriptor", image.slice().fill(0, 32, 36), "not-an-image"],
    ["an image without a version", image.slice().fill(0x78, 48, 50), "wrong-version"],
  ])("refuses %s after the first block and erases nothing", (_name, wrong, code) => {
    expect(feed(wrong)).toBe(code);
    expect(opened).toBe(0);
    expect(isUntouched()).toBe(true);
  });

  test("refuses another version than announced", () => {
    expect(feed(image, { expected: { version: 6 } })).toBe("wrong-version");
    expect(opened).toBe(0);
  });

  test("installs an older version when a downgrade is allowed", () => {
    expect(feed(makeImage({ version: 3 }), { allowsDowngrade: true })).toBe("installed");
  });

  test("refuses an announced size beyond the slot at the first byte", () => {
    const installation = install({ expected: { size: board.firmwareSlot.byteLength + 1 } });
    expect(installation.write(image.slice(0, 1))?.code).toBe("too-large");
    expect(opened).toBe(0);
  });

  test("refuses an endless image when the slot is full", () => {
    const installation = install();
    installation.write(image);
    let refusal: ReturnType<Installation["write"]>;
    let written = image.length;
    for (; !refusal && written < 3e6; written += 65_536) refusal = installation.write(new Uint8Array(65_536));
    expect(refusal?.code).toBe("too-large");
    expect(isUntouched()).toBe(true);
  });

  test.each([
    ["shorter", -16],
    ["longer", 16],
  ])("refuses an image that is %s than announced", (_name, change) => {
    expect(feed(image, { expected: { size: image.length - change } })).toBe("wrong-size");
    expect(isUntouched()).toBe(true);
  });

  test.each([0, 1, 287])("refuses an image of %d bytes at its end", (byteLength) => {
    expect(feed(image.slice(0, byteLength))).toBe("not-an-image");
  });

  test("refuses an image with any bit flipped, at the latest by its hash", () => {
    const random = new Random(5);
    const announced = expected(image);
    const signature = signer.sign(image);
    for (let i = 0; i < Math.min(FUZZ_RUNS, 300); i++) {
      const changed = image.slice();
      const bit = random.int(8 * image.length);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(feed(changed, { expected: announced, sign: () => signature })).not.toBe("installed");
      expect(isUntouched()).toBe(true);
    }
  });

  test("changes nothing when it is closed early, and allows another installation", () => {
    const installation = install();
    installation.write(image);
    installation.close();
    installation.close();
    expect(isUntouched()).toBe(true);
    expect(() => installation.write(image)).toThrow("over");
    expect(feed(image)).toBe("installed");
  });

  test("is refused while another installation is open", () => {
    const first = install();
    first.write(image);
    expect(feed(image)).toBe("busy");
    expect(first.finish({ signature: signer.sign(image) })).toBeUndefined();
  });

  test("returns the same refusal for every further call", () => {
    const installation = install();
    const refusal = installation.write(makeImage({ version: 1 }));
    expect(installation.write(image)).toBe(refusal);
    expect(installation.finish()).toBe(refusal);
  });

  test("calls beforeBoot before the image can boot, and refuses the image with its result", () => {
    const installation = install();
    installation.write(image);
    const beforeBoot = () => {
      expect(isUntouched()).toBe(true);
      return { code: "flash", message: "the storage is full" } as const;
    };
    expect(installation.finish({ signature: signer.sign(image), beforeBoot })?.message).toBe(
      "the storage is full",
    );
    expect(isUntouched()).toBe(true);
  });
});

describe("the signature of an image", () => {
  const image = makeImage({ version: RUNNING + 1 });
  const unsigned = () => undefined;

  test("by the trusted key is accepted", () => {
    expect(feed(image, { sign: unsigned, expected: expected(image, signer) })).toBe("installed");
  });

  test("by another key is refused before the slot is erased when the hash was announced", () => {
    expect(feed(image, { sign: unsigned, expected: expected(image, otherSigner) })).toBe("wrong-signature");
    expect(opened).toBe(0);
  });

  test("is verified at the end of the image when no hash was announced", () => {
    const announced = (by: Signer) => ({ sign: unsigned, expected: { signature: by.sign(image) } });
    expect(feed(image, announced(otherSigner))).toBe("wrong-signature");
    expect(isUntouched()).toBe(true);
    expect(feed(image, announced(signer))).toBe("installed");
  });

  test("is accepted after the image", () => {
    for (const by of [otherSigner, signer]) {
      const installation = install();
      installation.write(image);
      const refusal = installation.finish({ signature: by.sign(image) });
      expect(refusal?.code).toBe(by === signer ? undefined : "wrong-signature");
    }
  });

  test("is refused when it is missing, malformed or over another image", () => {
    const other = makeImage({ version: RUNNING + 2 });
    expect(feed(image, { sign: unsigned })).toBe("unsigned");
    expect(feed(image, { sign: unsigned, expected: { signature: signer.sign(other) } })).toBe(
      "wrong-signature",
    );
    expect(feed(image, { sign: unsigned, expected: { signature: new Uint8Array(63) } })).toBe(
      "wrong-signature",
    );
    expect(isUntouched()).toBe(true);
  });

  test("over an announced hash does not install an image with another hash", () => {
    const other = makeImage({ version: RUNNING + 1, byteLength: 4096 });
    const announced = { ...expected(other, signer), size: image.length };
    expect(feed(image, { sign: unsigned, expected: announced })).toBe("wrong-hash");
    expect(isUntouched()).toBe(true);
  });
});

describe("Ed25519", () => {
  /** RFC 8032 7.1, "TEST SHA(abc)": the vector with a message of 64 bytes. */
  const PUBLIC_KEY = "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf";
  const MESSAGE =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
  const SIGNATURE =
    "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589" +
    "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704";

  const bytes = (hex: string) => decodeHex(hex) ?? new Uint8Array(0);

  test("accepts the vector of RFC 8032, and rejects it with any bit of signature, message or key flipped", () => {
    const parts = [bytes(PUBLIC_KEY), bytes(MESSAGE), bytes(SIGNATURE)] as const;
    expect(isSignedBy(...parts, board.crypto)).toBe(true);
    const random = new Random(3);
    for (const part of parts) {
      for (let i = 0; i < 6; i++) {
        const bit = random.int(8 * part.length);
        part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(isSignedBy(...parts, board.crypto)).toBe(false);
        part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      }
    }
  });

  test("rejects a signature whose second half is not below the order of the group (RFC 8032 5.1.7)", () => {
    const signature = bytes(SIGNATURE);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    let s = BigInt(`0x${encodeHex(signature.slice(32).reverse())}`) + order;
    for (let i = 32; i < 64; i++, s >>= 8n) signature[i] = Number(s & 255n);
    expect(isSignedBy(bytes(PUBLIC_KEY), bytes(MESSAGE), signature, board.crypto)).toBe(false);
  });

  test("throws for a built-in key that does not have 32 bytes", () => {
    expect(() => isSignedBy(new Uint8Array(31), bytes(MESSAGE), bytes(SIGNATURE), board.crypto)).toThrow(
      "31 bytes",
    );
  });
});

test("refusalStatus maps a refusal to an HTTP status", () => {
  expect(refusalStatus({ code: "wrong-chip", message: "" })).toBe(400);
  expect(refusalStatus({ code: "busy", message: "" })).toBe(409);
  expect(refusalStatus({ code: "too-large", message: "" })).toBe(413);
  expect(refusalStatus({ code: "flash", message: "" })).toBe(500);
});
