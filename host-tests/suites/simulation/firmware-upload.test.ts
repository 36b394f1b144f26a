import { describe, expect, test } from "@jest/globals";
import type { Config } from "../../../firmware/config.js";
import { concatBytes, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { NO_KEY, NOT_APPROVED } from "../../../modules/updates/index.js";
import { LOGIN, Scene } from "../../virtual/scene.js";
import { ESP32_C3, makeImage } from "../../virtual/world/firmware-image.js";
import { Random } from "../../virtual/world/random.js";
import { KEYED, maker, Signer } from "../../virtual/world/signer.js";

type Bytes = Uint8Array<ArrayBuffer>;

const NEXT = makeImage({ version: 2, byteLength: 16 * 1024 });
const BOUNDARY = "----x";

/** Builds a station, with an update key by default. */
function station(config: Partial<Config> = KEYED): Scene {
  const scene = new Scene();
  scene.under.config = config;
  return scene;
}

function online(config?: Partial<Config>): Scene {
  const scene = station(config);
  scene.bringOnline();
  scene.clock.advance(31_000);
  return scene;
}

function form(...parts: [name: string, content: Bytes][]): Bytes {
  const written = parts.map(([name, content]) =>
    concatBytes(
      encodeUTF8(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="a"\r\n\r\n`),
      content,
      encodeUTF8("\r\n"),
    ),
  );
  return concatBytes(...written, encodeUTF8(`--${BOUNDARY}--\r\n`));
}

const signatureOf = (image: Bytes, by = maker) => encodeUTF8(encodeHex(by.sign(image)));

function send(scene: Scene, body: Bytes, headers: Record<string, string> = LOGIN) {
  return scene.ask("POST", "/firmware/upload", {
    body,
    headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
  });
}

/** Uploads an image with its signature in a form, as the panel does. */
function upload(scene: Scene, image: Bytes, headers?: Record<string, string>) {
  return send(scene, form(["inobinfile", image], ["signature", signatureOf(image)]), headers);
}

/** Uploads an image as the whole body, without a signature. */
function uploadBare(scene: Scene, image: Bytes) {
  const headers = { ...LOGIN, "content-type": "application/octet-stream" };
  return scene.ask("POST", "/firmware/upload", { body: image, headers, timeoutMs: 120_000 });
}

const isUntouched = ({ device }: Scene) => device.slots.next === device.slots.running;

function expectRestart(scene: Scene): void {
  const before = scene.under.ends.length;
  scene.until("it restarts", () => scene.under.ends.length > before, 10_000);
  scene.clock.advance(1000);
  expect(scene.under.ends.at(-1)).toMatchObject({ type: "restart" });
  expect(scene.device.slots.running).toBe(1);
  expect(scene.device.slots.image(1).subarray(0, NEXT.length)).toEqual(NEXT);
}

describe("an uploaded firmware image", () => {
  test("in a form, as panels send it, is installed and started", () => {
    const scene = online();
    expect(upload(scene, NEXT)).toMatchObject({ status: 200 });
    expectRestart(scene);
  });

  test("is accepted by an unpaired station", () => {
    const scene = station();
    scene.under.boot();
    scene.clock.advance(500);
    expect(upload(scene, NEXT)).toMatchObject({ status: 200 });
    expectRestart(scene);
  });

  test("requires the login before any byte is written", () => {
    const scene = online();
    const before = scene.device.slots.operationCount;
    expect(upload(scene, NEXT, {}).status).toBe(401);
    expect(upload(scene, NEXT, { ...LOGIN, origin: "http://evil.example" }).status).toBe(403);
    expect(scene.manage("/firmware/upload").status).toBe(405);
    expect(scene.device.slots.operationCount).toBe(before);
  });

  test.each<[string, Bytes, number, RegExp]>([
    ["for another chip", makeImage({ version: 2, chipId: ESP32_C3 }), 400, /chip/],
    ["for another product", makeImage({ version: 2, productId: "lamp" }), 400, /lamp/],
    ["that is a picture", new Uint8Array(5000).fill(0x89), 400, /not a firmware image/],
    ["that is empty", new Uint8Array(0), 400, /too short/],
    // As a whole body it has no signature, which is detected first.
    ["cut short", NEXT.slice(0, -100), 400, /board refuses|not signed/],
    ["that runs already", makeImage({ version: 1 }), 409, /runs already/],
    ["that is older", makeImage({ version: 0 }), 409, /older/],
    ["larger than a slot", concatBytes(NEXT, new Uint8Array(0x1f0000)), 413, /larger/],
  ])("%s is rejected with a message, and the running firmware stays", (_name, image, status, sentence) => {
    const scene = online();
    for (const answer of [upload(scene, image), uploadBare(scene, image)]) {
      expect(answer.status).toBe(status);
      expect(answer.body).toMatch(sentence);
    }
    expect(isUntouched(scene)).toBe(true);
    expect(upload(scene, NEXT).status).toBe(200);
  });

  test("in an incomplete form, or in a body that is not a form, changes nothing", () => {
    const scene = online();
    const type = `multipart/form-data; boundary=${BOUNDARY}`;
    const whole = form(["firmware", NEXT]);
    for (const [body, contentType] of [
      [whole.slice(0, -10), type],
      [whole, "multipart/form-data"],
      [whole, "multipart/form-data; boundary=other"],
    ] as const) {
      const headers = { ...LOGIN, "content-type": contentType };
      expect(scene.ask("POST", "/firmware/upload", { body, headers }).status).toBe(400);
      expect(isUntouched(scene)).toBe(true);
    }
    expect(upload(scene, NEXT).status).toBe(200);
  });

  test("is rejected during a charging session, which continues", () => {
    const scene = online();
    scene.plug();
    scene.present("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    expect(upload(scene, NEXT)).toMatchObject({ status: 409, body: expect.stringContaining("charging") });
    scene.clock.advance(10_000);
    expect(scene.device.vehicle.isCharging).toBe(true);
    expect(isUntouched(scene)).toBe(true);
  });

  test("is started after the session when a vehicle is authorized right after the upload", () => {
    const scene = online();
    expect(upload(scene, NEXT).status).toBe(200);
    scene.plug();
    scene.startPresenting("GUEST-0001");
    scene.until("current flows", () => scene.device.vehicle.isCharging);
    scene.clock.advance(60_000);
    expect(scene.under.ends).toEqual([]);
    scene.device.vehicle.unplug();
    expectRestart(scene);
  });

  test("is discarded when the sender disconnects, and another upload is accepted", () => {
    const scene = online();
    const head = "POST /firmware/upload HTTP/1.1\r\nHost: 192.168.4.1\r\n";
    const login = `authorization: ${LOGIN.authorization}\r\ncontent-length: ${NEXT.length}\r\n\r\n`;
    const sender = scene.sendRaw(concatBytes(encodeUTF8(head + login), NEXT.slice(0, 10_000)));
    scene.clock.advance(3000);
    expect(upload(scene, NEXT).status).toBe(409);
    sender.close();
    scene.clock.advance(1000);
    expect(isUntouched(scene)).toBe(true);
    expect(upload(scene, NEXT).status).toBe(200);
  });

  test("may arrive slowly; it is discarded after a silence of 10 s", () => {
    const scene = online();
    const head = "POST /firmware/upload HTTP/1.1\r\nHost: 192.168.4.1\r\n";
    const login = `authorization: ${LOGIN.authorization}\r\ncontent-length: ${NEXT.length}\r\n\r\n`;
    const sender = scene.sendRaw(encodeUTF8(head + login));
    for (let at = 0; at < NEXT.length; at += 2048) {
      if (at === 5 * 2048) break;
      scene.clock.advance(8000);
      sender.send(NEXT.slice(at, at + 2048));
    }
    expect(sender.outcome).toBeUndefined();
    scene.clock.advance(11_000);
    expect(sender.outcome).toMatchObject({ status: 408 });
    expect(isUntouched(scene)).toBe(true);
    expect(upload(scene, NEXT).status).toBe(200);
  });

  test("is written as it arrives: the sender is throttled while the flash is busy", () => {
    const scene = online();
    const large = makeImage({ version: 2, byteLength: 1_500_000 - (1_500_000 % 16) });
    const sinceMs = scene.clock.monotonicMs();
    // The whole image is written before the missing signature is detected.
    expect(uploadBare(scene, large)).toMatchObject({ status: 400, body: expect.stringContaining("signed") });
    // 367 sectors of 45 ms each, and the programming: the duration on a chip.
    expect(scene.clock.monotonicMs() - sinceMs).toBeGreaterThan(scene.device.slots.busyMs * 0.9);
    expect(scene.device.slots.busyMs).toBeGreaterThan(15_000);
  });
});

describe("the signature of an uploaded image", () => {
  test("is needed by a station with an update key, also after a press of its button", () => {
    const scene = online();
    scene.device.button.press();
    scene.clock.advance(300);
    scene.device.button.release();
    scene.clock.advance(200);
    expect(uploadBare(scene, NEXT)).toMatchObject({
      status: 400,
      body: expect.stringContaining("not signed"),
    });
    expect(isUntouched(scene)).toBe(true);
  });

  test.each(["before", "behind"])("is accepted %s the image", (where) => {
    const scene = online();
    const parts: [string, Bytes][] = [
      ["signature", signatureOf(NEXT)],
      ["image", NEXT],
    ];
    const body = form(...(where === "before" ? parts : parts.reverse()));
    expect(send(scene, body)).toMatchObject({ status: 200 });
    expectRestart(scene);
  });

  test("is rejected when missing, malformed, made with another key or over another image", () => {
    const scene = online();
    const unsigned = { status: 400, body: expect.stringContaining("not signed") };
    expect(uploadBare(scene, NEXT)).toMatchObject(unsigned);
    expect(send(scene, form(["inobinfile", NEXT]))).toMatchObject(unsigned);
    const stranger = signatureOf(NEXT, new Signer(new Random(32)));
    const other = signatureOf(makeImage({ version: 3 }));
    for (const signature of [stranger, other, encodeUTF8("ab"), encodeUTF8("z".repeat(500))]) {
      expect(send(scene, form(["image", NEXT], ["signature", signature])).status).toBe(400);
      expect(isUntouched(scene)).toBe(true);
    }
  });
});

describe("a station without an update key", () => {
  function press(scene: Scene, durationMs = 300): void {
    scene.device.button.press();
    scene.clock.advance(durationMs);
    scene.device.button.release();
    scene.clock.advance(200);
  }

  test("installs an unsigned upload within a minute of a short press of its button", () => {
    const scene = online({});
    press(scene);
    scene.clock.advance(58_000);
    expect(uploadBare(scene, NEXT)).toMatchObject({ status: 200 });
    expectRestart(scene);
  });

  test("ignores a press that is older than a minute, and one of 5 s, which is for pairing", () => {
    const scene = online({});
    press(scene);
    scene.clock.advance(60_000);
    expect(uploadBare(scene, NEXT)).toMatchObject({ status: 403, body: NOT_APPROVED.message });
    press(scene, 6000);
    expect(uploadBare(scene, NEXT).status).toBe(403);
    expect(isUntouched(scene)).toBe(true);
  });

  test("needs the login beside the press, and a press for each upload", () => {
    const scene = online({});
    press(scene);
    expect(scene.ask("POST", "/firmware/upload", { body: NEXT }).status).toBe(401);
    expect(uploadBare(scene, makeImage({ version: 2, productId: "other" })).status).toBe(400);
    expect(uploadBare(scene, NEXT).status).toBe(403);
    press(scene);
    expect(uploadBare(scene, NEXT).status).toBe(200);
  });

  test("rejects an upload without a press, signed or not, by its head: 403 with the reason, and writes nothing", () => {
    const scene = online({});
    const before = scene.device.slots.operationCount;
    for (const answer of [upload(scene, NEXT), uploadBare(scene, NEXT)]) {
      expect(answer).toMatchObject({ status: 403, body: NOT_APPROVED.message });
    }
    const head = `POST /firmware/upload HTTP/1.1\r\nHost: 192.168.4.1\r\nauthorization: ${LOGIN.authorization}\r\n`;
    const sender = scene.sendRaw(encodeUTF8(`${head}content-length: ${NEXT.length}\r\n\r\n`));
    scene.clock.advance(1000);
    expect(sender.outcome).toMatchObject({ status: 403, body: NOT_APPROVED.message });
    expect(scene.device.slots.operationCount).toBe(before);
    scene.clock.advance(60_000);
    expect(scene.under.ends).toEqual([]);
  });

  test("reports in /status that updates are off, with the reason", () => {
    expect(online({}).status()).toMatchObject({
      firmware: { isSigned: false },
      update: `Off: ${NO_KEY.message}`,
    });
  });
});

test.each<[string, Partial<Config>, number]>([
  ["accepts another firmware in safe mode", KEYED, 200],
  ["rejects firmware in safe mode without an update key or a press of its button", {}, 403],
])("a station that crashes at each boot %s", (_name, config, status) => {
  const scene = station(config);
  scene.under.onStarted = () => {
    throw new Error("a bug");
  };
  scene.under.boot();
  scene.until("safe mode runs", () => scene.under.ends.length === 3 && scene.under.station === undefined);
  scene.clock.advance(1000);
  expect(scene.status()).toMatchObject({ state: "rescue" });
  scene.under.onStarted = undefined;
  expect(upload(scene, NEXT)).toMatchObject({ status });
  if (status === 200) expectRestart(scene);
  else expect(isUntouched(scene)).toBe(true);
});
