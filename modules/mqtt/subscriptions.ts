import type { OutgoingPacket } from "./codec.js";

export interface SubscriptionsOptions {
  readonly newMessageId: () => number;
  readonly send: (packet: OutgoingPacket) => void;
  readonly onRefused: (filter: string) => void;
}

interface Subscription {
  readonly qos: 0 | 1;
  /** Whether the broker has the subscription in its session. */
  isGranted: boolean;
}

/** Return code of a failure in SUBACK [MQTT-3.9.3-1]. */
const REFUSED = 0x80;

/** Subscriptions of a client, across connections. */
export class Subscriptions {
  private readonly _options: SubscriptionsOptions;
  private readonly _subscriptions = new Map<string, Subscription>();
  /** Filters of pending requests, by packet identifier. */
  private readonly _pending = new Map<number, string>();

  constructor(options: SubscriptionsOptions) {
    this._options = options;
  }

  add(filter: string, qos: 0 | 1, isOnline: boolean): void {
    this._subscriptions.set(filter, { qos, isGranted: false });
    if (isOnline) this._request(filter, qos);
  }

  remove(filter: string, isOnline: boolean): void {
    if (!this._subscriptions.delete(filter) || !isOnline) return;
    const messageId = this._options.newMessageId();
    this._pending.set(messageId, filter);
    this._options.send({ cmd: "unsubscribe", messageId, unsubscriptions: [filter] });
  }

  /** Subscribes after a reconnection, except to filters that the broker's session still has. */
  renew(options: { sessionPresent: boolean }): void {
    this._pending.clear();
    this._subscriptions.forEach((subscription, filter) => {
      if (!options.sessionPresent) subscription.isGranted = false;
      if (!subscription.isGranted) this._request(filter, subscription.qos);
    });
  }

  /** Whether a request with this identifier is pending. */
  has(messageId: number): boolean {
    return this._pending.has(messageId);
  }

  /** Handles a SUBACK. Ignores an unknown identifier. */
  acknowledge(messageId: number, granted: readonly number[]): void {
    const filter = this._pending.get(messageId);
    if (filter === undefined) return;
    this._pending.delete(messageId);
    const isRefused = granted[0] === undefined || granted[0] >= REFUSED;
    const subscription = this._subscriptions.get(filter);
    if (subscription) subscription.isGranted = !isRefused;
    if (subscription && isRefused) this._options.onRefused(filter);
  }

  /** Handles an UNSUBACK. */
  acknowledgeRemoval(messageId: number): void {
    this._pending.delete(messageId);
  }

  private _request(filter: string, qos: 0 | 1): void {
    const messageId = this._options.newMessageId();
    this._pending.set(messageId, filter);
    this._options.send({ cmd: "subscribe", messageId, subscriptions: [{ topic: filter, qos }] });
  }
}
