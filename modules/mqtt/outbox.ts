import { encodeUTF8 } from "../bytes/index.js";

/** A message to publish. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array<ArrayBuffer> | string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface QueuedMessage extends OutgoingMessage {
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Set while it is in flight. */
  messageId: number | undefined;
}

export interface OutboxOptions {
  /** Messages sent and not yet acknowledged. */
  readonly maxInFlight: number;
  /** Messages altogether, in flight or waiting. */
  readonly maxMessages: number;
  /** Their topics and payloads altogether. */
  readonly maxBytes: number;
}

/** What an MQTT packet holds beside topic and payload, at most. */
const OVERHEAD_BYTES = 9;

/**
 * The messages of QoS 1 that the broker has not acknowledged, in order. They outlive a connection: what was in
 * flight when it ended is sent again first, in the same order [MQTT-4.4.0-1] [MQTT-4.6.0-1].
 */
export class Outbox {
  private _options: OutboxOptions;
  private _waiting: QueuedMessage[] = [];
  private _inFlight: QueuedMessage[] = [];
  private _bytes = 0;

  constructor(options: OutboxOptions) {
    this._options = options;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Waiting or in flight. */
  get length(): number {
    return this._waiting.length + this._inFlight.length;
  }

  /** `false` when there is no room. */
  add(message: OutgoingMessage): boolean {
    const { maxMessages, maxBytes } = this._options;
    const payload = payloadBytes(message.payload);
    const queued = { ...message, payload, messageId: undefined };
    const byteLength = byteLengthOf(queued);
    if (this.length >= maxMessages) return false;
    if (this._bytes + byteLength > maxBytes) return false;
    this._bytes += byteLength;
    this._waiting.push(queued);
    return true;
  }

  /** What was in flight when a connection ended. */
  get inFlight(): readonly QueuedMessage[] {
    return this._inFlight;
  }

  /** The next message to send, now in flight under `messageId`; `undefined` when none waits or none may go. */
  take(newMessageId: () => number): QueuedMessage | undefined {
    if (this._inFlight.length >= this._options.maxInFlight) return undefined;
    const message = this._waiting.shift();
    if (!message) return undefined;
    message.messageId = newMessageId();
    this._inFlight.push(message);
    return message;
  }

  has(messageId: number): boolean {
    return this._inFlight.some((message) => message.messageId === messageId);
  }

  /** The broker has it. `false` for an identifier that is not in flight: a late duplicate, of no consequence. */
  acknowledge(messageId: number): boolean {
    const at = this._inFlight.findIndex((message) => message.messageId === messageId);
    const message = at < 0 ? undefined : this._inFlight.splice(at, 1)[0];
    if (message) this._bytes -= byteLengthOf(message);
    return message !== undefined;
  }
}

export function payloadBytes(payload: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  return typeof payload === "string" ? encodeUTF8(payload) : payload;
}

function byteLengthOf(message: QueuedMessage): number {
  return encodeUTF8(message.topic).length + message.payload.length + OVERHEAD_BYTES;
}
