/** The fields of a skipped PUBLISH that are needed to acknowledge and to report it. */
export interface SkippedPublish {
  /** Length after the fixed header, bytes. */
  readonly byteLength: number;
  readonly qos: 0 | 1;
  /** Packet identifier; 0 for QoS 0. */
  readonly messageId: number;
}

/** Length of the topic's length field and of the packet identifier, bytes (MQTT 3.1.1 sections 1.5.3 and 3.3.2.2). */
const NUMBER_BYTES = 2;

/**
 * A PUBLISH that is too long to be stored. Its bytes are discarded as they arrive, except topic length and packet
 * identifier. Topic and payload are neither allocated nor checked.
 */
export class OversizedPublish {
  private readonly _byteLength: number;
  private readonly _qos: 0 | 1;
  /** Bytes that have arrived. */
  private _position = 0;
  private _topicBytes = 0;
  private _messageId = 0;

  /** @param options.byteLength length after the fixed header, bytes */
  constructor(options: { byteLength: number; qos: 0 | 1 }) {
    this._byteLength = options.byteLength;
    this._qos = options.qos;
  }

  /** Bytes that are still to arrive. */
  get missingBytes(): number {
    return this._byteLength - this._position;
  }

  /** Accepts the next bytes, at most `missingBytes`. Returns an error text when they are not MQTT 3.1.1. */
  push(bytes: Uint8Array<ArrayBuffer>): string | undefined {
    const first = this._position;
    const at = (position: number) => bytes[position - first] ?? 0;
    this._topicBytes += at(0) * 256 + at(1);
    this._position += bytes.length;
    if (this._position < NUMBER_BYTES) return undefined;
    const idAt = NUMBER_BYTES + this._topicBytes;
    if (this._qos > 0) this._messageId += at(idAt) * 256 + at(idAt + 1);
    const headBytes = this._qos > 0 ? idAt + NUMBER_BYTES : idAt;
    if (this._topicBytes === 0 || headBytes > this._byteLength) return "a publish with a malformed topic";
    const hasId = this._qos > 0 && this._position >= headBytes;
    return hasId && this._messageId === 0 ? "a publish with QoS 1 and packet identifier 0" : undefined;
  }

  /** The skipped message; valid when no bytes are missing. */
  get skipped(): SkippedPublish {
    return { byteLength: this._byteLength, qos: this._qos, messageId: this._messageId };
  }
}
