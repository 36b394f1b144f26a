import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { encodePDU } from "../../../firmware/boards/advertising.js";
import { decodeHex, encodeBase64URL, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import {
  proofOf,
  receiptOf,
  stationKeyOf,
  stationOf,
  writeCardProof,
} from "../../../modules/card-proof/index.js";
import { STATION_STATUSES } from "../../../modules/charging/index.js";
import { type RequestOutcome, Requests, requestFailure } from "../../../modules/requests/index.js";
import type { Cipher } from "../../../modules/settings/index.js";
import { RESULT_STATES } from "../../../modules/tag-service/index.js";
import { advertisingRecords, encodeResult } from "../../../modules/tag-service/wire.js";
import type { TraceReport } from "../../../modules/trace/index.js";
import { TRACE_EVENTS } from "../../../modules/trace/trace.js";
import { ENDPOINTS, type EndpointContext } from "../../../platform-stub/endpoints.js";
import { Registry } from "../../../platform-stub/registry.js";
import { virtualCrypto } from "../../virtual/board/crypto.js";
import { Scene } from "../../virtual/scene.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { base64, seal } from "../../virtual/world/platform-answers.js";
import { Random } from "../../virtual/world/random.js";
import { match, PROTOCOL, vector } from "./protocol.js";

const DEVICE = "station-1";
const OWNER = { email: "user@example.com", token: "t" };

function hexVector(name: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeHex(vector(name).replaceAll(" ", ""));
  if (!bytes) throw new Error(`the vector ${name} is not hexadecimal`);
  return bytes;
}

/** The JSON below `<!-- json: name -->`. */
function example(name: string): Record<string, unknown> {
  return JSON.parse(match(new RegExp(`<!-- json: ${name} -->\\n\`\`\`json\\n([^]*?)\`\`\``)));
}

describe("the card proof in docs/protocol.md", () => {
  const crypto = virtualCrypto(new Random(1));
  const station = vector("s");
  const key = stationKeyOf(crypto, hexVector("secret"), station);
  const nonce = vector("nonce");
  const cardId = vector("card-id");

  test("station, key, challenge and proof are the code's", () => {
    expect(stationOf(crypto, vector("proof-device"))).toBe(station);
    expect(encodeHex(key)).toBe(vector("ks"));
    expect(vector("challenge-read")).toBe(station + nonce);
    const proof = proofOf(crypto, key, { station, nonce, cardId });
    expect(proof).toBe(vector("proof"));
    expect(vector("tag-write")).toBe(writeCardProof({ cardId, proof }));
  });

  test("receipts and the entry of the local list are the code's", () => {
    expect(receiptOf(crypto, key, { nonce, code: 200 })).toBe(vector("receipt-200"));
    expect(receiptOf(crypto, key, { nonce, code: 403 })).toBe(vector("receipt-403"));
    const hash = encodeHex(crypto.sha256(encodeUTF8(cardId)));
    expect(vector("list-entry")).toBe(`${hash}:${encodeBase64URL(key)}`);
  });
});

describe("the JavaScript for a proof in docs/protocol.md", () => {
  const code = match(/^### A proof\n.*?```js\n(.*?)```/ms);
  const prove = runInNewContext(`${code};prove`, { TextEncoder, Uint8Array, crypto, btoa, atob });
  const secret = encodeBase64URL(hexVector("secret"));

  test("writes the vector's proof, and confirms the vector's receipt only", async () => {
    const proof = await prove({ cardId: vector("card-id"), secret }, hexVector("challenge-read"));
    expect(proof.text).toBe(vector("tag-write"));
    const value = (receipt: string) => Uint8Array.from([1, 2, 200, 0, 1, 2, ...(decodeHex(receipt) ?? [])]);
    expect(await proof.isConfirmed(200, value(vector("receipt-200")))).toBe(true);
    expect(await proof.isConfirmed(403, value(vector("receipt-403")))).toBe(true);
    expect(await proof.isConfirmed(200, value(vector("receipt-403")))).toBe(false);
    expect(await proof.isConfirmed(200, value(""))).toBe(false);
  });
});

describe("the advertisement in docs/protocol.md", () => {
  const hash = virtualCrypto(new Random(1)).sha256(encodeUTF8(DEVICE));
  const { advertisement, scanResponse } = advertisingRecords({
    metadata: {
      acceptsTags: true,
      platformReachable: true,
      authorizesOffline: false,
      pairing: false,
      status: "plugged",
    },
    stationHash: new Uint8Array(hash, 0, 4),
    companyId: 0xffff,
    name: "Café 1",
  });

  test("is what the tag service advertises", () => {
    expect(encodeHex(hexVector("advertisement"))).toBe(encodeHex(encodePDU(advertisement)));
    expect(encodeHex(hexVector("scan response"))).toBe(encodeHex(encodePDU(scanResponse)));
  });
});

describe("the results in docs/protocol.md", () => {
  const rows = [...PROTOCOL.matchAll(/^\| (\w+) (\d+), attempt (\d+), (\w+) \| `([\da-f ]+)` \|$/gm)];

  test("cover each state", () => {
    expect(new Set(rows.map((row) => row[1]))).toEqual(new Set(RESULT_STATES));
  });

  test.each(rows.map((row) => row.slice(1)))("%s %s, attempt %s, %s has the bytes %s", (...row) => {
    const state = RESULT_STATES.find((one) => one === row[0]);
    const status = STATION_STATUSES.find((one) => one === row[3]);
    if (!state || !status) throw new Error(`unknown state or status in ${row.join()}`);
    const bytes = encodeResult({ state, code: Number(row[1]), attempt: Number(row[2]) }, status);
    expect(encodeHex(bytes)).toBe(row[4]?.replaceAll(" ", ""));
  });
});

describe.each<[Cipher, string]>([
  ["aes-256-gcm", "gcm"],
  ["aes-256-cbc", "cbc"],
])("the %s vector in docs/protocol.md", (cipher, prefix) => {
  const [topic, id, status, code] = ["topic", "id", "status", "code"].map(vector) as [
    string,
    string,
    string,
    string,
  ];
  const key = hexVector("key");
  const message = { status, code, id, data: vector(`${prefix}-data`) };

  /** The outcomes of a request with the vector's id, after `answer` has arrived. */
  function outcomesOf(answer: Record<string, string>, keyInRequest = true): RequestOutcome[] {
    const crypto = virtualCrypto(new Random(1));
    const idBytes = decodeHex(BigInt(id).toString(16).padStart(16, "0"));
    if (!idBytes) throw new Error("the id is not a number of 64 bits");
    const [user = "", , deviceId = "", endpoint = ""] = topic.split("/");
    const outcomes: RequestOutcome[] = [];
    const published: string[] = [];
    const requests = new Requests({
      clock: new VirtualClock(),
      crypto: { ...crypto, random: () => idBytes.buffer },
      user,
      deviceId,
      responseKey: { bytes: key },
      cipher,
      keyInRequest,
      trace: { add: () => {} },
      connection: { isOnline: true, publishRequest: (_topic, payload) => published.push(payload) > 0 },
    });
    const { data } = example("message-request") as { data: Record<string, string> };
    requests.request(endpoint, data, (outcome) => outcomes.push(outcome));
    expect(JSON.parse(published[0] ?? "")).toEqual(
      example(keyInRequest ? "message-request" : "message-without-key"),
    );
    requests.receive(topic, encodeUTF8(JSON.stringify(answer)));
    return outcomes;
  }

  test("is opened by the station", () => {
    const success = { ok: true, data: JSON.parse(vector("plain")) };
    expect(outcomesOf(message)).toEqual([success]);
    expect(outcomesOf(message, false)).toEqual([success]);
  });

  test("is what a platform makes with its key and iv", () => {
    const answer = { topic, id, status, code, data: JSON.parse(vector("plain")) };
    expect(base64(seal(answer, { cipher, key, iv: hexVector(`${prefix}-iv`) }))).toBe(message.data);
  });

  if (cipher === "aes-256-gcm") {
    test("is the document's example of an answer, and is refused with another status code", () => {
      expect(example("message-answer")).toEqual(message);
      expect(outcomesOf({ ...message, code: "201" })).toEqual([
        { ok: false, failure: requestFailure("untrusted") },
      ]);
    });
  }
});

describe("the JSON examples in docs/protocol.md", () => {
  /** The stub's answer to an example of the document. */
  function decide(endpoint: string, blocked = false) {
    const registry = new Registry({
      users: [OWNER, { email: "new@bar.example", token: "t" }],
      devices: [],
      tags: [],
    });
    registry.addDevice({ id: DEVICE, owner: OWNER.email });
    registry.putTag({ tag: "GUEST-0001", owner: OWNER.email, blocked, maxCurrent: 16, cacheFor: 86_400 });
    registry.acceptTransfer({ owner: "new@bar.example", device: DEVICE });
    const device = registry.device(DEVICE);
    const decision = ENDPOINTS[endpoint];
    if (!device || !decision) throw new Error(`the stub has no endpoint ${endpoint}`);
    const context: EndpointContext = { registry, hasStationTokens: true, requestId: "1" };
    return {
      ...decision(example(`${endpoint}-request`), device, context),
      malformed: decision({}, device, context),
    };
  }

  test.each(["authorize", "session", "local-list", "create-tag", "diagnostics"])(
    "%s has the stub's answer",
    (endpoint) => {
      expect(decide(endpoint)).toMatchObject({
        status: "1",
        code: "200",
        data: example(`${endpoint}-answer`),
      });
    },
  );

  test("rotate-key has the stub's answer, but for its random key", () => {
    const registry = new Registry({ users: [OWNER], devices: [], tags: [] });
    registry.addDevice({ id: DEVICE, owner: OWNER.email });
    registry.rotateKey(DEVICE);
    const device = registry.device(DEVICE);
    if (!device) throw new Error("the device is missing");
    const context: EndpointContext = { registry, hasStationTokens: true, requestId: "1" };
    const decision = ENDPOINTS["rotate-key"]?.(example("rotate-key-request"), device, context);
    expect(decision).toMatchObject({ status: "1", code: "200", data: { key: device.nextKey } });
    const key = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect([example("rotate-key-answer"), decision?.data]).toEqual([{ key }, { key }]);
  });

  test("change-owner has the stub's answer, but for its random token", () => {
    const answer = example("change-owner-answer");
    expect(decide("change-owner").data).toEqual({ ...answer, token: expect.stringMatching(/^[\da-f]{32}$/) });
  });

  test("a blocked card and a malformed request have the stub's answers", () => {
    expect(decide("authorize", true).data).toEqual(example("authorize-refusal"));
    expect(decide("authorize").malformed).toMatchObject({ status: "0", data: example("error") });
  });

  test("/status has the fields and the kinds of values of a station that charges", () => {
    const scene = new Scene();
    scene.bringOnline();
    scene.plug();
    scene.present("GUEST-0001");
    scene.clock.advance(1000);
    expect(shapeOf(example("status"))).toEqual(shapeOf(scene.status()));
  });

  test("diagnostics names events that a station has, each in the table of events", () => {
    const named = [...PROTOCOL.matchAll(/^\| `([a-z]+[A-Za-z]*)` \| .*$/gm)].map((found) => found[1]);
    expect(named).toEqual(expect.arrayContaining([...TRACE_EVENTS]));
    const { counters, events } = example("diagnostics-request") as TraceReport;
    const used = [...Object.keys(counters), ...events.slice(1).map(([, event]) => event)];
    expect([...TRACE_EVENTS]).toEqual(expect.arrayContaining(used));
  });

  test("each is well-formed", () => {
    const names = [...PROTOCOL.matchAll(/<!-- json: ([\w-]+) -->/g)].map((found) => found[1] ?? "");
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(example(name)).toEqual(expect.any(Object));
  });
});

/** The same value with each text, number and flag replaced by its type. */
function shapeOf(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value === null ? null : typeof value;
  if (Array.isArray(value)) return "array";
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}
