import { formatJSON } from "../json/index.js";

/** Response of a route. */
export interface Reply {
  readonly status: number;
  /** Plain text by default. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Content type. */
  readonly type?: string;
  /** Further headers; they replace common headers of the same name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes a plain-text response. */
export function text(status: number, body: string): Reply {
  return { status, body };
}

/** Response of a successful change. */
export const OK = text(200, "OK");

/** Makes a JSON response. */
export function json(value: unknown): Reply {
  return { status: 200, body: formatJSON(value), type: "application/json" };
}
