import type { Clock, Crypto, IO, Timer } from "../board/index.js";
import { encodeHex } from "../bytes/index.js";
import type { JSONObject } from "../json/index.js";
import { formatJSON } from "../json/index.js";
import type { Cipher } from "../settings/index.js";
import type { TraceSink } from "../trace/index.js";
import { type RequestFailure, refusedRequest, requestFailure } from "./failure.js";
import { openResponse, parseEnvelope } from "./response.js";
import { keyIdOf, type ResponseKey } from "./response-key.js";

/** Result of a request. */
export type RequestOutcome =
  | { readonly ok: true; readonly data: JSONObject }
  | { readonly ok: false; readonly failure: RequestFailure };

/** Sends requests to the platform. */
export interface Requester {
  /** Whether the platform is reachable; otherwise requests fail with `offline`. */
  readonly isOnline: boolean;
  /**
   * Sends a request to an endpoint. `done` is called once, never from inside this call. Closing the returned object
   * cancels the request without a call.
   */
  request(endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void): IO;
}

/** The connection to the broker. */
export interface RequestConnection {
  readonly isOnline: boolean;
  /** Publishes with QoS 1, not retained. Returns `false` when the outbox is full. */
  publishRequest(topic: string, payload: string): boolean;
}

export interface RequestsOptions {
  readonly clock: Clock;
  readonly crypto: Crypto;
  /** `<user>` of the topics. */
  readonly user: string;
  /** `<device id>` of the topics. */
  readonly deviceId: string;
  /** Key that decrypts the responses. */
  readonly responseKey: Pick<ResponseKey, "bytes">;
  readonly cipher: Cipher;
  /** Whether requests contain the key. Otherwise they contain its id, and the platform must know the key. */
  readonly keyInRequest: boolean;
  readonly trace: TraceSink;
  readonly connection: RequestConnection;
  /** Timeout of the response after publishing, ms. */
  readonly timeoutMs?: number;
  /** Maximum number of unanswered requests. Further requests wait. */
  readonly maxUnderWay?: number;
  /** Maximum number of waiting requests. Further requests fail with `queue-full`. */
  readonly maxWaiting?: number;
}

interface Request {
  readonly endpoint: string;
  readonly data: JSONObject;
  readonly done: (outcome: RequestOutcome) => void;
  /** Key of the response. The station may replace its key while the request is under way. */
  key: Uint8Array<ArrayBuffer> | undefined;
  id: string | undefined;
  timer: Timer | undefined;
}

/** Default timeout of a response, ms. */
const TIMEOUT_MS = 10_000;
const MAX_UNDER_WAY = 4;
const MAX_WAITING = 16;
/** Length of a request id, bytes. */
const ID_BYTES = 8;

/** Topic filter of a device's responses. */
export function responseFilter({ user, deviceId }: { user: string; deviceId: string }): string {
  return responseTopic({ user, deviceId }, "+");
}

function responseTopic({ user, deviceId }: { user: string; deviceId: string }, endpoint: string): string {
  return `${user}/res/${deviceId}/${endpoint}`;
}

/**
 * Requests to the platform and their responses (protocol, section 4). Each request ends with exactly one outcome,
 * unless it is closed before.
 */
export class Requests implements IO {
  private readonly _options: RequestsOptions;
  private readonly _underWay: Request[] = [];
  private _waiting: Request[] = [];
  /** Key of the latest request, with its text: encoding it costs more than the rest of a request. */
  private _key: Uint8Array<ArrayBuffer> | undefined;
  private _keyText = "";

  constructor(options: RequestsOptions) {
    this._options = options;
    // The first request is often the one that a driver waits for.
    this._textOf(options.responseKey.bytes);
  }

  /** Topic filter that the station subscribes to. */
  get responseFilter(): string {
    return responseFilter(this._options);
  }

  /**
   * Sends a request once. Closing the returned object cancels it; its response is then ignored. `key` is the key of the
   * response; default: the one in use when the request is sent.
   */
  request(
    endpoint: string,
    data: JSONObject,
    done: (outcome: RequestOutcome) => void,
    key?: Uint8Array<ArrayBuffer>,
  ): IO {
    const request: Request = { endpoint, data, done, key, id: undefined, timer: undefined };
    if (!this._options.connection.isOnline) {
      this._failSoon(request, requestFailure("offline"));
    } else if (this._underWay.length < (this._options.maxUnderWay ?? MAX_UNDER_WAY)) {
      this._send(request);
    } else if (this._waiting.length < (this._options.maxWaiting ?? MAX_WAITING)) {
      this._waiting.push(request);
    } else {
      this._failSoon(request, requestFailure("queue-full"));
    }
    return { close: () => this._remove(request) };
  }

  /** Handles a message from the broker. Returns `false` when it is not on a response topic of this station. */
  receive(topic: string, payload: Uint8Array<ArrayBuffer>): boolean {
    const prefix = responseTopic(this._options, "");
    if (!topic.startsWith(prefix)) return false;
    const envelope = parseEnvelope(payload);
    const request = envelope && this._underWay.find(({ id }) => id === envelope.id);
    if (!envelope || !request?.key || topic !== prefix + request.endpoint) {
      this._options.trace.add(envelope ? "lateAnswer" : "invalidAnswer");
      return true;
    }
    const opened = openResponse({
      crypto: this._options.crypto,
      cipher: this._options.cipher,
      key: request.key,
      topic,
      envelope,
    });
    switch (opened.type) {
      case "success":
        this._finish(request, { ok: true, data: opened.data });
        break;
      case "error":
        this._finish(request, { ok: false, failure: refusedRequest(opened.code) });
        break;
      case "untrusted":
        this._finish(request, { ok: false, failure: requestFailure("untrusted") });
        break;
    }
    return true;
  }

  /** Cancels all requests without calling their callbacks. */
  close(): void {
    for (const request of [...this._underWay, ...this._waiting]) this._release(request);
    this._waiting = [];
  }

  private _send(request: Request): void {
    const { user, deviceId, clock, keyInRequest, timeoutMs = TIMEOUT_MS } = this._options;
    const id = this._newId();
    const { data, key = this._options.responseKey.bytes } = request;
    request.key = key;
    const text = this._textOf(key);
    const payload = formatJSON(keyInRequest ? { data, key: text, id } : { data, keyId: text, id });
    if (!this._options.connection.publishRequest(`${user}/req/${deviceId}/${request.endpoint}`, payload)) {
      this._failSoon(request, requestFailure("queue-full"));
      return;
    }
    request.id = id;
    this._underWay.push(request);
    request.timer = clock.set(() => {
      const code = this._options.connection.isOnline ? "timeout" : "offline";
      this._finish(request, { ok: false, failure: requestFailure(code) });
    }, timeoutMs);
  }

  /** Text by which a request contains or names a key. */
  private _textOf(key: Uint8Array<ArrayBuffer>): string {
    if (key !== this._key) {
      this._key = key;
      this._keyText = this._options.keyInRequest ? encodeHex(key) : keyIdOf(this._options.crypto, key);
    }
    return this._keyText;
  }

  private _failSoon(request: Request, failure: RequestFailure): void {
    request.timer = this._options.clock.set(() => this._finish(request, { ok: false, failure }), 0);
  }

  private _finish(request: Request, outcome: RequestOutcome): void {
    this._remove(request);
    if (!outcome.ok) this._options.trace.add("requestFailed", outcome.failure.code);
    request.done(outcome);
  }

  private _remove(request: Request): void {
    this._release(request);
    this._waiting = this._waiting.filter((other) => other !== request);
    while (this._waiting.length > 0 && this._underWay.length < (this._options.maxUnderWay ?? MAX_UNDER_WAY)) {
      const next = this._waiting.shift();
      if (next) this._send(next);
    }
  }

  private _release(request: Request): void {
    this._options.clock.clear(request.timer);
    const at = this._underWay.indexOf(request);
    if (at >= 0) this._underWay.splice(at, 1);
  }

  /** Returns a random unsigned 64-bit number in decimal. */
  private _newId(): string {
    return BigInt(`0x${encodeHex(this._options.crypto.random(ID_BYTES))}`).toString();
  }
}
