import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { parseJSONObject } from "../../modules/json/index.js";
import { isProduct } from "./identity.js";
import { isAuthorized } from "./token.js";

export const DEVICES_PATH = "/provisioning/v1/devices";

/** Registration of a station at a platform: its id, its response key, and the MQTT password of its own account. */
export interface AddedDevice {
  readonly id: string;
  readonly key: string;
  readonly password: string;
}

export interface ProvisioningOptions {
  /** TCP port on loopback; 0: any free port. */
  readonly port: number;
  readonly token: string;
  /** Adds a device. An exception is reported and answered with 500. */
  readonly addDevice: (product: string) => AddedDevice;
  readonly onAdded?: (id: string) => void;
  /** Called when a request is refused, with the reason. The text contains no secrets. */
  readonly onRefused?: (why: string) => void;
}

/** A running endpoint. */
export interface Provisioning {
  readonly port: number;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Listen address. The answers contain keys without encryption, so the endpoint serves only this machine. */
const HOST = "127.0.0.1";
const MAX_BODY_BYTES = 1024;
const REQUEST_TIMEOUT_MS = 10_000;

const requestBody = z.strictObject({ product: z.string().refine(isProduct) });

/** Starts the platform's endpoint: `POST /provisioning/v1/devices {"product"}` adds a device and returns `{id, key, password}`. */
export async function startProvisioning(options: ProvisioningOptions): Promise<Provisioning> {
  const server = createServer((request, response) => {
    void answer(request, options).then((reply) => send(response, reply));
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(options.port, HOST, done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, options: ProvisioningOptions): Promise<Reply> {
  const refuse = (status: number, error: string, headers?: Record<string, string>): Reply => {
    options.onRefused?.(`provisioning: ${error}`);
    return { status, body: { error }, headers };
  };
  if (!isAuthorized(request.headers.authorization, options.token)) {
    return refuse(401, "the token is missing or wrong", { "WWW-Authenticate": "Bearer" });
  }
  if (request.url !== DEVICES_PATH) return refuse(404, `not found; use ${DEVICES_PATH}`);
  if (request.method !== "POST") return refuse(405, "method not allowed; use POST", { Allow: "POST" });
  const text = await readBody(request);
  if (text === undefined) {
    return refuse(413, `a request may have at most ${MAX_BODY_BYTES} bytes`);
  }
  const product = productIn(text);
  if (product === undefined) {
    return refuse(
      400,
      'a request must be {"product": 1-55 letters, digits, - and _, the first a letter or a digit}',
    );
  }
  try {
    const { id, key, password } = options.addDevice(product);
    options.onAdded?.(id);
    return { status: 201, body: { id, key, password } };
  } catch (error) {
    options.onRefused?.(`provisioning: ${error instanceof Error ? error.message : "adding a device failed"}`);
    return { status: 500, body: { error: "the platform could not add a device; see its log" } };
  }
}

/**
 * Reads the body; `undefined` when it is too long or incomplete. A long body is read to its end, because otherwise the
 * client does not receive the answer.
 */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request) {
      length += part.length;
      if (length <= MAX_BODY_BYTES) parts.push(part);
    }
  } catch {
    return undefined;
  }
  return length > MAX_BODY_BYTES ? undefined : Buffer.concat(parts).toString("utf8");
}

function productIn(text: string): string | undefined {
  return requestBody.safeParse(parseJSONObject(Buffer.from(text, "utf8"))).data?.product;
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(text);
}
