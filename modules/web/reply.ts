/** What a route answers. */
export interface Reply {
  readonly status: number;
  /** Plain text unless `type` says otherwise. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly type?: string;
  /** In place of the usual ones, where they have the same name. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function text(status: number, body: string): Reply {
  return { status, body };
}

export const OK = text(200, "OK");

export function json(value: unknown): Reply {
  return { status: 200, body: JSON.stringify(value), type: "application/json" };
}
