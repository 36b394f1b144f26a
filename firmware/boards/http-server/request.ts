import { type Head, isToken, lengthOf } from "../../../modules/http/index.js";

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Length of the body in bytes. */
  readonly length: number | "chunked";
}

/** Returns the parts of a request's head; `undefined` if it is not valid HTTP/1.1 or 1.0 (RFC 9112). */
export function requestHead({ startLine, headers }: Head): RequestHead | undefined {
  const [method = "", path = "", version, ...rest] = startLine.split(" ");
  if (!isToken(method) || !isTarget(path) || rest.length > 0) return undefined;
  const length = lengthOf(headers);
  // RFC 9112 3.2: a request of HTTP/1.1 needs a host. 6.1: chunks in HTTP/1.0 are a framing error.
  const isValid =
    version === "HTTP/1.1" ? headers.has("host") : version === "HTTP/1.0" && length !== "chunked";
  if (!isValid || length === undefined) return undefined;
  return { method, path, headers, length: length === "unknown" ? 0 : length };
}

/** Whether a text is a request target (RFC 9112 3.2): visible ASCII. */
function isTarget(text: string): boolean {
  return /^[!-~]+$/.test(text);
}
