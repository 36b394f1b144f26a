import type { Refusal } from "../shapes.js";

/** The server did not do what it was asked for, and says why. */
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
  /** Only if there is none yet. */
  readonly isNew?: boolean;
}

/** Rejects with `Refused`, or, when the server is not there, with what the browser says. */
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
