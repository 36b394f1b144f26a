import type { EmulatedStation } from "./emulated-station.js";

/** Time that an answer may take, ms: the emulator is slower than the chip when the computer is busy. */
const ANSWER_TIMEOUT_MS = 20_000;
const RETRY_MS = 250;
/** Time that an upload may take, ms. The chip erases and writes about 100 KB in a second. */
const UPLOAD_TIMEOUT_MS = 180_000;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly body?: URLSearchParams | FormData | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Sends one request to the HTTP API. Rejects when there is no answer in time. */
export async function request(
  station: EmulatedStation,
  path: string,
  { timeoutMs = ANSWER_TIMEOUT_MS, headers, ...options }: RequestOptions = {},
): Promise<Answer> {
  const response = await fetch(`${station.url}${path}`, {
    ...options,
    // The chip has few connections: none is kept.
    headers: { ...headers, connection: "close" },
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, body: await response.text() };
}

/** Asks for `/status` until the HTTP API answers. It does not while the chip starts or has no address yet. */
export async function statusOf(
  station: EmulatedStation,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<Record<string, unknown>> {
  let status: Record<string, unknown> | undefined;
  let isAsking = false;
  const ask = async () => {
    isAsking = true;
    try {
      const { body } = await request(station, "/status", { timeoutMs: 5000 });
      status = JSON.parse(body);
    } catch {
      setTimeout(() => {
        isAsking = false;
      }, RETRY_MS);
    }
  };
  return station.until(
    "the HTTP API answers /status",
    () => {
      if (!isAsking) void ask();
      return status;
    },
    timeoutMs,
  );
}

/** Sends the parameters to `/pair`, as `curl -d` does. */
export function pair(station: EmulatedStation, fields: Readonly<Record<string, string>>): Promise<Answer> {
  return request(station, "/pair", { method: "POST", body: new URLSearchParams(fields) });
}

/** Authorization header of the admin. */
export function loginOf(password: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
}

/** Uploads a firmware, as the panel does. */
export function upload(
  station: EmulatedStation,
  login: Readonly<Record<string, string>>,
  { image, signature }: { readonly image: Uint8Array<ArrayBuffer>; readonly signature: string },
): Promise<Answer> {
  const body = new FormData();
  body.append("firmware", new Blob([image]), "firmware.bin");
  body.append("signature", signature);
  const options = { method: "POST", body, headers: login, timeoutMs: UPLOAD_TIMEOUT_MS };
  return request(station, "/firmware/upload", options);
}
