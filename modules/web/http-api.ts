import type { Board, HTTPConnection, HTTPRequest, HTTPServer, IO } from "../board/index.js";
import { encodeUTF8 } from "../bytes/index.js";
import { isForeign, isUnexplained } from "./foreign-page.js";
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
  readonly needsLogin?: boolean;
}

/** A route that receives fields: a query with GET, a form with POST. */
export interface FormRoute extends Address {
  /** Handles the request. `fields` are from the query of a GET or the form of a POST. */
  readonly answer: (
    fields: ReadonlyMap<string, string>,
    headers: ReadonlyMap<string, string>,
  ) => Reply | Later;
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
}

/** TCP port (protocol, section 2). */
const PORT = 80;
/** Maximum length of the head of a request, bytes. */
const MAX_HEAD_BYTES = 4096;
const MAX_CONNECTIONS = 4;
const REQUEST_TIMEOUT_MS = 10_000;
const FORM_TYPE = "application/x-www-form-urlencoded";

/** The station's HTTP server: finds routes, checks access and sends responses with common headers. */
export class HTTPAPI implements IO {
  private readonly _server: HTTPServer;

  constructor(options: HTTPAPIOptions) {
    this._server = new options.board.io.HTTPServer({
      port: PORT,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxConnections: MAX_CONNECTIONS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onConnect: (connection) => serve(connection, options),
    });
  }

  close(): void {
    this._server.close();
  }
}

/** Serves one request: finds its route, receives the body and sends the response. */
function serve(connection: HTTPConnection, options: HTTPAPIOptions): void {
  let intake: Intake | undefined;
  let unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let isAnswered = false;
  const end = () => {
    if (!isAnswered) intake?.close?.();
    isAnswered = true;
  };
  const reply = (what: Reply) => {
    if (isAnswered) return;
    end();
    unsent = typeof what.body === "string" ? encodeUTF8(what.body) : what.body;
    connection.respond({ status: what.status, headers: headersOf(what, unsent.length) });
  };
  connection.accept({
    onRequest(request) {
      const found = find(request, options, connection.remoteAddress ?? "");
      if ("status" in found) reply(found);
      else intake = found;
    },
    onReadable() {
      if (intake?.pauseMs) connection.extend(intake.pauseMs);
      const early = intake?.receive(connection.read() ?? new ArrayBuffer(0));
      if (early) reply(early);
    },
    onResponse() {
      if (isAnswered || !intake) return;
      const given = intake.finish();
      if (typeof given === "function") given(reply);
      else reply(given);
    },
    onWritable(count) {
      const piece = unsent.subarray(0, count);
      unsent = unsent.subarray(piece.length);
      connection.write(piece);
    },
    onError: end,
  });
}

/** Returns the receiver of the body, or a refusal. All checks of the head precede the first byte of the body. */
function find(request: HTTPRequest, options: HTTPAPIOptions, from: string): Intake | Reply {
  const { headers } = request;
  const [path = "", query = ""] = splitOnce(request.path, "?");
  const route = options.router.route(path);
  if (!route) return text(404, "not found");
  const method = route.methods.find((one) => one === request.method);
  if (!method) {
    const allow = route.methods.join(", ");
    return { ...text(405, `method not allowed; use ${allow}`), headers: { allow } };
  }
  const isLoggedInGET = route.needsLogin === true && method === "GET";
  if (route.changes && (isForeign(headers) || (isLoggedInGET && isUnexplained(headers)))) {
    return text(403, "requests from pages of other sites are refused");
  }
  const refusal = route.needsLogin && options.login.refusal(headers.get("authorization"), from);
  if (refusal) return refusal;
  if ("intake" in route) return route.intake(headers);
  const answerForm = (form: Form) => (form.ok ? route.answer(form.fields, headers) : text(400, form.message));
  if (method === "GET") return formIntake(() => answerForm(parseForm(query)));
  const [type = ""] = splitOnce(headers.get("content-type") ?? "", ";");
  if (!["", FORM_TYPE].includes(type.trim().toLowerCase())) return text(415, `the body must be ${FORM_TYPE}`);
  return isTooLarge(headers) ? TOO_LARGE : formIntake(answerForm);
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
