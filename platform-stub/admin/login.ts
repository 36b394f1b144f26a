/** Who may see the admin page: one password, and the sessions of the browsers that knew it. */

import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { randomPassword } from "../provisioning/index.js";
import type { Registry } from "../registry.js";

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);
interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's password storage cheat sheet. It stands in each hash, so that another one later leaves the old ones good. */
const COST: Cost = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The registry's setting with the hash. */
export const SETTING = "admin-password";
const MIN_CHARS = 8;
const MAX_CHARS = 128;

const SESSION_MS = 12 * 60 * 60_000;
/** Browsers that are logged in; a further one ends the oldest session. */
const MAX_SESSIONS = 32;
/** So many wrong passwords in a row cost nothing; each further one doubles the wait. */
const FREE_ATTEMPTS = 5;
const MAX_WAIT_MS = 60_000;

export type LoginResult =
  | { readonly type: "let-in"; readonly token: string }
  | { readonly type: "wrong" }
  | { readonly type: "wait"; readonly waitMs: number };

export class Login {
  #hash: string;
  #now: () => number;
  /** By the SHA-256 of the token: until when. */
  #sessions = new Map<string, number>();
  #wrong = 0;
  #notBeforeMs = 0;
  #isChecking = false;

  private constructor(hash: string, now: () => number) {
    this.#hash = hash;
    this.#now = now;
  }

  /**
   * With the password given, for this run; else with the one of an earlier start; else with one that is made and given
   * back, this once: only its hash is kept.
   */
  static async open(options: {
    readonly registry: Registry;
    readonly password?: string;
    /** The one of the earlier start is: another is made. */
    readonly isForgotten?: boolean;
    readonly now?: () => number;
  }): Promise<{ login: Login; made: string | undefined }> {
    const { registry, password, isForgotten, now = Date.now } = options;
    if (password !== undefined) {
      if (password.length < MIN_CHARS || password.length > MAX_CHARS) {
        throw new Error(`the admin page's password must have ${MIN_CHARS}-${MAX_CHARS} characters`);
      }
      return { login: new Login(await hashOf(password), now), made: undefined };
    }
    const known = registry.setting(SETTING);
    if (known !== undefined && !isForgotten) return { login: new Login(known, now), made: undefined };
    const made = randomPassword();
    const hash = await hashOf(made);
    registry.putSetting(SETTING, hash);
    return { login: new Login(hash, now), made };
  }

  async attempt(password: string): Promise<LoginResult> {
    const waitMs = this.#notBeforeMs - this.#now();
    // One at a time: a check costs a quarter of a second of the machine, and guesses side by side would not count.
    if (waitMs > 0 || this.#isChecking) return { type: "wait", waitMs: Math.max(waitMs, 1000) };
    this.#isChecking = true;
    try {
      if (!(await isRight(password.slice(0, MAX_CHARS + 1), this.#hash))) return this.#refuse();
    } finally {
      this.#isChecking = false;
    }
    this.#wrong = 0;
    return { type: "let-in", token: this.#begin() };
  }

  isLoggedIn(token: string | undefined): boolean {
    return token !== undefined && (this.#sessions.get(digest(token)) ?? 0) > this.#now();
  }

  logOut(token: string | undefined): void {
    if (token !== undefined) this.#sessions.delete(digest(token));
  }

  #refuse(): LoginResult {
    this.#wrong++;
    const over = this.#wrong - FREE_ATTEMPTS;
    if (over >= 0) this.#notBeforeMs = this.#now() + Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(over, 16));
    return { type: "wrong" };
  }

  #begin(): string {
    const now = this.#now();
    for (const [name, until] of this.#sessions) if (until <= now) this.#sessions.delete(name);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    const token = randomBytes(32).toString("base64url");
    this.#sessions.set(digest(token), now + SESSION_MS);
    return token;
  }
}

/** `<N>:<r>:<p>:<salt, hex>:<hash, hex>` */
export async function hashOf(password: string, cost = COST, salt = randomBytes(SALT_BYTES)): Promise<string> {
  const hash = await derive(password, salt, HASH_BYTES, { ...cost, maxmem: MAX_MEMORY });
  return [cost.N, cost.r, cost.p, salt.toString("hex"), hash.toString("hex")].join(":");
}

async function isRight(password: string, hash: string): Promise<boolean> {
  const [N = "", r = "", p = "", salt = ""] = hash.split(":");
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const given = Buffer.from(await hashOf(password, cost, Buffer.from(salt, "hex")));
  const expected = Buffer.from(hash);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function digest(token: string): string {
  return createHash("sha256").update(token, "utf8").digest("hex");
}
