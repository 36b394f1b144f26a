import type { Refusal } from "../shapes.js";

/** A call that the server refused, with the reason. */
export class Refused extends Error {
  readonly status: number;
  readonly mistakes: readonly string[];

  constructor(status: number, { error, mistakes = [] }: Refusal) {
    super(error);
    this.status = status;
    this.mistakes = mistakes;
  }
}

export interface CallOptions {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly body?: BodyInit;
  /** The call must not replace an existing entry. */
  readonly isNew?: boolean;
}

/** Calls the API. Rejects with `Refused`, or with the browser's error when the server cannot be reached. */
export async function call<T>(path: string, { method = "GET", body, isNew }: CallOptions = {}): Promise<T> {
  const response = await fetch(`api/${path}`, {
    method,
    body,
    headers: isNew ? { "If-None-Match": "*" } : {},
    cache: "no-store",
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Refused(response.status, answer as Refusal);
  return answer as T;
}
