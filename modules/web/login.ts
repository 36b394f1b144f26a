import type { Board } from "../board/index.js";
import { asUint8Array, decodeBase64, decodeHex, encodeHex, encodeUTF8, equalBytes } from "../bytes/index.js";
import { textField } from "../json/index.js";
import type { RecordFormat, StoredRecord } from "../settings/index.js";
import { type Reply, text } from "./reply.js";

/** SHA-256 of `admin:<password>`. */
type LoginHash = Uint8Array<ArrayBuffer>;

export interface LoginOptions {
  readonly board: Board;
  /** A password that was changed, or that the station has made itself; of either only the hash. */
  readonly record: StoredRecord<LoginHash>;
  readonly provisionedPassword: string | undefined;
}

const USER = "admin";
const MIN_DELAY_MS = 1000;
const MAX_DELAY_MS = 30 * 60_000;
/** Addresses that logged in wrongly; the one that did so the longest ago is forgotten first. */
const MAX_ADDRESSES = 16;
/** 50 bits, without what is easily misread. */
const OWN_PASSWORD_CHARS = 10;
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const MIN_PASSWORD_BYTES = 8;
const MAX_PASSWORD_BYTES = 63;
const HASH_BYTES = 32;

export const loginFormat: RecordFormat<LoginHash> = {
  key: "login",
  version: 1,
  parse(fields) {
    const hash = decodeHex(textField(fields, "hash", 2 * HASH_BYTES) ?? "");
    return hash?.length === HASH_BYTES ? hash : undefined;
  },
  format: (hash) => ({ hash: encodeHex(hash) }),
};

/**
 * HTTP Basic (RFC 7617) as `admin`. The password is what was set last; else the provisioned one; else one that the
 * station makes at its first start and logs that once. Wrong logins slow an address down: 1 s, doubling to 30 min.
 */
export class Login {
  private _board: Board;
  private _record: StoredRecord<LoginHash>;
  private _hash: LoginHash;
  private _slowed = new Map<string, { readonly delayMs: number; readonly untilMs: number }>();

  constructor({ board, record, provisionedPassword }: LoginOptions) {
    this._board = board;
    this._record = record;
    this._hash =
      record.read() ??
      (provisionedPassword === undefined ? this._makeOwn() : this._hashOf(provisionedPassword));
  }

  /** What a request without the right login is answered; `undefined`: it has it. */
  refusal(authorization: string | undefined, address: string): Reply | undefined {
    const now = this._board.clock.monotonicMs();
    const slowed = this._slowed.get(address);
    const waitMs = (slowed?.untilMs ?? now) - now;
    if (authorization !== undefined && waitMs > 0) {
      const seconds = String(Math.ceil(waitMs / 1000));
      const body = `too many wrong logins; try again in ${seconds} s`;
      return { status: 429, body, headers: { "retry-after": seconds } };
    }
    const given = authorization?.startsWith("Basic ") ? decodeBase64(authorization.slice(6)) : undefined;
    if (given && equalBytes(this._board.crypto.sha256(given), this._hash)) {
      this._slowed.delete(address);
      return undefined;
    }
    if (authorization !== undefined) this._slow(address, now, slowed?.delayMs ?? 0);
    return {
      ...text(401, `log in as ${USER}; if nothing asks you to, open http://192.168.4.1/ in a browser`),
      headers: { "www-authenticate": 'Basic realm="PlugPass", charset="UTF-8"' },
    };
  }

  /** Says what is wrong with it, if something is; throws what the storage throws, and the old one stands. */
  change(password: string): string | undefined {
    const { length } = encodeUTF8(password);
    if (length < MIN_PASSWORD_BYTES || length > MAX_PASSWORD_BYTES) {
      return `newpass must be ${MIN_PASSWORD_BYTES}-${MAX_PASSWORD_BYTES} bytes`;
    }
    const hash = this._hashOf(password);
    this._record.write(hash);
    this._hash = hash;
    return undefined;
  }

  private _slow(address: string, now: number, beforeMs: number): void {
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, 2 * beforeMs));
    this._slowed.delete(address);
    for (const oldest of this._slowed.keys()) {
      if (this._slowed.size < MAX_ADDRESSES) break;
      this._slowed.delete(oldest);
    }
    this._slowed.set(address, { delayMs, untilMs: now + delayMs });
  }

  private _hashOf(password: string): LoginHash {
    return asUint8Array(this._board.crypto.sha256(encodeUTF8(`${USER}:${password}`)));
  }

  private _makeOwn(): LoginHash {
    let password = "";
    for (const byte of asUint8Array(this._board.crypto.random(OWN_PASSWORD_CHARS))) {
      password += ALPHABET.charAt(byte & 31);
    }
    const hash = this._hashOf(password);
    this._board.log(`login: the password of ${USER} is ${password}, and is not shown again`);
    try {
      this._record.write(hash);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this._board.log(`login: not stored, another one comes with the next start: ${error.message}`);
    }
    return hash;
  }
}
