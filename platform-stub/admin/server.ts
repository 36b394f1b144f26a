/** The admin page's HTTP server: its files, the login, and the calls of api.ts behind it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { clientAddressOf } from "../client-address.js";
import { type Answer, type APIOptions, answer, maxFileBytes, refuse } from "./api.js";
import { readPage } from "./files.js";
import type { Login } from "./login.js";

export interface AdminOptions extends APIOptions {
  readonly login: Login;
  /** Addresses of proxies whose `X-Forwarded-For` is believed. Default: none. */
  readonly trustedProxies?: readonly string[];
  readonly host: string;
  /** TCP port; 0: any free port. */
  readonly port: number;
  /** Called when a request fails unexpectedly. */
  readonly onError?: (message: string) => void;
}

/** A running admin page. */
export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

/** Maximum size of a request body, bytes. Only imported files of cards, after login, may be larger. */
const MAX_BODY_BYTES = 16 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
/** Lifetime of the login cookie, s. */
const COOKIE_S = 12 * 60 * 60;

const HEADERS = {
  // The page may run only its own script file and no markup from text: a station's name cannot inject a script.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/** Starts the admin page's server. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const files = await readPage();
  const server = createServer((request, response) => {
    void respond(request, response, { ...options, files }).catch((error: unknown) => {
      options.onError?.(error instanceof Error ? error.message : "a request failed");
      if (!response.headersSent) send(response, refuse(500, "the request failed; see the platform's log"));
    });
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  await listen(server, options);
  const { address, port } = server.address() as AddressInfo;
  const host = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

type Context = AdminOptions & { readonly files: Awaited<ReturnType<typeof readPage>> };

async function respond(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const { method = "GET", headers } = request;
  const isReading = method === "GET" || method === "HEAD";
  if (!isOwnHost(request)) return send(response, refuse(421, "the Host header does not name the admin page"));
  if (!isReading && isForeign(request))
    return send(response, refuse(403, "the request comes from another page"));
  const target = request.url ?? "/";
  if (!URL.canParse(target, "http://page"))
    return send(response, refuse(400, "the request target is not valid"));
  const url = new URL(target, "http://page");
  const file = context.files.get(url.pathname);
  if (file) {
    if (!isReading) return send(response, refuse(405, "method not allowed; use GET"));
    response.writeHead(200, { ...HEADERS, "Content-Type": file.type, "Content-Length": file.body.length });
    response.end(method === "HEAD" ? undefined : file.body);
    return;
  }
  const path = pathOf(url);
  if (!path) return send(response, refuse(404, "not found"));
  if (path[0] === "login" || path[0] === "logout")
    return logInOrOut(request, response, { context, what: path[0] });
  if (!context.login.isLoggedIn(tokenOf(request))) return send(response, refuse(401, "log in first"));
  const maxBytes = path[0] === "cards.csv" && !isReading ? maxFileBytes(context.registry) : MAX_BODY_BYTES;
  const body = isReading ? "" : await readBody(request, maxBytes);
  if (body === undefined)
    return send(response, refuse(413, `the body must be UTF-8 of at most ${maxBytes} bytes`));
  const isNew = headers["if-none-match"] === "*";
  send(response, answer({ method, path, query: url.searchParams, body, isNew }, context));
}

async function logInOrOut(
  request: IncomingMessage,
  response: ServerResponse,
  { context, what }: { context: Context; what: "login" | "logout" },
): Promise<void> {
  if (request.method !== "POST") return send(response, refuse(405, "method not allowed; use POST"));
  const name = cookieName(request);
  if (what === "login") {
    const password = await readBody(request, MAX_BODY_BYTES);
    return password === undefined
      ? send(response, refuse(413, "the password is too long or not UTF-8"))
      : logIn(response, password, { context, name, address: clientOf(request, context.trustedProxies) });
  }
  context.login.logOut(tokenOf(request));
  send(response, { status: 200, json: {} }, { "Set-Cookie": cookie(name, "", 0) });
}

async function logIn(
  response: ServerResponse,
  password: string,
  { context, name, address }: { context: Context; name: string; address: string },
): Promise<void> {
  const result = await context.login.attempt(password, address);
  switch (result.type) {
    case "accepted":
      return send(
        response,
        { status: 200, json: {} },
        { "Set-Cookie": cookie(name, result.token, COOKIE_S) },
      );
    case "wrong":
      return send(response, refuse(401, "Wrong password."));
    case "wait": {
      const seconds = Math.ceil(result.waitMs / 1000);
      const sentence = `Too many attempts. Try again in ${seconds} s.`;
      return send(response, refuse(429, sentence), { "Retry-After": String(seconds) });
    }
  }
}

/** Whether `Host` names the admin page. On loopback, any other name indicates DNS rebinding by a foreign page. */
function isOwnHost({ headers, socket }: IncomingMessage): boolean {
  const isLoopback = /^(::ffff:)?127\.|^::1$/.test(socket.localAddress ?? "");
  return !isLoopback || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(headers.host ?? "");
}

/** Whether a request comes from a foreign page. Programs other than browsers must send a matching `Origin` too. */
function isForeign({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin";
  const { origin, host } = headers;
  return origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host;
}

function pathOf({ pathname }: URL): string[] | undefined {
  if (!pathname.startsWith("/api/")) return undefined;
  try {
    return pathname.slice("/api/".length).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/**
 * Reads the body; `undefined` when it is too long, not UTF-8, or incomplete. A long body is read to its end, because
 * otherwise the client does not receive the answer.
 */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of request) {
      length += part.length;
      if (length <= maxBytes) parts.push(part);
    }
    if (length > maxBytes) return undefined;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    return undefined;
  }
}

/**
 * Address of a client, for limits. A proxy appends the address of its client to `X-Forwarded-For`: the last one that is no
 * trusted proxy is the client's. Without a trusted proxy the header is any client's invention.
 */
function clientOf({ headers, socket }: IncomingMessage, trustedProxies: readonly string[] = []): string {
  const trusted = trustedProxies.map(clientAddressOf);
  const forwarded = [headers["x-forwarded-for"] ?? ""].flat().join().split(",");
  const way = [...forwarded.map((one) => one.trim()).filter((one) => one !== ""), socket.remoteAddress];
  const addresses = way.map(clientAddressOf);
  const direct = addresses.at(-1) ?? "";
  return trusted.includes(direct) ? (addresses.findLast((one) => !trusted.includes(one)) ?? direct) : direct;
}

/** Name of the login cookie. Cookies ignore the port, so that two platforms on one machine need different names. */
function cookieName({ socket }: IncomingMessage): string {
  return `plugpass-admin-${socket.localPort}`;
}

function cookie(name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;
}

function tokenOf(request: IncomingMessage): string | undefined {
  const name = `${cookieName(request)}=`;
  const cookies = (request.headers.cookie ?? "").split(/; */);
  return cookies.find((one) => one.startsWith(name))?.slice(name.length);
}

function send(response: ServerResponse, given: Answer, headers: Record<string, string> = {}): void {
  const file = "file" in given ? given.file : undefined;
  const body = "file" in given ? given.file.text : JSON.stringify(given.json);
  response.writeHead(given.status, {
    ...HEADERS,
    "Content-Type": file?.type ?? "application/json",
    ...(file ? { "Content-Disposition": `attachment; filename="${file.name}"` } : {}),
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) => {
      const why = code === "EADDRINUSE" ? "is in use" : `of ${host} cannot be opened (${code})`;
      reject(new Error(`port ${port} ${why}; choose another for the admin page with --admin-port`));
    });
    server.listen(port, host, resolve);
  });
}
