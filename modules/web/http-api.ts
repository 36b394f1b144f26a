import type { Board, HTTPConnection, HTTPHandlers, HTTPRequest, HTTPServer, IO } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { isForeign, isMisdirected, isUnexplained } from "./foreign-page.js";
import { type Form, parseForm } from "./form.js";
import { formIntake, type Intake, isTooLarge, type Later, TOO_LARGE } from "./intake.js";
import type { Login } from "./login.js";
import { type Reply, text } from "./reply.js";

/** Path and access rules of a route. */
interface Address {
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** Whether the route changes something. Requests from foreign pages are then refused. */
  readonly changes?: boolean;
  /** Whether the route needs the admin login. */
  readonly needsLogin?: boolean | (() => boolean);
  /** Whether the route shows more with the admin login. A wrong login is refused. */
  readonly usesLogin?: boolean;
  /** Whether a change that needs the login is possible before the owner has changed the initial password. */
  readonly allowsInitialPassword?: boolean;
}

/** Head of a request whose login is checked. */
export interface CheckedHead {
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the route needs or uses the login, and the request has it. */
  readonly isLoggedIn: boolean;
}

/** A route that receives fields: a query with GET, a form with POST. */
export interface FormRoute extends Address {
  /** Handles the request. `fields` are from the query of a GET or the form of a POST. */
  readonly answer: (fields: ReadonlyMap<string, string>, head: CheckedHead) => Reply | Later;
}

/** A route that streams the body of the request. */
export interface IntakeRoute extends Address {
  /** Returns the receiver of the body, or a response that refuses the request by its head. */
  readonly intake: (headers: ReadonlyMap<string, string>) => Intake | Reply;
}

/** A route of the HTTP API. */
export type Route = FormRoute | IntakeRoute;

export const GET = ["GET"] as const;
export const GET_AND_POST = ["GET", "POST"] as const;

export interface HTTPAPIOptions {
  readonly board: Board;
  readonly login: Login;
  readonly router: Router;
}

export interface Router {
  /** Finds a route. Called for each request, so that routes use no memory between requests. */
  route(path: string): Route | undefined;
  /** Returns the response to a request for another host, which a captive portal receives. */
  replyToForeignHost(path: string): Reply | undefined;
}

/** TCP port (protocol, section 2). */
const PORT = 80;
/** Maximum length of the head of a request, bytes. */
const MAX_HEAD_BYTES = 4096;
const MAX_CONNECTIONS = 4;
/** A client cannot take all connections. */
const MAX_CONNECTIONS_PER_ADDRESS = 2;
const REQUEST_TIMEOUT_MS = 10_000;
/** Time limit of a request that waits for the check of its login, ms. */
const TURN_MS = 60_000;
const FORM_TYPE = "application/x-www-form-urlencoded";
const MISDIRECTED = text(421, "open the station by its IP address, for example http://192.168.4.1/");
const FOREIGN = text(403, "requests from pages of other sites are refused");
const INITIAL_PASSWORD = text(403, "password-initial: change the admin password first");

/** The station's HTTP server: finds routes, checks access and sends responses with common headers. */
export class HTTPAPI implements IO {
  private readonly _server: HTTPServer;
  private readonly _login: Login;

  constructor(options: HTTPAPIOptions) {
    this._login = options.login;
    this._server = new options.board.io.HTTPServer({
      port: PORT,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxConnections: MAX_CONNECTIONS,
      maxConnectionsPerAddress: MAX_CONNECTIONS_PER_ADDRESS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onConnect: (connection) => connection.accept(new Exchange(connection, options)),
    });
  }

  close(): void {
    this._server.close();
    this._login.close();
  }
}

/** Serves one request: finds its route, receives the body and sends the response. */
class Exchange implements HTTPHandlers {
  private readonly _connection: HTTPConnection;
  private readonly _options: HTTPAPIOptions;
  /** The check of the login that the request waits for. */
  private _turn: IO | undefined;
  private _isReceived = false;
  private _intake: Intake | undefined;
  private _unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private _isAnswered = false;

  constructor(connection: HTTPConnection, options: HTTPAPIOptions) {
    this._connection = connection;
    this._options = options;
  }

  onRequest(sent: HTTPRequest): void {
    const request = withOriginForm(sent);
    const { _connection: connection, _options: options } = this;
    const address = connection.remoteAddress ?? "";
    this._turn = options.login.awaitTurn(request.headers.get("authorization"), address, () => {
      const isLate = this._turn !== undefined;
      this._turn = undefined;
      const found = find(request, options, address);
      if ("status" in found) this._reply(found);
      else this._intake = found;
      if (isLate) this._continue();
    });
    if (this._turn) connection.extend(TURN_MS);
  }

  onReadable(): void {
    const { _connection: connection, _intake: intake } = this;
    if (!intake) return;
    if (intake.pauseMs) connection.extend(intake.pauseMs);
    const early = intake.receive(connection.read() ?? new ArrayBuffer(0));
    if (early) this._reply(early);
  }

  onResponse(): void {
    this._isReceived = true;
    if (this._isAnswered || !this._intake) return;
    const given = this._intake.finish();
    if (typeof given === "function") given((reply) => this._reply(reply));
    else this._reply(given);
  }

  onWritable(count: number): void {
    const piece = this._unsent.subarray(0, count);
    this._unsent = this._unsent.subarray(piece.length);
    this._connection.write(piece);
  }

  onError(): void {
    this._end();
  }

  /** Receives the rest of a request that has waited for the check of its login. */
  private _continue(): void {
    if (this._isAnswered) return;
    this._connection.extend(REQUEST_TIMEOUT_MS);
    if (this._isReceived) this.onResponse();
    else this.onReadable();
  }

  /** Closes the receiver of the body, unless it has finished. */
  private _end(): void {
    this._turn?.close();
    if (!this._isAnswered) this._intake?.close?.();
    this._isAnswered = true;
  }

  private _reply(reply: Reply): void {
    if (this._isAnswered) return;
    this._end();
    const { status, body } = reply;
    this._unsent = typeof body === "string" ? encodeUTF8(body) : body;
    this._connection.respond({ status, headers: headersOf(reply, this._unsent.length) });
  }
}

/** Returns a request without the absolute form of its target (RFC 9112 3.2.2): that names the host. */
function withOriginForm(request: HTTPRequest): HTTPRequest {
  const [, host, path = ""] = /^http:\/\/([^/?]*)(.*)$/i.exec(request.path) ?? [];
  if (host === undefined) return request;
  const headers = new Map(request.headers).set("host", host);
  return { ...request, path: path.startsWith("/") ? path : `/${path}`, headers };
}

/** Returns the receiver of the body, or a refusal. All checks of the head precede the first byte of the body. */
function find(request: HTTPRequest, options: HTTPAPIOptions, from: string): Intake | Reply {
  const { headers } = request;
  const [path = "", query = ""] = splitOnce(request.path, "?");
  if (isMisdirected(headers))
    return replyToForeignHost(request.method, options.router.replyToForeignHost(path));
  const route = options.router.route(path);
  if (!route) return text(404, "not found");
  const method = route.methods.find((one) => one === request.method);
  if (!method) {
    const allow = route.methods.join(", ");
    return { ...text(405, `method not allowed; use ${allow}`), headers: { allow } };
  }
  if (route.changes && (isForeign(headers) || (method === "GET" && isUnexplained(headers)))) return FOREIGN;
  const authorization = headers.get("authorization");
  const needsLogin = typeof route.needsLogin === "function" ? route.needsLogin() : route.needsLogin;
  const isLoggedIn = needsLogin || (route.usesLogin && authorization !== undefined);
  const refusal = isLoggedIn && options.login.refusal(authorization, from);
  if (refusal) return refusal;
  if (route.changes && needsLogin && !route.allowsInitialPassword && options.login.isInitial)
    return INITIAL_PASSWORD;
  if ("intake" in route) return route.intake(headers);
  const answerForm = (form: Form) =>
    form.ok
      ? route.answer(form.fields, { headers, isLoggedIn: isLoggedIn === true })
      : text(400, form.message);
  if (method === "GET") return formIntake(() => answerForm(parseForm(query)));
  const [type = ""] = splitOnce(headers.get("content-type") ?? "", ";");
  if (!["", FORM_TYPE].includes(type.trim().toLowerCase())) return text(415, `the body must be ${FORM_TYPE}`);
  return isTooLarge(headers) ? TOO_LARGE : formIntake(answerForm);
}

/** Answers a HEAD as a GET, without the body. */
function replyToForeignHost(method: string, reply: Reply | undefined): Reply {
  if (!reply || (method !== "GET" && method !== "HEAD")) return MISDIRECTED;
  return method === "GET" ? reply : { ...reply, body: "" };
}

function headersOf({ type, headers }: Reply, byteLength: number): Map<string, string> {
  return new Map([
    ["content-type", type ?? "text/plain; charset=utf-8"],
    ["content-length", String(byteLength)],
    ["cache-control", "no-store"],
    ["x-content-type-options", "nosniff"],
    ...Object.entries(headers ?? {}),
  ]);
}

function splitOnce(whole: string, separator: string): string[] {
  const at = whole.indexOf(separator);
  return at < 0 ? [whole] : [whole.slice(0, at), whole.slice(at + 1)];
}
