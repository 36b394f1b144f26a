import type { OutgoingPacket } from "./codec.js";

export interface SubscriptionsHost {
  newMessageId(): number;
  send(packet: OutgoingPacket): void;
  handleRefusedSubscription(filter: string): void;
}

interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
  /** Whether the broker has the subscription in its session. */
  isGranted: boolean;
}

/** Return code of a failure in SUBACK [MQTT-3.9.3-1]. */
const REFUSED = 0x80;

/** Subscriptions of a client, across connections. */
export class Subscriptions {
  private readonly _host: SubscriptionsHost;
  private _subscriptions: Subscription[] = [];
  private _pending: { readonly messageId: number; readonly filter: string }[] = [];

  constructor(host: SubscriptionsHost) {
    this._host = host;
  }

  add(filter: string, qos: 0 | 1, isOnline: boolean): void {
    this._drop(filter);
    this._subscriptions.push({ filter, qos, isGranted: false });
    if (isOnline) this._request(filter, qos);
  }

  remove(filter: string, isOnline: boolean): void {
    if (!this._drop(filter) || !isOnline) return;
    const messageId = this._host.newMessageId();
    this._pending.push({ messageId, filter });
    this._host.send({ cmd: "unsubscribe", messageId, unsubscriptions: [filter] });
  }

  /** Subscribes after a reconnection, except to filters that the broker's session still has. */
  renew(options: { sessionPresent: boolean }): void {
    this._pending = [];
    for (const subscription of this._subscriptions) {
      if (!options.sessionPresent) subscription.isGranted = false;
      if (!subscription.isGranted) this._request(subscription.filter, subscription.qos);
    }
  }

  /** Whether a request with this identifier is pending. */
  has(messageId: number): boolean {
    return this._pending.length > 0 && this._pending.some((one) => one.messageId === messageId);
  }

  /** Handles a SUBACK. Ignores an unknown identifier. */
  acknowledge(messageId: number, granted: readonly number[]): void {
    const pending = this._pending.find((one) => one.messageId === messageId);
    if (!pending) return;
    this.acknowledgeRemoval(messageId);
    const isRefused = granted[0] === undefined || granted[0] >= REFUSED;
    const subscription = this._subscriptions.find(({ filter }) => filter === pending.filter);
    if (subscription) subscription.isGranted = !isRefused;
    if (subscription && isRefused) this._host.handleRefusedSubscription(pending.filter);
  }

  /** Handles an UNSUBACK. */
  acknowledgeRemoval(messageId: number): void {
    this._pending = this._pending.filter((one) => one.messageId !== messageId);
  }

  private _drop(filter: string): boolean {
    const before = this._subscriptions.length;
    this._subscriptions = this._subscriptions.filter((one) => one.filter !== filter);
    return this._subscriptions.length < before;
  }

  private _request(filter: string, qos: 0 | 1): void {
    const messageId = this._host.newMessageId();
    this._pending.push({ messageId, filter });
    this._host.send({ cmd: "subscribe", messageId, subscriptions: [{ topic: filter, qos }] });
  }
}
