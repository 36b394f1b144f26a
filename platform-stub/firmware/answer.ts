/** HTTP answers of the firmware repository (docs/protocol.md, "Firmware over the air"), with ranges (RFC 9110 14). */

import { encodeUTF8 } from "../../modules/bytes/index.js";
import type { Channel, FirmwareRepository, Offer } from "./repository.js";

export interface FirmwareRequest {
  readonly method: string;
  /** The request target. */
  readonly path: string;
  /** Headers by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface FirmwareResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

const PRODUCT = "([A-Za-z0-9_-]{1,64})";
const VERSION_PATH = new RegExp(`^/firmwares/v1/products/${PRODUCT}/firmware-version$`);
const IMAGE_PATH = new RegExp(`^/firmwares/v1/(staging/)?${PRODUCT}\\.bin$`);

/**
 * Answers a request. The header `x-device-id` identifies the station. `x-firmware-channel: staging` requests releases of
 * the staging channel too.
 */
export function answer(
  repository: FirmwareRepository,
  { method, path, headers }: FirmwareRequest,
): FirmwareResponse {
  if (method !== "GET" && method !== "HEAD")
    return text(405, "method not allowed; use GET or HEAD", { allow: "GET, HEAD" });
  const deviceId = headers.get("x-device-id");
  const [target = ""] = path.split("?");
  const versionOf = VERSION_PATH.exec(target)?.[1];
  if (versionOf !== undefined) {
    const channel: Channel = headers.get("x-firmware-channel") === "staging" ? "staging" : "stable";
    const offer = repository.offer(versionOf, channel, deviceId);
    return offer ? bodyless(method, versionAnswer(offer)) : text(404, "no firmware for this product");
  }
  const [, staging, productId] = IMAGE_PATH.exec(target) ?? [];
  const offer =
    productId === undefined
      ? undefined
      : repository.offer(productId, staging === undefined ? "stable" : "staging", deviceId);
  return offer ? bodyless(method, imageAnswer(offer, headers)) : text(404, "not found");
}

function versionAnswer({ release, sha256 }: Offer): FirmwareResponse {
  const { version, image, signature } = release;
  const body = encodeUTF8(
    JSON.stringify({ firmware_version: version, size: image.length, sha256, signature }),
  );
  return {
    status: 200,
    headers: {
      "content-type": "application/json",
      "content-length": String(body.length),
      "cache-control": "no-store",
    },
    body,
  };
}

function imageAnswer({ release, sha256 }: Offer, requested: ReadonlyMap<string, string>): FirmwareResponse {
  const { image } = release;
  const etag = `"${sha256}"`;
  const headers = { "content-type": "application/octet-stream", "accept-ranges": "bytes", etag };
  const condition = requested.get("if-range");
  const range = requested.get("range");
  const isWhole = range === undefined || (condition !== undefined && condition !== etag);
  const found = isWhole ? undefined : parseRange(range, image.length);
  if (found === "outside") {
    return text(416, "range not satisfiable", { "content-range": `bytes */${image.length}` });
  }
  if (!found) {
    return { status: 200, headers: { ...headers, "content-length": String(image.length) }, body: image };
  }
  const body = image.subarray(found.from, found.to + 1);
  const contentRange = `bytes ${found.from}-${found.to}/${image.length}`;
  return {
    status: 206,
    headers: { ...headers, "content-length": String(body.length), "content-range": contentRange },
    body,
  };
}

/** Parses a single byte range; `undefined` for any other, for which the whole image is sent (RFC 9110 14.2). */
function parseRange(text: string, size: number): { from: number; to: number } | "outside" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text) ?? [];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (from >= size || (first === "" && Number(last) === 0)) return "outside";
  return to < from ? undefined : { from, to };
}

function bodyless(method: string, response: FirmwareResponse): FirmwareResponse {
  return method === "HEAD" ? { ...response, body: new Uint8Array(0) } : response;
}

function text(status: number, message: string, headers: Record<string, string> = {}): FirmwareResponse {
  const body = encodeUTF8(`${message}\n`);
  const own = { "content-type": "text/plain; charset=utf-8", "content-length": String(body.length) };
  return { status, headers: { ...own, ...headers }, body };
}
