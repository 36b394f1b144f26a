import type { Board, HTTPConnection, HTTPRequest, HTTPServer, IO } from "../board/index.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { isForeign } from "./foreign-page.js";
import { type Form, parseForm } from "./form.js";

/** What a route answers. */
export interface Reply {
  readonly status: number;
  /** Plain text unless `type` says otherwise. */
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly path: string;
  /** Where POST is allowed, it carries a form. */
  readonly methods: readonly ("GET" | "POST")[];
  /** It changes something: a page from elsewhere may not ask for it. */
  readonly changes: boolean;
  /** `fields`: of the query for GET, of the form for POST. */
  readonly answer: (fields: ReadonlyMap<string, string>) => Reply;
}

export interface HTTPAPIOptions {
  readonly board: Board;
  readonly routes: readonly Route[];
}

/** Protocol, section 2. */
const PORT = 80;
const MAX_HEAD_BYTES = 4096;
const MAX_BODY_BYTES = 2048;
const MAX_CONNECTIONS = 4;
const REQUEST_TIMEOUT_MS = 10_000;
const FORM_TYPE = "application/x-www-form-urlencoded";

/** The station's HTTP server: a table of routes, and what every answer has in common. */
export class HTTPAPI implements IO {
  #server: HTTPServer;

  constructor({ board, routes }: HTTPAPIOptions) {
    this.#server = new board.io.HTTPServer({
      port: PORT,
      maxHeadBytes: MAX_HEAD_BYTES,
      maxConnections: MAX_CONNECTIONS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      onConnect: (connection) => serve(connection, routes),
    });
  }

  close(): void {
    this.#server.close();
  }
}

/** One request: found, received, answered. */
function serve(connection: HTTPConnection, routes: readonly Route[]): void {
  let answer: (body: Uint8Array<ArrayBuffer>) => Reply = () => text(500, "no request");
  let body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let unsent: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let isAnswered = false;
  const reply = (what: Reply) => {
    isAnswered = true;
    unsent = encodeUTF8(what.body);
    connection.respond({ status: what.status, headers: headersOf(what, unsent.length) });
  };
  connection.accept({
    onRequest(request) {
      const found = find(request, routes);
      if ("refusal" in found) reply(found.refusal);
      else answer = found.answer;
    },
    onReadable() {
      body = concatBytes(body, connection.read() ?? new ArrayBuffer(0));
      if (!isAnswered && body.length > MAX_BODY_BYTES) reply(TOO_LARGE);
    },
    onResponse() {
      if (!isAnswered) reply(answer(body));
    },
    onWritable(count) {
      const piece = unsent.subarray(0, count);
      unsent = unsent.subarray(piece.length);
      connection.write(piece);
    },
  });
}

type Found = { readonly answer: (body: Uint8Array<ArrayBuffer>) => Reply } | { readonly refusal: Reply };

const TOO_LARGE = text(413, `a form has at most ${MAX_BODY_BYTES} bytes`);

/** What can be refused by the head alone is refused before a byte of the body was taken. */
function find(request: HTTPRequest, routes: readonly Route[]): Found {
  const [path = "", query = ""] = splitOnce(request.path, "?");
  const route = routes.find((one) => one.path === path);
  if (!route) return { refusal: text(404, "there is nothing here") };
  const method = route.methods.find((one) => one === request.method);
  if (!method) {
    const allow = route.methods.join(", ");
    return { refusal: { ...text(405, `${path} answers ${allow}`), headers: { allow } } };
  }
  if (route.changes && isForeign(request.headers)) {
    return { refusal: text(403, "a page from elsewhere may not do this") };
  }
  if (method === "GET") return { answer: () => answerForm(route, parseForm(query)) };
  const [type = ""] = splitOnce(request.headers.get("content-type") ?? "", ";");
  if (type.trim().toLowerCase() !== FORM_TYPE) return { refusal: text(415, `the body must be ${FORM_TYPE}`) };
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return { refusal: TOO_LARGE };
  return {
    answer: (body) => {
      const form = decodeUTF8(body);
      if (form === undefined) return text(400, "the form is not UTF-8");
      return answerForm(route, parseForm(form));
    },
  };
}

function answerForm(route: Route, form: Form): Reply {
  return form.ok ? route.answer(form.fields) : text(400, form.message);
}

export function text(status: number, body: string): Reply {
  return { status, body };
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
