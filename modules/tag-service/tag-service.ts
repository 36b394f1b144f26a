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
import { decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import {
  advertisingRecords,
  DEFAULT_COMPANY_ID,
  encodeResult,
  type Metadata,
  RESULT_UUID,
  type Result,
  SERVICE_UUID,
  STATION_HASH_BYTES,
  TAG_UUID,
  USER_DESCRIPTION_UUID,
} from "./wire.js";

export interface TagServiceOptions {
  readonly board: Board;
  readonly deviceId: string;
  /** What people read in a list of stations; cut to 29 bytes of UTF-8. */
  readonly name: string;
  /** Bluetooth SIG company identifier. */
  readonly companyId?: number;
  readonly metadata: Metadata;
  /** A connection presents its tags as a source of its own. */
  readonly newSource: () => TagSource;
  readonly log: (line: string) => void;
}

/** What one phone has done here. Gone with its connection. */
interface Central {
  readonly connection: GATTConnection;
  readonly source: TagSource;
  /** What the phone wrote last, as it wrote it. */
  tag: Uint8Array<ArrayBuffer>;
  result: Result;
  attempt: number;
}

/** The largest MTU that a phone of today asks for, so that any tag goes in one write. */
const MTU = 247;
/** A change is on the air within this time, and no sooner after the last: the protocol allows 1 s. */
const ADVERTISING_INTERVAL_MS = 250;
const IDLE: Result = { state: "idle", code: 0, attempt: 0 };

/**
 * The tag service: a phone writes a tag and is told what becomes of it (protocol, section 3). Each write gets one
 * pending and one final notification on the connection that wrote. Callbacks of the radio only take note; the
 * work is done from the clock, because the Bluetooth task waits while a callback runs. ATT allows one request at
 * a time (Core 5.4 Vol 3 Part F 3.3.2), so there are never more notes than connections.
 */
export class TagService implements IO {
  private _options: TagServiceOptions;
  private _stationHash: Uint8Array<ArrayBuffer>;
  private _metadata: Metadata;
  private _name: string;
  private _centrals = new Map<GATTConnection, Central>();
  private _resultCharacteristic: GATTCharacteristic;
  private _server: GATTServer;
  private _ready = false;
  private _closed = false;
  private _advertised: string | undefined;
  private _advertisingTimer: Timer | undefined;

  constructor(options: TagServiceOptions) {
    this._options = options;
    this._metadata = options.metadata;
    this._name = options.name;
    const hash = options.board.crypto.sha256(encodeUTF8(options.deviceId));
    this._stationHash = new Uint8Array(hash, 0, STATION_HASH_BYTES);
    this._resultCharacteristic = this._makeResultCharacteristic();
    this._server = new options.board.io.GATTServer({
      mtu: MTU,
      services: [
        { uuid: SERVICE_UUID, characteristics: [this._makeTagCharacteristic(), this._resultCharacteristic] },
      ],
      onReady: () => this._later(() => this._becomeReady()),
      onConnect: (connection) => this._addPhone(connection),
      onDisconnect: (connection) => this._centrals.delete(connection),
    });
  }

  /** The radio is up. */
  get isReady(): boolean {
    return this._ready;
  }

  /** Brings what the advertisement says up to date. */
  update(metadata: Metadata): void {
    this._metadata = metadata;
    this._advertise();
  }

  rename(name: string): void {
    this._name = name;
    this._advertise();
  }

  close(): void {
    if (this._closed) return;
    this._closed = true;
    this._options.board.clock.clear(this._advertisingTimer);
    this._centrals.clear();
    this._server.close();
  }

  private _makeTagCharacteristic(): GATTCharacteristic {
    return {
      uuid: TAG_UUID,
      properties: GATTProperties.read | GATTProperties.write,
      descriptors: [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Tag") }],
      onRead: (connection) => this._centrals.get(connection)?.tag ?? new Uint8Array(0),
      onWrite: (value, connection) => this._takeNote(connection, new Uint8Array(value.slice(0))),
    };
  }

  private _makeResultCharacteristic(): GATTCharacteristic {
    return {
      uuid: RESULT_UUID,
      properties: GATTProperties.read | GATTProperties.notify,
      descriptors: [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Authorization result") }],
      onRead: (connection) =>
        encodeResult(this._centrals.get(connection)?.result ?? IDLE, this._metadata.status),
      // Whether a phone listens makes no difference to what happens: it may also read the result.
      onSubscribe: () => {},
      onUnsubscribe: () => {},
    };
  }

  private _later(work: () => void): void {
    this._options.board.clock.set(() => {
      if (!this._closed) work();
    }, 0);
  }

  private _addPhone(connection: GATTConnection): void {
    const source = this._options.newSource();
    this._centrals.set(connection, { connection, source, tag: new Uint8Array(0), result: IDLE, attempt: 0 });
  }

  /** What a phone reads right after its write is true already; telling and asking come from the clock. */
  private _takeNote(connection: GATTConnection, tag: Uint8Array<ArrayBuffer>): void {
    const phone = this._centrals.get(connection);
    if (!phone) return;
    const pending: Result = { state: "pending", code: 202, attempt: (phone.attempt + 1) & 0xff };
    phone.tag = tag;
    phone.attempt = pending.attempt;
    phone.result = pending;
    this._later(() => {
      this._tell(phone, pending);
      // What is no text is no tag either: it is refused in the same way as an empty one.
      phone.source.attempt(decodeUTF8(tag) ?? "", (result) => this._conclude(phone, pending.attempt, result));
    });
  }

  private _conclude(phone: Central, attempt: number, { state, code, reason }: AttemptResult): void {
    this._options.log(`tag-service: attempt ${attempt}: ${state} (${code}: ${reason})`);
    this._tell(phone, { state, code, attempt });
  }

  /** A phone that has gone meanwhile is not told; what it asked for happens all the same. */
  private _tell(phone: Central, result: Result): void {
    phone.result = result;
    if (!this._centrals.has(phone.connection)) return;
    phone.connection.notify(this._resultCharacteristic, encodeResult(result, this._metadata.status));
  }

  private _becomeReady(): void {
    this._ready = true;
    this._advertise();
  }

  private _advertise(): void {
    if (!this._ready || this._closed || this._advertisingTimer) return;
    const { companyId = DEFAULT_COMPANY_ID } = this._options;
    const what = JSON.stringify([this._metadata, this._name]);
    if (what === this._advertised) return;
    this._advertised = what;
    const records = advertisingRecords({
      metadata: this._metadata,
      stationHash: this._stationHash,
      companyId,
      name: this._name,
    });
    this._server.startAdvertising(records.advertisement, records.scanResponse);
    this._advertisingTimer = this._options.board.clock.set(() => {
      this._advertisingTimer = undefined;
      this._advertise();
    }, ADVERTISING_INTERVAL_MS);
  }
}
