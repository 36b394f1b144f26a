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
interface Phone {
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
  #options: TagServiceOptions;
  #stationHash: Uint8Array<ArrayBuffer>;
  #metadata: Metadata;
  #name: string;
  #phones = new Map<GATTConnection, Phone>();
  #resultCharacteristic: GATTCharacteristic;
  #server: GATTServer;
  #ready = false;
  #closed = false;
  #advertised: string | undefined;
  #advertisingTimer: Timer | undefined;

  constructor(options: TagServiceOptions) {
    this.#options = options;
    this.#metadata = options.metadata;
    this.#name = options.name;
    const hash = options.board.crypto.sha256(encodeUTF8(options.deviceId));
    this.#stationHash = new Uint8Array(hash, 0, STATION_HASH_BYTES);
    this.#resultCharacteristic = this.#makeResultCharacteristic();
    this.#server = new options.board.io.GATTServer({
      mtu: MTU,
      services: [
        { uuid: SERVICE_UUID, characteristics: [this.#makeTagCharacteristic(), this.#resultCharacteristic] },
      ],
      onReady: () => this.#later(() => this.#becomeReady()),
      onConnect: (connection) => this.#addPhone(connection),
      onDisconnect: (connection) => this.#phones.delete(connection),
    });
  }

  /** The radio is up. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Brings what the advertisement says up to date. */
  update(metadata: Metadata): void {
    this.#metadata = metadata;
    this.#advertise();
  }

  rename(name: string): void {
    this.#name = name;
    this.#advertise();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.board.clock.clear(this.#advertisingTimer);
    this.#phones.clear();
    this.#server.close();
  }

  #makeTagCharacteristic(): GATTCharacteristic {
    return {
      uuid: TAG_UUID,
      properties: GATTProperties.read | GATTProperties.write,
      descriptors: [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Tag") }],
      onRead: (connection) => this.#phones.get(connection)?.tag ?? new Uint8Array(0),
      onWrite: (value, connection) => this.#takeNote(connection, new Uint8Array(value.slice(0))),
    };
  }

  #makeResultCharacteristic(): GATTCharacteristic {
    return {
      uuid: RESULT_UUID,
      properties: GATTProperties.read | GATTProperties.notify,
      descriptors: [{ uuid: USER_DESCRIPTION_UUID, value: encodeUTF8("Authorization result") }],
      onRead: (connection) =>
        encodeResult(this.#phones.get(connection)?.result ?? IDLE, this.#metadata.status),
      // Whether a phone listens makes no difference to what happens: it may also read the result.
      onSubscribe: () => {},
      onUnsubscribe: () => {},
    };
  }

  #later(work: () => void): void {
    this.#options.board.clock.set(() => {
      if (!this.#closed) work();
    }, 0);
  }

  #addPhone(connection: GATTConnection): void {
    const source = this.#options.newSource();
    this.#phones.set(connection, { connection, source, tag: new Uint8Array(0), result: IDLE, attempt: 0 });
  }

  /** What a phone reads right after its write is true already; telling and asking come from the clock. */
  #takeNote(connection: GATTConnection, tag: Uint8Array<ArrayBuffer>): void {
    const phone = this.#phones.get(connection);
    if (!phone) return;
    const pending: Result = { state: "pending", code: 202, attempt: (phone.attempt + 1) & 0xff };
    phone.tag = tag;
    phone.attempt = pending.attempt;
    phone.result = pending;
    this.#later(() => {
      this.#tell(phone, pending);
      // What is no text is no tag either: it is refused in the same way as an empty one.
      phone.source.attempt(decodeUTF8(tag) ?? "", (result) => this.#conclude(phone, pending.attempt, result));
    });
  }

  #conclude(phone: Phone, attempt: number, { state, code, reason }: AttemptResult): void {
    this.#options.log(`tag-service: attempt ${attempt}: ${state} (${code}: ${reason})`);
    this.#tell(phone, { state, code, attempt });
  }

  /** A phone that has gone meanwhile is not told; what it asked for happens all the same. */
  #tell(phone: Phone, result: Result): void {
    phone.result = result;
    if (!this.#phones.has(phone.connection)) return;
    phone.connection.notify(this.#resultCharacteristic, encodeResult(result, this.#metadata.status));
  }

  #becomeReady(): void {
    this.#ready = true;
    this.#advertise();
  }

  #advertise(): void {
    if (!this.#ready || this.#closed || this.#advertisingTimer) return;
    const { companyId = DEFAULT_COMPANY_ID } = this.#options;
    const what = JSON.stringify([this.#metadata, this.#name]);
    if (what === this.#advertised) return;
    this.#advertised = what;
    const records = advertisingRecords({
      metadata: this.#metadata,
      stationHash: this.#stationHash,
      companyId,
      name: this.#name,
    });
    this.#server.startAdvertising(records.advertisement, records.scanResponse);
    this.#advertisingTimer = this.#options.board.clock.set(() => {
      this.#advertisingTimer = undefined;
      this.#advertise();
    }, ADVERTISING_INTERVAL_MS);
  }
}
