import type { OutgoingPacket } from "./codec.js";

export interface SubscriptionsOptions {
  readonly newMessageId: () => number;
  readonly send: (packet: OutgoingPacket) => void;
  readonly onRefused: (filter: string) => void;
}

interface Subscription {
  readonly qos: 0 | 1;
  /** The broker has it, in the session that we share with it. */
  isGranted: boolean;
}

/** SUBACK's failure [MQTT-3.9.3-1]. */
const REFUSED = 0x80;

/** The filters that this client wants, whatever connection there is. */
export class Subscriptions {
  private _options: SubscriptionsOptions;
  private _subscriptions = new Map<string, Subscription>();
  /** What the acknowledgements on their way are for. */
  private _asked = new Map<number, string>();

  constructor(options: SubscriptionsOptions) {
    this._options = options;
  }

  add(filter: string, qos: 0 | 1, isOnline: boolean): void {
    this._subscriptions.set(filter, { qos, isGranted: false });
    if (isOnline) this._ask(filter, qos);
  }

  remove(filter: string, isOnline: boolean): void {
    if (!this._subscriptions.delete(filter) || !isOnline) return;
    const messageId = this._options.newMessageId();
    this._asked.set(messageId, filter);
    this._options.send({ cmd: "unsubscribe", messageId, unsubscriptions: [filter] });
  }

  /** A new connection: what the broker kept need not be asked for again. */
  renew(options: { sessionPresent: boolean }): void {
    this._asked.clear();
    this._subscriptions.forEach((subscription, filter) => {
      if (!options.sessionPresent) subscription.isGranted = false;
      if (!subscription.isGranted) this._ask(filter, subscription.qos);
    });
  }

  has(messageId: number): boolean {
    return this._asked.has(messageId);
  }

  acknowledge(messageId: number, granted: readonly number[]): void {
    const filter = this._asked.get(messageId);
    if (filter === undefined) return;
    this._asked.delete(messageId);
    const isRefused = granted[0] === undefined || granted[0] >= REFUSED;
    const subscription = this._subscriptions.get(filter);
    if (subscription) subscription.isGranted = !isRefused;
    if (subscription && isRefused) this._options.onRefused(filter);
  }

  acknowledgeRemoval(messageId: number): void {
    this._asked.delete(messageId);
  }

  private _ask(filter: string, qos: 0 | 1): void {
    const messageId = this._options.newMessageId();
    this._asked.set(messageId, filter);
    this._options.send({ cmd: "subscribe", messageId, subscriptions: [{ topic: filter, qos }] });
  }
}
