/**
 * Steps of the station whose cost is measured on XS. Each step is called separately and checks that it
 * succeeded.
 */

import { type Config, defaultConfig } from "../../../firmware/config.js";
import { startStation } from "../../../firmware/start.js";
import { Station } from "../../../firmware/station.js";
import { concatBytes, decodeUTF8, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { encodePacket, PacketReader } from "../../../modules/mqtt/codec.js";
import { TAG_UUID } from "../../../modules/tag-service/index.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { base64 } from "../../virtual/world/platform-answers.js";
import { makeQuietBoard, type QuietBoard, type QuietPhone } from "./quiet-board.js";

const FORM =
  "ssid=Cafe&psk=long-password&wsp=owner%40cafe.example&token=a-token&host=broker.example&brport=1883";
const PAIR = encodeUTF8(
  `POST /pair HTTP/1.1\r\nhost: 192.168.4.1\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: ${FORM.length}\r\n\r\n${FORM}`,
).buffer;
/** The quiet board's random numbers are all ones, and its hashes all zeros. */
const REQUEST_ID = String(0x0101010101010101n);
const USER = "00".repeat(32);
const DEVICE_ID = "a4-cf-12-00-00-01";
const DEVICE_RECORD = encodeUTF8(
  JSON.stringify({ v: 1, responseKey: encodeHex(new Uint8Array(32).fill(7)) }),
);
const PAYLOAD = new Uint8Array(300).fill(0x61);
const TAG = encodeUTF8("GUEST-0001").buffer;
/** Time between attempts, ms. Faster attempts exceed the rate limits. */
const BETWEEN_ATTEMPTS_MS = 61_000;
const FINAL_STATE_AUTHORIZED = 2;
/** A station that installs updates: the public key of RFC 8032, test 1. */
const UPDATABLE: Config = {
  ...defaultConfig,
  updateKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
};
const PHONES = 3;
const IMAGE = makeImage({ version: defaultConfig.firmwareVersion + 1, byteLength: 16_384 });
/** Length of a piece of an upload, bytes. */
const PIECE_BYTES = 1024;
const PIECES = Array.from(
  { length: IMAGE.length / PIECE_BYTES },
  (_, i) => IMAGE.slice(i * PIECE_BYTES, (i + 1) * PIECE_BYTES).buffer,
);
/** The quiet board's hashes are all the same, so that any password is right. */
const UPLOAD = encodeUTF8(
  `POST /firmware/upload HTTP/1.1\r\nhost: 192.168.1.2\r\nauthorization: Basic YWRtaW46cGFzc3dvcmQ=\r\ncontent-type: application/octet-stream\r\ncontent-length: ${IMAGE.length}\r\n\r\n`,
).buffer;
const STATUS = encodeUTF8("GET /status HTTP/1.1\r\nhost: 192.168.1.2\r\n\r\n").buffer;

let measuredBoard: QuietBoard;
let measuredStation: Station;
let measuredPhone: QuietPhone;
let finalResults: number;
let publishPacket: Uint8Array<ArrayBuffer>;

function expectThat(what: string, isTrue: boolean): void {
  if (!isTrue) throw new Error(`the step failed: ${what}`);
}

function advanceUntil(what: string, condition: () => boolean): void {
  expectThat(what, measuredBoard.clock.runUntil(condition, 60_000));
}

/** Not measured: creates the world and the packets to send. */
function prepare(): void {
  finalResults = 0;
  measuredBoard = makeQuietBoard(encodeUTF8('{"authorized":true}').buffer);
  measuredBoard.openStorage("plugpass").write("device", DEVICE_RECORD);
  const response = JSON.stringify({
    status: "1",
    code: "200",
    id: REQUEST_ID,
    data: base64(new Uint8Array(48)),
  });
  measuredBoard.broker.response = encodePacket({
    cmd: "publish",
    topic: `${USER}/res/${DEVICE_ID}/authorize`,
    payload: encodeUTF8(response),
    qos: 1,
    retain: false,
    dup: false,
    messageId: 1,
  }).slice().buffer;
  publishPacket = concatBytes(encodeOne());
}

function encodeOne(): Uint8Array<ArrayBuffer> {
  return encodePacket({
    cmd: "publish",
    topic: `${USER}/sweet-home/${DEVICE_ID}/charger/status`,
    payload: PAYLOAD,
    qos: 1,
    retain: true,
    dup: false,
    messageId: 7,
  });
}

function boot(config: Config = defaultConfig): void {
  const started = startStation(measuredBoard, config);
  expectThat("it is a station", started instanceof Station);
  measuredStation = started as Station;
  measuredBoard.clock.advance(1000);
  expectThat("it is unpaired", measuredStation.lifeCycle === "unpaired");
}

function bootUpdatable(): void {
  boot(UPDATABLE);
}

function pair(): void {
  measuredBoard.request(PAIR);
  advanceUntil("the parameters are proven", () => measuredStation.lifeCycle === "connecting");
}

function connect(): void {
  advanceUntil("it is online", () => measuredStation.lifeCycle === "online");
  measuredBoard.clock.advance(3000);
}

function idleMinute(): void {
  measuredBoard.clock.advance(60_000);
}

/** Not measured: plugs in a vehicle and connects a phone. */
function arrive(): void {
  measuredBoard.setPilot({ highMv: 9000, lowMv: 9000 });
  measuredBoard.clock.advance(100);
  expectThat("it is plugged", measuredStation.status === "plugged");
  measuredPhone = measuredBoard.connectPhone((value) => {
    if (value[1] === FINAL_STATE_AUTHORIZED) finalResults++;
  });
}

/** Authorizes a tag, from its write to the final notification. */
function authorize(): void {
  const before = finalResults;
  measuredPhone.write(TAG_UUID, TAG);
  advanceUntil("there is a final result", () => finalResults === before + 1);
}

/** Not measured: unplugs the vehicle and lets the rate limits expire. */
function leave(): void {
  measuredPhone.disconnect();
  measuredBoard.setPilot({ highMv: 12_000, lowMv: 12_000 });
  measuredBoard.clock.advance(BETWEEN_ATTEMPTS_MS);
  expectThat("it is available", measuredStation.status === "available");
}

let uploadAnswer: string;

function startUpload(): void {
  uploadAnswer = "";
  const onAnswer = (bytes: Uint8Array<ArrayBuffer>) => {
    uploadAnswer += decodeUTF8(bytes) ?? "";
  };
  measuredBoard.request(UPLOAD, { body: PIECES, onAnswer });
}

function finishUpload(expected: string): void {
  advanceUntil(`the answer to the upload is: ${expected}`, () => uploadAnswer.endsWith(expected));
}

/** Not measured: uploads an image without a signature. */
function upload(): void {
  startUpload();
  finishUpload("this station installs only signed images");
}

/**
 * Not measured: while an image is uploaded, three phones present a tag at once, and a browser asks for the status. The
 * session ends the upload.
 */
function crowd(): void {
  startUpload();
  measuredBoard.setPilot({ highMv: 9000, lowMv: 9000 });
  measuredBoard.clock.advance(100);
  let results = 0;
  const phones = Array.from({ length: PHONES }, () =>
    measuredBoard.connectPhone((value) => {
      if ((value[1] ?? 0) >= FINAL_STATE_AUTHORIZED) results++;
    }),
  );
  for (const phone of phones) phone.write(TAG_UUID, TAG);
  measuredBoard.request(STATUS);
  advanceUntil("each phone has a final result", () => results === PHONES);
  finishUpload("a session has begun");
  for (const phone of phones.slice(1)) phone.disconnect();
  measuredPhone = phones[0] as QuietPhone;
  leave();
}

function encodePublish(): void {
  expectThat("it is encoded", encodeOne().length > PAYLOAD.length);
}

function parsePublish(): void {
  const { packets } = new PacketReader({ maxPacketBytes: 16_384 }).push(publishPacket);
  expectThat("it is parsed", packets.length === 1);
}

/** Authorizes tags with one connection each, as guests do. */
function authorizeMany(count: number): void {
  for (let i = 0; i < count; i++) {
    arrive();
    authorize();
    leave();
  }
}

Object.assign(globalThis, {
  steps: {
    prepare,
    boot,
    bootUpdatable,
    pair,
    connect,
    idleMinute,
    arrive,
    authorize,
    leave,
    upload,
    crowd,
    encodePublish,
    parsePublish,
    authorizeMany,
  },
});
