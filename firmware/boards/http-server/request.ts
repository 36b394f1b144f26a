import { type Head, isToken, lengthOf } from "../../../modules/http/index.js";

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  /** Length of the body in bytes. */
  readonly length: number | "chunked";
}

/** Returns the parts of a request's head; `undefined` if it is not valid HTTP/1.1 (RFC 9112). */
export function requestHead({ startLine, headers }: Head): RequestHead | undefined {
  const [method = "", path = "", version, ...rest] = startLine.split(" ");
  if (!isToken(method) || !isTarget(path) || version !== "HTTP/1.1" || rest.length > 0) return undefined;
  const length = lengthOf(headers);
  return length === undefined
    ? undefined
    : { method, path, headers, length: length === "unknown" ? 0 : length };
}

/** Whether a text is a request target (RFC 9112 3.2): visible ASCII. */
function isTarget(text: string): boolean {
  return /^[!-~]+$/.test(text);
}
