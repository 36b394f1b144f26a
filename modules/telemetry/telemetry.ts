import type { Clock, IO, Timer } from "../board/index.js";
import { decodeUTF8 } from "../bytes/index.js";
import {
  attributeValues,
  deviceValues,
  type HomieDevice,
  nodeValues,
  type PropertyTopic,
  type PropertyValue,
  payloadOf,
  propertyTopics,
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

/** What does not change while the station is connected. */
export interface TelemetryIdentity {
  readonly user: string;
  readonly deviceId: string;
  readonly name: string;
  readonly mac: string;
  readonly implementation: string;
  readonly productId: string;
  readonly firmwareVersion: number;
}

export interface TelemetryOptions<Snapshot, Commands> {
  readonly clock: Clock;
  readonly identity: TelemetryIdentity;
  readonly device: HomieDevice<Snapshot, Commands>;
  readonly source: TelemetrySource<Snapshot, Commands>;
  /** `false` when there is no room now; the message is offered again. */
  readonly publish: (message: TelemetryMessage) => boolean;
}

/** Where values come from and where commands go. */
export interface TelemetrySource<Snapshot, Commands> {
  /** Read anew for each comparison. */
  readonly snapshot: Snapshot;
  readonly commands: Commands;
}

/** Severity of a notification. */
export type LogLevel = "info" | "warning" | "error";

const HEARTBEAT_MS = 10_000;
/** Changes, errors and notifications in any second; with the heartbeat that makes 5. */
const MAX_PER_SECOND = 4;
/** Errors and notifications that wait; a further one drives the oldest out. */
const MAX_NOTES = 16;
/** As often one value after the other may be the same one's while others wait. */
const MAX_REPEATS = 3;
/** Until messages that found no room are offered again. */
const RETRY_MS = 100;

/** The root of a station's tree: `<user>/sweet-home/<device id>` (protocol, section 5). */
export function homieRoot(identity: { readonly user: string; readonly deviceId: string }): string {
  return `${identity.user}/sweet-home/${identity.deviceId}`;
}

/** The first word of a station that has reached the broker. */
export function greeting(identity: { readonly user: string; readonly deviceId: string }): TelemetryMessage {
  return stateMessage(identity, "init");
}

/** What the broker publishes when the station is gone without a word. */
export function lastWill(identity: { readonly user: string; readonly deviceId: string }): TelemetryMessage {
  return stateMessage(identity, "lost");
}

/** The last word of a station that goes on purpose. */
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
 * The station's Homie tree. At a connection the whole tree goes out as the broker's session takes it, then what
 * changes: a value that changes again before it was sent is sent once. Values are compared when `update` is called,
 * and with each heartbeat.
 */
export class Telemetry<Snapshot, Commands> implements IO {
  private _options: TelemetryOptions<Snapshot, Commands>;
  private _root: string;
  private _name: string;
  private _topics: readonly PropertyTopic<Snapshot, Commands>[];
  /** What is left of the tree after a connection: the part that comes next, and what is left of this one. */
  private _part: number | undefined;
  private _pending: Value[] = [];
  private _localIP = "";
  /** What the broker's session had no room for. */
  private _refused: TelemetryMessage | undefined;
  /** The values that were sent last, in the order of the topics. */
  private _sent: PropertyValue[] = [];
  private _notes: TelemetryMessage[] = [];
  /** Notes and changes take turns, and a value that moves all the time lets others by: it keeps nothing waiting. */
  private _isNotesTurn = true;
  private _latest = -1;
  private _repeats = 0;
  private _turn = -1;
  /** When the latest changes were sent; as many as may be in a second. */
  private _moments: number[] = [];
  private _whenCleared: ((isWhole: boolean) => void) | undefined;
  private _online = false;
  private _heartbeat: Timer | undefined;
  private _retry: Timer | undefined;

  constructor(options: TelemetryOptions<Snapshot, Commands>) {
    this._options = options;
    this._root = homieRoot(options.identity);
    this._name = options.identity.name;
    this._topics = propertyTopics(options.device, options.source.snapshot);
  }

  /**
   * What the station has to be subscribed to, with QoS 0: a broker keeps such messages for no station that is away. A
   * `charger/start` that waited at the broker would start whatever vehicle is plugged in by then, at the owner's expense.
   */
  get setSubscription(): { readonly filter: string; readonly qos: 0 } {
    return { filter: `${this._root}/+/+/set`, qos: 0 };
  }

  /** The broker is reached: the whole tree goes out, as Homie 3.0.1 wants it, `init` first and `ready` last. */
  goOnline(localIP: string): void {
    const { clock } = this._options;
    this._online = true;
    this._localIP = localIP;
    this._begin(0);
    clock.clear(this._heartbeat);
    this._heartbeat = clock.repeat(() => this._beat(), HEARTBEAT_MS);
    this._flush();
  }

  goOffline(): void {
    this._online = false;
    this._begin(undefined);
    this._options.clock.clear(this._heartbeat);
    this._options.clock.clear(this._retry);
    this._retry = undefined;
    this._whenCleared?.(false);
  }

  /** Something may have changed. */
  update(): void {
    this._flush();
  }

  /** For people, in their app. */
  notify(message: string, logLevel: LogLevel): void {
    const { user, deviceId } = this._options.identity;
    const note = { message, logLevel, senderType: "device", type: "text", senderId: deviceId };
    this._note(`${user}/notifications/create`, note);
  }

  /** Takes a message of the broker; `false` when it sets nothing of ours. */
  receive(topic: string, payload: Uint8Array<ArrayBuffer>): boolean {
    const { identity, source } = this._options;
    const prefix = `${this._root}/`;
    if (!topic.startsWith(prefix) || !topic.endsWith("/set")) return false;
    const path = topic.slice(prefix.length, -4);
    const topicOfProperty = this._topics.find((one) => one.path === path);
    const message = setProperty(topicOfProperty?.property, {
      text: decodeUTF8(payload) ?? "",
      snapshot: source.snapshot,
      commands: source.commands,
    });
    if (message === undefined) this._flush();
    else {
      const errors = `${identity.user}/errors/sweet-home/${identity.deviceId}/${path}`;
      this._note(errors, { code: "invalid", message });
    }
    return true;
  }

  /**
   * Takes everything back that was retained. `done` is called, once, and told whether all of it was handed to the
   * broker's session: not so when the connection ends before.
   */
  clear(done: (isWhole: boolean) => void): void {
    this._whenCleared = (isWhole) => {
      this._whenCleared = undefined;
      done(isWhole);
    };
    this._options.clock.clear(this._heartbeat);
    this._begin(0);
    this._flush();
    if (!this._online) this._whenCleared?.(false);
  }

  /** `$name` from now on. */
  rename(name: string): void {
    this._name = name;
    if (!this._online || this._whenCleared) return;
    this._pending.push({ path: "$name", payload: name });
    this._flush();
  }

  close(): void {
    this._whenCleared = undefined;
    this.goOffline();
  }

  private _begin(part: number | undefined): void {
    this._part = part;
    this._pending = [];
    this._refused = undefined;
    this._sent.length = 0;
  }

  /** The device in parts, so that few values are in memory at a time. `undefined` after the last part. */
  private _valuesOf(part: number): Value[] | undefined {
    const { device, source } = this._options;
    if (part === 0) return this._identityValues().concat(deviceValues(device.nodes, this._topics));
    const node = device.nodes[part - 1];
    if (node) return nodeValues(node, this._topics);
    const index = part - 1 - device.nodes.length;
    const topic = this._topics[index];
    if (topic) {
      const snapshot = source.snapshot;
      const list = attributeValues(topic, snapshot);
      list.push(this._send(index, topic.property.value(snapshot)));
      return list;
    }
    return index === this._topics.length ? [{ path: "$state", payload: "ready" }] : undefined;
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

  /** Notes a value of a property as sent; a connection that refuses it keeps it until it is taken. */
  private _send(index: number, value: PropertyValue): Value {
    this._sent[index] = value;
    return { path: this._topics[index]?.path ?? "", payload: payloadOf(value) };
  }

  /** The next value of the device that is being published; empty while the device is being removed. */
  private _next(): Value | undefined {
    if (this._pending.length === 0 && this._part !== undefined) {
      const list = this._valuesOf(this._part);
      this._part = list && this._part + 1;
      this._pending = list ?? [];
    }
    const value = this._pending.shift();
    return value && this._whenCleared ? { path: value.path, payload: "" } : value;
  }

  private _beat(): void {
    const uptimeS = Math.floor(this._options.clock.monotonicMs() / 1000);
    const topic = `${this._root}/$heartbeat`;
    this._options.publish({ topic, payload: String(uptimeS), qos: 0, retain: false });
    this._flush();
  }

  private _note(topic: string, body: object): void {
    this._notes.push({ topic, payload: JSON.stringify(body), qos: 1, retain: false });
    if (this._notes.length > MAX_NOTES) this._notes.shift();
    this._flush();
  }

  private _flush(): void {
    if (!this._online || this._retry) return;
    for (let message = this._refused ?? this._take(); message; message = this._take()) {
      if (!this._options.publish(message)) {
        this._refused = message;
        this._again(RETRY_MS);
        return;
      }
      this._refused = undefined;
    }
  }

  private _again(delayMs: number): void {
    this._retry = this._options.clock.set(() => {
      this._retry = undefined;
      this._flush();
    }, delayMs);
  }

  /** What goes out next, and may go now. */
  private _take(): TelemetryMessage | undefined {
    const value = this._next();
    if (value) return this._retained(value);
    if (this._whenCleared) {
      this._whenCleared(true);
      return undefined;
    }
    if (!this._mayGo()) return undefined;
    const change = this._isNotesTurn && this._notes.length > 0 ? undefined : this._changed();
    this._isNotesTurn = change !== undefined;
    const message = change ? this._retained(change) : this._notes.shift();
    if (message) this._moments.push(this._options.clock.monotonicMs());
    return message;
  }

  private _retained({ path, payload }: Value): TelemetryMessage {
    return { topic: `${this._root}/${path}`, payload, qos: 1, retain: true };
  }

  /** A property whose value differs from the one that was sent. */
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
    const property = this._topics[at]?.property;
    return property && this._send(at, property.value(this._options.source.snapshot));
  }

  /** Index of the next property, from `start` on, whose value differs from the one that was sent; -1 for none. */
  private _nextChanged(start: number, except = -1): number {
    const { _topics: topics, _sent: sent } = this;
    const { snapshot } = this._options.source;
    // An index costs XS a third of what an iterator does.
    for (let index = start; index < topics.length; index++) {
      const property = topics[index]?.property;
      if (index === except || !property) continue;
      if (property.value(snapshot) !== sent[index]) return index;
    }
    return -1;
  }

  /** There may be another message now, or it comes back when there may. */
  private _mayGo(): boolean {
    const now = this._options.clock.monotonicMs();
    this._moments = this._moments.filter((moment) => now - moment < 1000);
    const first = this._moments[0];
    if (first === undefined || this._moments.length < MAX_PER_SECOND) return true;
    this._again(1000 - (now - first));
    return false;
  }
}
