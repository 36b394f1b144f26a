/** The admin page's login: one password, and the sessions of the logged-in browsers. */

import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { BoundedMap } from "../../modules/limits/index.js";
import { randomPassword } from "../provisioning/index.js";
import type { Registry } from "../registry.js";

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** Cost parameters of scrypt. */
interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** Cost of new hashes (OWASP password storage cheat sheet). Each hash contains its cost, so old hashes stay valid. */
const COST: Cost = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY = 64 * 1024 * 1024;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Name of the registry's setting that holds the hash. */
export const SETTING = "admin-password";
const MIN_CHARS = 8;
const MAX_CHARS = 128;

/** Duration of a login, ms. */
const SESSION_MS = 12 * 60 * 60_000;
/** Maximum number of logged-in browsers. A further login ends the oldest session. */
const MAX_SESSIONS = 32;
/** Maximum number of addresses with wrong passwords. A further one replaces the one whose last attempt is the oldest. */
const MAX_ADDRESSES = 10_000;
/** Number of consecutive wrong passwords of an address without a wait. Each further one doubles the wait. */
const FREE_ATTEMPTS = 5;
/** Maximum wait after wrong passwords, ms. */
const MAX_WAIT_MS = 60_000;

export type LoginResult =
  | { readonly type: "accepted"; readonly token: string }
  | { readonly type: "wrong" }
  | { readonly type: "wait"; readonly waitMs: number };

/** Consecutive wrong passwords of an address. */
interface Guesses {
  readonly wrong: number;
  /** Time of the next attempt. */
  readonly notBeforeMs: number;
}

/** Checks the admin password and manages the logged-in browsers' sessions. */
export class Login {
  readonly #hash: string;
  readonly #now: () => number;
  /** Expiry of each session, ms, by the SHA-256 of its token. */
  readonly #sessions = new BoundedMap<string, number>(MAX_SESSIONS);
  /** Wrong passwords by address. */
  readonly #guesses = new BoundedMap<string, Guesses>(MAX_ADDRESSES);
  #isChecking = false;

  private constructor(hash: string, now: () => number) {
    this.#hash = hash;
    this.#now = now;
  }

  /**
   * Makes a login with the given password, or else with the stored one. Without either, generates and stores one, and
   * returns it as `made`. Only the hash is stored.
   */
  static async open(options: {
    readonly registry: Registry;
    readonly password?: string;
    /** Replaces the stored password by a new one. */
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

  /** Checks a password from an address and starts a session when it is right. Other addresses are not slowed down. */
  async attempt(password: string, address = ""): Promise<LoginResult> {
    const waitMs = (this.#guesses.get(address)?.notBeforeMs ?? 0) - this.#now();
    // One check at a time: it takes 250 ms of CPU time, and parallel guesses would evade the wait.
    if (waitMs > 0 || this.#isChecking) return { type: "wait", waitMs: Math.max(waitMs, 1000) };
    this.#isChecking = true;
    try {
      if (!(await isRight(password.slice(0, MAX_CHARS + 1), this.#hash))) return this.#refuse(address);
    } finally {
      this.#isChecking = false;
    }
    this.#guesses.delete(address);
    return { type: "accepted", token: this.#startSession() };
  }

  isLoggedIn(token: string | undefined): boolean {
    return token !== undefined && (this.#sessions.get(digest(token)) ?? 0) > this.#now();
  }

  logOut(token: string | undefined): void {
    if (token !== undefined) this.#sessions.delete(digest(token));
  }

  #refuse(address: string): LoginResult {
    const wrong = 1 + (this.#guesses.get(address)?.wrong ?? 0);
    const over = wrong - FREE_ATTEMPTS;
    const waitMs = over < 0 ? 0 : Math.min(MAX_WAIT_MS, 1000 * 2 ** Math.min(over, 16));
    this.#guesses.set(address, { wrong, notBeforeMs: this.#now() + waitMs });
    return { type: "wrong" };
  }

  #startSession(): string {
    const now = this.#now();
    for (const [name, until] of this.#sessions) if (until <= now) this.#sessions.delete(name);
    const token = randomBytes(32).toString("base64url");
    this.#sessions.set(digest(token), now + SESSION_MS);
    return token;
  }
}

/** Hashes a password: `<N>:<r>:<p>:<salt, hex>:<hash, hex>`. */
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
