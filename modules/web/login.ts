import type { Board, IO } from "../board/index.js";
import { asUint8Array, decodeBase64, decodeHex, encodeHex, encodeUTF8, equalBytes } from "../bytes/index.js";
import { textField } from "../json/index.js";
import { BoundedMap } from "../limits/index.js";
import type { RecordFormat, StoredRecord } from "../settings/index.js";
import { GuessLimiter } from "./guess-limiter.js";
import { generatePassword } from "./password.js";
import { OK, type Reply, text } from "./reply.js";

/** SHA-256 of `admin:<password>`. */
type LoginHash = Uint8Array<ArrayBuffer>;

/** The record `login`. */
interface StoredLogin {
  readonly hash: LoginHash;
  /** Whether the station generated the password, and the owner has not changed it. */
  readonly isInitial: boolean;
}

export interface LoginOptions {
  readonly board: Board;
  /** The changed or generated password. */
  readonly record: StoredRecord<StoredLogin>;
  /** Password used while the record is empty; `undefined`: the station generates one. */
  readonly provisionedPassword: string | undefined;
}

interface Block {
  readonly delayMs: number;
  readonly untilMs: number;
}

const USER = "admin";
/** Delay after the first wrong login of an address, ms. It doubles with each further one. */
const MIN_DELAY_MS = 1000;
const MAX_DELAY_MS = 30 * 60_000;
/** Maximum number of remembered addresses with wrong logins. The oldest is forgotten first. */
const MAX_ADDRESSES = 16;
/** Maximum number of remembered addresses with right logins. */
const MAX_TRUSTED_ADDRESSES = 4;
/** Length of a generated password: 50 bits of entropy. */
const GENERATED_PASSWORD_CHARS = 10;
const MIN_PASSWORD_BYTES = 8;
const MAX_PASSWORD_BYTES = 63;
const HASH_BYTES = 32;

/** The record `login`. */
export const loginFormat: RecordFormat<StoredLogin> = {
  key: "login",
  version: 1,
  parse(fields) {
    const hash = decodeHex(textField(fields, "hash", 2 * HASH_BYTES) ?? "");
    return hash?.length === HASH_BYTES ? { hash, isInitial: fields.isInitial === true } : undefined;
  },
  format: ({ hash, isInitial }) => ({ hash: encodeHex(hash), isInitial: isInitial || undefined }),
};

/**
 * Admin login with HTTP Basic (RFC 7617), user `admin`. The password is the latest changed one, else the provisioned
 * one, else a generated one, which is logged once. After a wrong login an address is blocked for 1 s, doubling to
 * 30 min. Wrong logins of other addresses delay a right one by seconds (`GuessLimiter`), but never refuse it.
 */
export class Login {
  private readonly _board: Board;
  private readonly _record: StoredRecord<StoredLogin>;
  private _stored: StoredLogin;
  /** The password before the latest change of this run: a browser sends it until its user logs in again. */
  private _replacedHash: LoginHash | undefined;
  // Made with the first login that is wrong, or right.
  private _guesses: GuessLimiter | undefined;
  /** Blocked addresses. */
  private _blocked: BoundedMap<string, Block> | undefined;
  /** Addresses whose latest login was right. Theirs are checked without a pause. */
  private _trusted: BoundedMap<string, true> | undefined;

  constructor({ board, record, provisionedPassword }: LoginOptions) {
    this._board = board;
    this._record = record;
    this._stored =
      record.read() ??
      (provisionedPassword === undefined
        ? this._generate()
        : { hash: this._hashOf(provisionedPassword), isInitial: true });
  }

  /** Whether the password is the provisioned or generated one. The owner has to change it. */
  get isInitial(): boolean {
    return this._stored.isInitial;
  }

  /**
   * Calls `check` when the login of a request may be checked: at once, or in its turn while the password is guessed.
   * Returns the handle of a check that waits; `close` gives it up.
   */
  awaitTurn(authorization: string | undefined, address: string, check: () => void): IO | undefined {
    const isChecked =
      authorization !== undefined && this._waitMs(address) <= 0 && this._trusted?.has(address) !== true;
    if (this._guesses && isChecked) return this._guesses.awaitTurn(check);
    check();
    return undefined;
  }

  close(): void {
    this._guesses?.close();
  }

  /** Checks the login of a request. Returns the refusal; `undefined` when the login is correct. */
  refusal(authorization: string | undefined, address: string): Reply | undefined {
    const waitMs = this._waitMs(address);
    if (authorization !== undefined && waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1000));
      const body = `too many wrong logins; try again in ${seconds} s`;
      return { status: 429, body, headers: { "retry-after": seconds } };
    }
    const given = authorization?.startsWith("Basic ") ? decodeBase64(authorization.slice(6)) : undefined;
    const hash = given && this._board.crypto.sha256(given);
    if (hash && equalBytes(hash, this._stored.hash)) {
      this._blocked?.delete(address);
      this._trusted ??= new BoundedMap(MAX_TRUSTED_ADDRESSES);
      this._trusted.set(address, true);
      return undefined;
    }
    const isReplaced = hash && this._replacedHash && equalBytes(hash, this._replacedHash);
    if (authorization !== undefined && !isReplaced) this._handleWrong(address);
    return {
      ...text(
        401,
        `log in as ${USER}; if no login window opens, open this address, or http://192.168.4.1/ in the network of the access point, in a browser`,
      ),
      headers: { "www-authenticate": 'Basic realm="PlugPass", charset="UTF-8"' },
    };
  }

  /** Changes the password. Returns the response to the request. When the storage fails, the old one stays valid. */
  change(password: string): Reply {
    const { length } = encodeUTF8(password);
    if (length < MIN_PASSWORD_BYTES || length > MAX_PASSWORD_BYTES) {
      return text(400, `newpass must be ${MIN_PASSWORD_BYTES}-${MAX_PASSWORD_BYTES} bytes`);
    }
    const stored = { hash: this._hashOf(password), isInitial: false };
    if (this.isInitial && equalBytes(stored.hash, this._stored.hash)) {
      return text(400, "newpass must differ from the initial password");
    }
    if (this._record.tryWrite(stored) !== undefined) return text(500, "the password could not be stored");
    this._replacedHash = this._stored.hash;
    this._stored = stored;
    return OK;
  }

  /** Time until logins of an address are checked again, ms. */
  private _waitMs(address: string): number {
    const untilMs = this._blocked?.get(address)?.untilMs;
    return untilMs === undefined ? 0 : untilMs - this._board.clock.monotonicMs();
  }

  private _handleWrong(address: string): void {
    this._guesses ??= new GuessLimiter(this._board.clock);
    this._guesses.count();
    this._trusted?.delete(address);
    this._blocked ??= new BoundedMap(MAX_ADDRESSES);
    const beforeMs = this._blocked.get(address)?.delayMs ?? 0;
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, 2 * beforeMs));
    this._blocked.set(address, { delayMs, untilMs: this._board.clock.monotonicMs() + delayMs });
  }

  private _hashOf(password: string): LoginHash {
    return asUint8Array(this._board.crypto.sha256(encodeUTF8(`${USER}:${password}`)));
  }

  private _generate(): StoredLogin {
    const password = generatePassword(this._board.crypto, GENERATED_PASSWORD_CHARS);
    const stored = { hash: this._hashOf(password), isInitial: true };
    this._board.log(`login: the password of ${USER} is ${password}; it is not shown again`);
    const problem = this._record.tryWrite(stored);
    if (problem !== undefined) {
      this._board.log(`login: the password could not be stored and changes at the next start: ${problem}`);
    }
    return stored;
  }
}
