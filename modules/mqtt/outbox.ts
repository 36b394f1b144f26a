import { encodeUTF8 } from "../bytes/index.js";

/** A message to publish. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer> | string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** A message in the outbox. */
export interface QueuedMessage extends OutgoingMessage {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Packet identifier while the message is in flight. */
  messageId: number | undefined;
}

export interface OutboxOptions {
  /** Highest number of messages in flight: sent and not yet acknowledged. */
  readonly maxInFlight?: number;
  /** Highest number of messages, in flight or waiting. */
  readonly maxMessages?: number;
  /** Highest total length of topics, payloads and overhead, bytes. */
  readonly maxQueuedBytes?: number;
}

const MAX_IN_FLIGHT = 8;
const MAX_MESSAGES = 32;
const MAX_QUEUED_BYTES = 16_384;

/** Highest length of a PUBLISH packet apart from topic and payload, bytes. */
const OVERHEAD_BYTES = 9;

/**
 * Queue of the QoS 1 messages that the broker has not acknowledged, in order. It outlives a connection: messages in
 * flight at its end are sent again first, in the same order [MQTT-4.4.0-1] [MQTT-4.6.0-1].
 */
export class Outbox {
  private readonly _options: OutboxOptions;
  private readonly _waiting: QueuedMessage[] = [];
  private readonly _inFlight: QueuedMessage[] = [];
  private _bytes = 0;

  constructor(options: OutboxOptions) {
    this._options = options;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Number of messages, waiting or in flight. */
  get length(): number {
    return this._waiting.length + this._inFlight.length;
  }

  /** Queues a message. Returns `false` when a limit is reached. */
  add(message: OutgoingMessage): boolean {
    const { maxMessages = MAX_MESSAGES, maxQueuedBytes = MAX_QUEUED_BYTES } = this._options;
    const payload = payloadBytes(message.payload);
    const queued = { ...message, payload, messageId: undefined };
    const byteLength = byteLengthOf(queued);
    if (this.length >= maxMessages) return false;
    if (this._bytes + byteLength > maxQueuedBytes) return false;
    this._bytes += byteLength;
    this._waiting.push(queued);
    return true;
  }

  /** Messages in flight; after a reconnection they have to be sent again. */
  get inFlight(): readonly QueuedMessage[] {
    return this._inFlight;
  }

  /** Moves the next message in flight and returns it; `undefined` when no message waits or the window is full. */
  take(host: { newMessageId(): number }): QueuedMessage | undefined {
    if (this._inFlight.length >= (this._options.maxInFlight ?? MAX_IN_FLIGHT)) return undefined;
    const message = this._waiting.shift();
    if (!message) return undefined;
    message.messageId = host.newMessageId();
    this._inFlight.push(message);
    return message;
  }

  /** Whether a message with this identifier is in flight. */
  has(messageId: number): boolean {
    return this._inFlight.some((message) => message.messageId === messageId);
  }

  /** Removes an acknowledged message. Returns `false` for an identifier that is not in flight (a late duplicate). */
  acknowledge(messageId: number): boolean {
    const at = this._inFlight.findIndex((message) => message.messageId === messageId);
    const message = at < 0 ? undefined : this._inFlight.splice(at, 1)[0];
    if (message) this._bytes -= byteLengthOf(message);
    return message !== undefined;
  }
}

/** Returns a payload as bytes; a text as UTF-8. */
export function payloadBytes(payload: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  return typeof payload === "string" ? encodeUTF8(payload) : payload;
}

function byteLengthOf(message: QueuedMessage): number {
  return encodeUTF8(message.topic).length + message.payload.length + OVERHEAD_BYTES;
}
