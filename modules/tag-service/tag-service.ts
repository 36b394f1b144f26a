import type { AttemptResult, TagSource } from "../authorization/index.js";
import {
  type Board,
  type GATTCharacteristic,
  type GATTConnection,
  GATTProperties,
  type GATTServer,
  type IO,
  type Timer,
} from "../board/index.js";
import { concatBytes, decodeHex, decodeUTF8, encodeHex, encodeUTF8, equalBytes } from "../bytes/index.js";
import { NONCE_BYTES, STATION_BYTES, type StationChallenge } from "../card-proof/index.js";
import { formatJSON } from "../json/index.js";
import {
  advertisingRecords,
  CHALLENGE_UUID,
  DEFAULT_COMPANY_ID,
  encodeResult,
  type Metadata,
  RESULT_UUID,
  type Result,
  SERVICE_UUID,
  TAG_UUID,
  USER_DESCRIPTION_UUID,
} from "./wire.js";

export interface TagServiceOptions {
  readonly board: Board;
  readonly deviceId: string;
  /** Name of the station in a phone's list; truncated to 29 bytes of UTF-8. */
  readonly name: string;
  /** Bluetooth SIG company identifier. */
  readonly companyId?: number;
  readonly metadata: Metadata;
  readonly sources: TagSources;
}

export interface TagSources {
  /** Makes the source of tags of a connection. The address is that of the central, where the board knows it. */
  newCentral(address: string | undefined): TagSource;
}

/** State of one connected central (a phone). Discarded when it disconnects. */
interface Central {
  readonly connection: GATTConnection;
  readonly source: TagSource;
  /** Latest value that the central wrote. */
  tag: Uint8Array<ArrayBuffer>;
  result: Result;
  /** Number of the latest attempt, 1-255, then 0. */
  attempt: number;
  /** Nonce of the next proof. */
  nonce: ArrayBuffer;
  nonceAtMs: number;
  /** Attempts without a final result. The station never disconnects a central that has one. */
  running: number;
  /** Time of the disconnection, also of a central that goes on writing, ms of the monotonic clock. */
  readonly endsAtMs: number;
  idleTimer: Timer | undefined;
}

/** Maximum MTU that current phones request, bytes. Any tag fits into one write. */
const MTU = 247;
/** Minimum time between two changes of the advertisement, ms. The protocol allows a delay of 1 s. */
const ADVERTISING_INTERVAL_MS = 250;
/** Time that a central has for its first write, ms. Idle centrals would keep others out. */
const FIRST_WRITE_MS = 10_000;
/** Time that a central has after a final result, ms: enough to read it, and to write another tag. */
const AFTER_RESULT_MS = 20_000;
/** Highest duration of a connection, ms. Only a running attempt prolongs it. */
const CONNECTION_MS = 2 * 60_000;
/** Time to deliver a final result when the duration has passed, ms. */
const DELIVERY_MS = 2000;
const PROOF_PREFIX = "p1:";
/** Validity of a nonce, ms. */
const NONCE_MS = 30_000;
const TAG_DESCRIPTORS = [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Tag") }];
const RESULT_DESCRIPTORS = [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Authorization result") }];
const CHALLENGE_DESCRIPTORS = [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Challenge") }];
const NO_BYTES = new Uint8Array(0);
const NO_NONCE = new ArrayBuffer(0);
const IDLE: Result = { state: "idle", code: 0, attempt: 0 };

/**
 * The tag service: a central writes a tag and receives the result (protocol, section 3). Each write causes one pending
 * and one final notification on its connection. Radio callbacks only record the write. The work runs from a timer,
 * because the Bluetooth task is blocked during a callback. ATT allows one request at a time (Core 5.4 Vol 3 Part F
 * 3.3.2), so there are never more recorded writes than connections.
 *
 * A central that stays idle is disconnected, so that no phone can keep the others out.
 */
export class TagService implements IO {
  private readonly _board: Board;
  private readonly _companyId: number;
  private readonly _sources: TagSources;
  /** First 8 bytes of SHA-256(device id). The advertisement has 4 of them. */
  private readonly _station: Uint8Array<ArrayBuffer>;
  private _metadata: Metadata;
  private _name: string;
  private readonly _centrals = new Map<GATTConnection, Central>();
  private readonly _resultCharacteristic: GATTCharacteristic;
  private readonly _server: GATTServer;
  private _ready = false;
  private _closed = false;
  private _advertised: string | undefined;
  private _advertisingTimer: Timer | undefined;

  constructor(options: TagServiceOptions) {
    this._board = options.board;
    this._companyId = options.companyId ?? DEFAULT_COMPANY_ID;
    this._sources = options.sources;
    this._metadata = options.metadata;
    this._name = options.name;
    const hash = options.board.crypto.sha256(encodeUTF8(options.deviceId));
    this._station = new Uint8Array(hash, 0, STATION_BYTES);
    this._resultCharacteristic = this._makeResultCharacteristic();
    this._server = new options.board.io.GATTServer({
      mtu: MTU,
      services: [
        {
          uuid: SERVICE_UUID,
          characteristics: [
            this._makeTagCharacteristic(),
            this._resultCharacteristic,
            this._makeChallengeCharacteristic(),
          ],
        },
      ],
      onReady: () => this._defer(() => this._handleReady()),
      onConnect: (connection) => this._addCentral(connection),
      onDisconnect: (connection) => this._removeCentral(connection),
    });
  }

  /** Whether the radio is up. */
  get isReady(): boolean {
    return this._ready;
  }

  /** Updates the metadata in the advertisement. */
  update(metadata: Metadata): void {
    this._metadata = metadata;
    this._advertise();
  }

  /** Changes the advertised name. */
  rename(name: string): void {
    this._name = name;
    this._advertise();
  }

  close(): void {
    if (this._closed) return;
    this._closed = true;
    this._board.clock.clear(this._advertisingTimer);
    for (const connection of this._centrals.keys()) this._removeCentral(connection);
    this._server.close();
  }

  private _makeTagCharacteristic(): GATTCharacteristic {
    return {
      uuid: TAG_UUID,
      properties: GATTProperties.read | GATTProperties.write,
      descriptors: TAG_DESCRIPTORS,
      onRead: (connection) => this._centrals.get(connection)?.tag ?? NO_BYTES,
      onWrite: (value, connection) => this._handleWrite(connection, new Uint8Array(value.slice(0))),
    };
  }

  private _makeResultCharacteristic(): GATTCharacteristic {
    return {
      uuid: RESULT_UUID,
      properties: GATTProperties.read | GATTProperties.notify,
      descriptors: RESULT_DESCRIPTORS,
      onRead: (connection) => this._readResult(this._centrals.get(connection)?.result ?? IDLE),
      // Subscriptions do not matter: a central may also read the result.
      onSubscribe: doNothing,
      onUnsubscribe: doNothing,
    };
  }

  private _makeChallengeCharacteristic(): GATTCharacteristic {
    return {
      uuid: CHALLENGE_UUID,
      properties: GATTProperties.read,
      descriptors: CHALLENGE_DESCRIPTORS,
      onRead: (connection) => concatBytes(this._station, this._centrals.get(connection)?.nonce ?? NO_BYTES),
    };
  }

  /** Returns the result with the platform's receipt, which fits into a read only. */
  private _readResult(result: Result): Uint8Array<ArrayBuffer> {
    const receipt = decodeHex(result.receipt ?? "") ?? NO_BYTES;
    return concatBytes(encodeResult(result, this._metadata.status), receipt);
  }

  private _defer(work: () => void): void {
    this._board.clock.set(() => {
      if (!this._closed) work();
    }, 0);
  }

  private _addCentral(connection: GATTConnection): void {
    const central: Central = {
      connection,
      source: this._sources.newCentral(connection.address),
      tag: NO_BYTES,
      result: IDLE,
      attempt: 0,
      nonce: NO_NONCE,
      nonceAtMs: 0,
      running: 0,
      endsAtMs: this._board.clock.monotonicMs() + CONNECTION_MS,
      idleTimer: undefined,
    };
    this._renewNonce(central);
    this._centrals.set(connection, central);
    this._disconnectAfter(central, FIRST_WRITE_MS);
  }

  private _removeCentral(connection: GATTConnection): void {
    this._board.clock.clear(this._centrals.get(connection)?.idleTimer);
    this._centrals.delete(connection);
  }

  private _disconnectAfter(central: Central, delayMs: number): void {
    const { clock } = this._board;
    clock.clear(central.idleTimer);
    central.idleTimer = clock.set(() => central.connection.close(), delayMs);
  }

  /**
   * Records a write. A read right after it returns the pending result; notification and attempt follow from a timer.
   */
  private _handleWrite(connection: GATTConnection, tag: Uint8Array<ArrayBuffer>): void {
    const central = this._centrals.get(connection);
    if (!central) return;
    // A value that is not UTF-8 is refused like an empty tag.
    const text = decodeUTF8(tag) ?? "";
    const challenge = text.startsWith(PROOF_PREFIX) ? this._useChallenge(central, tag) : undefined;
    const pending: Result = { state: "pending", code: 202, attempt: (central.attempt + 1) & 0xff };
    central.tag = tag;
    central.attempt = pending.attempt;
    central.result = pending;
    central.running++;
    this._board.clock.clear(central.idleTimer);
    central.idleTimer = undefined;
    this._defer(() => {
      this._notify(central, pending);
      central.source.attempt(
        text,
        (result) => this._handleResult(central, pending.attempt, result),
        challenge,
      );
    });
  }

  /**
   * Returns the challenge for which a written proof has to be, and renews it. A write that repeats the last one is for a
   * challenge that was used.
   */
  private _useChallenge(central: Central, tag: Uint8Array<ArrayBuffer>): StationChallenge | undefined {
    const isValid =
      this._board.clock.monotonicMs() - central.nonceAtMs <= NONCE_MS && !equalBytes(tag, central.tag);
    const challenge = { station: encodeHex(this._station), nonce: encodeHex(central.nonce) };
    this._renewNonce(central);
    return isValid ? challenge : undefined;
  }

  private _renewNonce(central: Central): void {
    const { clock, crypto } = this._board;
    central.nonce = crypto.random(NONCE_BYTES);
    central.nonceAtMs = clock.monotonicMs();
  }

  private _handleResult(
    central: Central,
    attempt: number,
    { state, code, reason, receipt }: AttemptResult,
  ): void {
    this._board.log(`tag-service: attempt ${attempt}: ${state} (${code}: ${reason})`);
    central.running--;
    this._renewNonce(central);
    this._notify(central, { state, code, attempt, receipt });
    if (central.running > 0 || !this._centrals.has(central.connection)) return;
    const restMs = central.endsAtMs - this._board.clock.monotonicMs();
    this._disconnectAfter(central, Math.max(DELIVERY_MS, Math.min(AFTER_RESULT_MS, restMs)));
  }

  /** Notifies a central, unless it has disconnected. Its attempt takes effect in any case. */
  private _notify(central: Central, result: Result): void {
    central.result = result;
    if (!this._centrals.has(central.connection)) return;
    central.connection.notify(this._resultCharacteristic, encodeResult(result, this._metadata.status));
  }

  private _handleReady(): void {
    this._ready = true;
    this._advertise();
  }

  private _advertise(): void {
    if (!this._ready || this._closed || this._advertisingTimer) return;
    const content = formatJSON([this._metadata, this._name]);
    if (content === this._advertised) return;
    this._advertised = content;
    const records = advertisingRecords({
      metadata: this._metadata,
      stationHash: this._station,
      companyId: this._companyId,
      name: this._name,
    });
    this._server.startAdvertising(records.advertisement, records.scanResponse);
    this._advertisingTimer = this._board.clock.set(() => {
      this._advertisingTimer = undefined;
      this._advertise();
    }, ADVERTISING_INTERVAL_MS);
  }
}

function doNothing(): void {}
