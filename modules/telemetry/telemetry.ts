import type { Clock, IO, Timer } from "../board/index.js";
import { decodeUTF8 } from "../bytes/index.js";
import { formatJSON } from "../json/index.js";
import { AttemptLimiter } from "../limits/index.js";
import {
  attributeValues,
  deviceValues,
  type HomieDevice,
  nodeValues,
  PropertyTopics,
  type PropertyValue,
  payloadOf,
  setProperty,
  type Value,
  values,
} from "./device.js";

/** A message for the broker. */
export interface TelemetryMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** Identity of the station; constant during a connection. */
export interface TelemetryIdentity {
  readonly deviceId: string;
  readonly mac: string;
  readonly implementation: string;
  readonly productId: string;
  readonly firmwareVersion: number;
}

export interface TelemetryOptions<Snapshot, Commands> {
  readonly clock: Clock;
  readonly user: string;
  /** `$name` of the device. */
  readonly name: string;
  readonly identity: TelemetryIdentity;
  readonly device: HomieDevice<Snapshot, Commands>;
  readonly source: TelemetrySource<Snapshot, Commands>;
  readonly outlet: TelemetryOutlet;
}

export interface TelemetryOutlet {
  /** Publishes a message. Returns `false` when the outbox is full; the message is then offered again. */
  publishTelemetry(message: TelemetryMessage): boolean;
}

/** Source of the values and target of the commands. */
export interface TelemetrySource<Snapshot, Commands> {
  /** Read anew for each comparison. */
  readonly snapshot: Snapshot;
  readonly commands: Commands;
}

/** Severity of a notification. */
export type LogLevel = "info" | "warning" | "error";

/** Interval of `$heartbeat`, ms. */
const HEARTBEAT_MS = 10_000;
/** Maximum number of changes, errors and notifications in any second. The heartbeat comes on top. */
const MAX_PER_SECOND = 4;
/** Maximum number of waiting errors and notifications. A further one replaces the oldest. */
const MAX_NOTICES = 16;
/** Maximum number of consecutive messages of one property while other properties wait. */
const MAX_REPEATS = 3;
/** Delay before a message is offered again to a full outbox, ms. */
const RETRY_MS = 100;

/** Topic of a station's Homie device: `<user>/sweet-home/<device id>` (protocol, section 5). */
export function homieRoot(identity: { readonly user: string; readonly deviceId: string }): string {
  return `${identity.user}/sweet-home/${identity.deviceId}`;
}

/** First message of a connection: `$state` is `init`. */
export function greeting(identity: { readonly user: string; readonly deviceId: string }): TelemetryMessage {
  return stateMessage(identity, "init");
}

/** Last will: `$state` is `lost`. The broker publishes it when the connection is lost. */
export function lastWill(identity: { readonly user: string; readonly deviceId: string }): TelemetryMessage {
  return stateMessage(identity, "lost");
}

/** Last message before a deliberate disconnect: `$state` is `disconnected`. */
export function farewell(identity: { readonly user: string; readonly deviceId: string }): TelemetryMessage {
  return stateMessage(identity, "disconnected");
}

function stateMessage(
  identity: { readonly user: string; readonly deviceId: string },
  payload: "init" | "lost" | "disconnected",
): TelemetryMessage {
  return { topic: `${homieRoot(identity)}/$state`, payload, qos: 1, retain: true };
}

/**
 * Publisher of the station's Homie device. After a connection it publishes the whole device as the outbox has room, then
 * changed values. A value that changes several times before it is sent is sent once. Values are compared at each
 * `update` and each heartbeat.
 */
export class Telemetry<Snapshot, Commands> implements IO {
  private readonly _options: TelemetryOptions<Snapshot, Commands>;
  private readonly _root: string;
  private _name: string;
  private readonly _topics: PropertyTopics<Snapshot, Commands>;
  /** Next part of the device to publish after a connection; `undefined` when the device is complete. */
  private _part: number | undefined;
  /** Remaining values of the current part. */
  private _pending: Value[] = [];
  private _localIP = "";
  /** Message that the full outbox has refused. */
  private _refused: TelemetryMessage | undefined;
  /** Latest published values, in the order of `_topics`; `null`: the value has to be published again. */
  private readonly _sent: (PropertyValue | null)[] = [];
  /** Waiting errors and notifications. */
  private readonly _notices: TelemetryMessage[] = [];
  /** Whether a notice precedes the next change. Notices and changes alternate, so that neither delays the other. */
  private _isNoticeTurn = true;
  /** Index of the property that was published last. */
  private _latest = -1;
  /** Number of consecutive messages of the property `_latest`. */
  private _repeats = 0;
  /** Index of the latest property that a constantly changing one has let through. */
  private _turn = -1;
  private readonly _limiter: AttemptLimiter;
  private _onCleared: ((isComplete: boolean) => void) | undefined;
  private _online = false;
  private _heartbeat: Timer | undefined;
  private _retry: Timer | undefined;

  constructor(options: TelemetryOptions<Snapshot, Commands>) {
    this._options = options;
    this._limiter = new AttemptLimiter({ clock: options.clock, count: MAX_PER_SECOND, windowMs: 1000 });
    const { user, name, identity } = options;
    this._root = homieRoot({ user, deviceId: identity.deviceId });
    this._name = name;
    this._topics = new PropertyTopics(options.device, options.source.snapshot);
  }

  /**
   * Subscription to the `/set` topics. With QoS 0 the broker does not queue messages for an offline station: a queued
   * `charger/start` would later start another vehicle at the owner's expense.
   */
  get setSubscription(): { readonly filter: string; readonly qos: 0 } {
    return { filter: `${this._root}/+/+/set`, qos: 0 };
  }

  /** Publishes the whole device after a connection: `init` first, `ready` last (Homie 3.0.1). */
  goOnline(localIP: string): void {
    const { clock } = this._options;
    this._online = true;
    this._localIP = localIP;
    this._restart(0);
    clock.clear(this._heartbeat);
    this._heartbeat = clock.repeat(() => this._sendHeartbeat(), HEARTBEAT_MS);
    this._flush();
  }

  /** Stops publishing after the connection is lost. */
  goOffline(): void {
    this._online = false;
    this._restart(undefined);
    this._options.clock.clear(this._heartbeat);
    this._options.clock.clear(this._retry);
    this._retry = undefined;
    this._onCleared?.(false);
  }

  /** Publishes changed values. Call it when a value may have changed. */
  update(): void {
    this._flush();
  }

  /** Sends a notification to the owner's app. */
  notify(message: string, logLevel: LogLevel): void {
    const { user, identity } = this._options;
    const { deviceId } = identity;
    const notice = { message, logLevel, senderType: "device", type: "text", senderId: deviceId };
    this._addNotice(`${user}/notifications/create`, notice);
  }

  /**
   * Handles a message from the broker. Returns `false` when it is not on a `/set` topic of this station. The value in
   * force is published after each one, also an unchanged value, and also after an error: apps wait for it.
   */
  receive(topic: string, payload: Uint8Array<ArrayBuffer>): boolean {
    const { user, identity, source } = this._options;
    const prefix = `${this._root}/`;
    if (!topic.startsWith(prefix) || !topic.endsWith("/set")) return false;
    const path = topic.slice(prefix.length, -4);
    const index = this._topics.indexOf(path);
    const failure = setProperty(this._topics.properties[index], {
      text: decodeUTF8(payload) ?? "",
      snapshot: source.snapshot,
      commands: source.commands,
    });
    if (index >= 0) this._sent[index] = null;
    if (!failure) this._flush();
    else {
      const errors = `${user}/errors/sweet-home/${identity.deviceId}/${path}`;
      this._addNotice(errors, failure);
    }
    return true;
  }

  /**
   * Deletes all retained topics. `done` is called once, with `true` when all messages are in the outbox and `false` when
   * the connection ends before.
   */
  clear(done: (isComplete: boolean) => void): void {
    this._onCleared = (isComplete) => {
      this._onCleared = undefined;
      done(isComplete);
    };
    this._options.clock.clear(this._heartbeat);
    this._restart(0);
    this._flush();
    if (!this._online) this._onCleared?.(false);
  }

  /** Changes `$name`. */
  rename(name: string): void {
    this._name = name;
    if (!this._online || this._onCleared) return;
    this._pending.push({ path: "$name", payload: name });
    this._flush();
  }

  close(): void {
    this._onCleared = undefined;
    this.goOffline();
  }

  private _restart(part: number | undefined): void {
    this._part = part;
    this._pending = [];
    this._refused = undefined;
    this._sent.length = 0;
  }

  /** Returns one part of the device, so that few values are in memory at a time; `undefined` after the last part. */
  private _valuesOf(part: number): Value[] | undefined {
    const { device, source } = this._options;
    if (part === 0) return this._identityValues().concat(deviceValues(device.nodes, this._topics));
    const node = device.nodes[part - 1];
    if (node) return nodeValues(node, this._topics);
    const index = part - 1 - device.nodes.length;
    const { properties } = this._topics;
    const property = properties[index];
    if (property) {
      const snapshot = source.snapshot;
      const list = attributeValues({ path: this._topics.pathOf(index), property }, snapshot);
      list.push(this._send(index, property.value(snapshot)));
      return list;
    }
    return index === properties.length ? [{ path: "$state", payload: "ready" }] : undefined;
  }

  private _identityValues(): Value[] {
    const { identity } = this._options;
    return values("", {
      $state: "init",
      $homie: "3.0.1",
      $name: this._name,
      $localip: this._localIP,
      // "The format MUST be of the type A1:B2:C3:D4:E5:F6" (Homie 3.0.1).
      $mac: identity.mac.toUpperCase(),
      "$fw/name": identity.productId,
      "$fw/version": String(identity.firmwareVersion),
      $implementation: identity.implementation,
    });
  }

  /** Records a property's value as sent. A refused message is kept in `_refused` until the outbox accepts it. */
  private _send(index: number, value: PropertyValue): Value {
    this._sent[index] = value;
    return { path: this._topics.pathOf(index), payload: payloadOf(value) };
  }

  /** Returns the next value of the device; with an empty payload while the device is being deleted. */
  private _nextValue(): Value | undefined {
    if (this._pending.length === 0 && this._part !== undefined) {
      const list = this._valuesOf(this._part);
      this._part = list && this._part + 1;
      this._pending = list ?? [];
    }
    const value = this._pending.shift();
    return value && this._onCleared ? { path: value.path, payload: "" } : value;
  }

  private _sendHeartbeat(): void {
    const uptimeS = Math.floor(this._options.clock.monotonicMs() / 1000);
    const topic = `${this._root}/$heartbeat`;
    this._options.outlet.publishTelemetry({ topic, payload: String(uptimeS), qos: 0, retain: false });
    this._flush();
  }

  private _addNotice(topic: string, body: object): void {
    this._notices.push({ topic, payload: formatJSON(body), qos: 1, retain: false });
    if (this._notices.length > MAX_NOTICES) this._notices.shift();
    this._flush();
  }

  private _flush(): void {
    if (!this._online || this._retry) return;
    for (let message = this._refused ?? this._nextMessage(); message; message = this._nextMessage()) {
      if (!this._options.outlet.publishTelemetry(message)) {
        this._refused = message;
        this._flushLater(RETRY_MS);
        return;
      }
      this._refused = undefined;
    }
  }

  private _flushLater(delayMs: number): void {
    this._retry = this._options.clock.set(() => {
      this._retry = undefined;
      this._flush();
    }, delayMs);
  }

  /** Returns the next message that the rate limit allows; `undefined` without one. */
  private _nextMessage(): TelemetryMessage | undefined {
    const value = this._nextValue();
    if (value) return this._retained(value);
    if (this._onCleared) {
      this._onCleared(true);
      return undefined;
    }
    if (!this._mayPublish()) return undefined;
    const change = this._isNoticeTurn && this._notices.length > 0 ? undefined : this._changed();
    this._isNoticeTurn = change !== undefined;
    const message = change ? this._retained(change) : this._notices.shift();
    if (message) this._limiter.take();
    return message;
  }

  private _retained({ path, payload }: Value): TelemetryMessage {
    return { topic: `${this._root}/${path}`, payload, qos: 1, retain: true };
  }

  /** Returns the next changed value; `undefined` without one. */
  private _changed(): Value | undefined {
    let at = this._nextChanged(0);
    if (at < 0) return undefined;
    this._repeats = at === this._latest ? this._repeats + 1 : 0;
    if (this._repeats > MAX_REPEATS) {
      this._repeats = 0;
      this._turn = this._nextChanged(this._turn + 1, this._latest);
      if (this._turn >= 0) at = this._turn;
    }
    this._latest = at;
    const property = this._topics.properties[at];
    return property && this._send(at, property.value(this._options.source.snapshot));
  }

  /** Index of the next property, from `start` on, whose value differs from the one that was sent; -1 for none. */
  private _nextChanged(start: number, except = -1): number {
    const { _sent: sent } = this;
    const { properties } = this._topics;
    const { snapshot } = this._options.source;
    // An index costs XS a third of what an iterator does.
    for (let index = start; index < properties.length; index++) {
      const property = properties[index];
      if (index === except || !property) continue;
      if (property.value(snapshot) !== sent[index]) return index;
    }
    return -1;
  }

  /** Whether the rate limit allows a message now. Otherwise schedules the next flush. */
  private _mayPublish(): boolean {
    const { waitMs } = this._limiter;
    if (waitMs > 0) this._flushLater(waitMs);
    return waitMs === 0;
  }
}
