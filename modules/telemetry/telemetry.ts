import type { Clock, IO, Timer } from "../board/index.js";
import { decodeUTF8 } from "../bytes/index.js";
import {
  nodeValues,
  type Place,
  partsOf,
  placesOf,
  propertyValues,
  setProperty,
  type Tree,
  type Value,
  values,
} from "./tree.js";

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

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly identity: TelemetryIdentity;
  readonly tree: Tree;
  /** `false` when there is no room now; the message is offered again. */
  readonly publish: (message: TelemetryMessage) => boolean;
}

/** How bad it is, for people. */
export type LogLevel = "info" | "warning" | "error";

const HEARTBEAT_MS = 10_000;
/** Changes, errors and notifications in any second; with the heartbeat that makes 5. */
const MAX_PER_SECOND = 4;
/** Errors and notifications that wait; a further one drives the oldest out. */
const MAX_NOTES = 16;
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
export class Telemetry implements IO {
  #options: TelemetryOptions;
  #root: string;
  #name: string;
  #places: readonly Place[];
  /** What is left of the tree after a connection: the part that comes next, and what is left of this one. */
  #part: number | undefined;
  #line: Value[] = [];
  #localIP = "";
  /** What the broker's session had no room for. */
  #refused: TelemetryMessage | undefined;
  /** The properties as they were sent, by their paths. */
  #sent = new Map<string, string>();
  #notes: TelemetryMessage[] = [];
  /** When the latest changes were sent; as many as may be in a second. */
  #moments: number[] = [];
  #whenCleared: (() => void) | undefined;
  #online = false;
  #heartbeat: Timer | undefined;
  #retry: Timer | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#root = homieRoot(options.identity);
    this.#name = options.identity.name;
    this.#places = placesOf(options.tree);
  }

  /** What the station has to be subscribed to. */
  get setFilter(): string {
    return `${this.#root}/+/+/set`;
  }

  /** The broker is reached: the whole tree goes out, as Homie 3.0.1 wants it, `init` first and `ready` last. */
  goOnline(localIP: string): void {
    const { clock } = this.#options;
    this.#online = true;
    this.#localIP = localIP;
    this.#begin(0);
    clock.clear(this.#heartbeat);
    this.#heartbeat = clock.repeat(() => this.#beat(), HEARTBEAT_MS);
    this.#flush();
  }

  goOffline(): void {
    this.#online = false;
    this.#begin(undefined);
    this.#options.clock.clear(this.#heartbeat);
    this.#options.clock.clear(this.#retry);
    this.#retry = undefined;
    this.#whenCleared?.();
  }

  /** Something may have changed. */
  update(): void {
    this.#flush();
  }

  /** For people, in their app. */
  notify(message: string, logLevel: LogLevel): void {
    const { user, deviceId } = this.#options.identity;
    const note = { message, logLevel, senderType: "device", type: "text", senderId: deviceId };
    this.#note(`${user}/notifications/create`, note);
  }

  /** Takes a message of the broker; `false` when it sets nothing of ours. */
  receive(topic: string, payload: Uint8Array<ArrayBuffer>): boolean {
    const { identity } = this.#options;
    const prefix = `${this.#root}/`;
    if (!topic.startsWith(prefix) || !topic.endsWith("/set")) return false;
    const path = topic.slice(prefix.length, -4);
    const place = this.#places.find((one) => one.path === path);
    const message = setProperty(place?.property, decodeUTF8(payload) ?? "");
    if (message === undefined) this.#flush();
    else {
      const errors = `${identity.user}/errors/sweet-home/${identity.deviceId}/${path}`;
      this.#note(errors, { code: "invalid", message });
    }
    return true;
  }

  /** Takes everything back that was retained. `done` is called, once, also when the connection ends before. */
  clear(done: () => void): void {
    this.#whenCleared = () => {
      this.#whenCleared = undefined;
      done();
    };
    this.#options.clock.clear(this.#heartbeat);
    this.#begin(0);
    this.#flush();
    if (!this.#online) this.#whenCleared?.();
  }

  /** `$name` from now on. */
  rename(name: string): void {
    this.#name = name;
    if (!this.#online || this.#whenCleared) return;
    this.#line.push({ path: "$name", payload: name });
    this.#flush();
  }

  close(): void {
    this.#whenCleared = undefined;
    this.goOffline();
  }

  #begin(part: number | undefined): void {
    this.#part = part;
    this.#line = [];
    this.#refused = undefined;
    this.#sent.clear();
  }

  /** The tree in parts, so that little of it stands in memory at a time. */
  #values(part: number): Value[] | undefined {
    const { identity, tree } = this.#options;
    if (part === 0) {
      return values("", {
        $state: "init",
        $homie: "3.0.1",
        $name: this.#name,
        $localip: this.#localIP,
        // "The format MUST be of the type A1:B2:C3:D4:E5:F6" (Homie 3.0.1).
        $mac: identity.mac.toUpperCase(),
        "$fw/name": identity.productId,
        "$fw/version": String(identity.firmwareVersion),
        $implementation: identity.implementation,
      }).concat(partsOf(tree));
    }
    const node = tree.nodes[part - 1];
    if (node) return nodeValues(node);
    const place = this.#places[part - 1 - tree.nodes.length];
    if (place) return propertyValues(place);
    const isLast = part - 1 - tree.nodes.length === this.#places.length;
    return isLast ? [{ path: "$state", payload: "ready" }] : undefined;
  }

  /** The next of the tree that is on its way out; one that is taken back is emptied. */
  #next(): Value | undefined {
    if (this.#line.length === 0 && this.#part !== undefined) {
      const list = this.#values(this.#part);
      this.#part = list && this.#part + 1;
      this.#line = list ?? [];
    }
    const value = this.#line.shift();
    return value && this.#whenCleared ? { path: value.path, payload: "" } : value;
  }

  #beat(): void {
    const uptimeS = Math.floor(this.#options.clock.monotonicMs() / 1000);
    const topic = `${this.#root}/$heartbeat`;
    this.#options.publish({ topic, payload: String(uptimeS), qos: 0, retain: false });
    this.#flush();
  }

  #note(topic: string, body: object): void {
    this.#notes.push({ topic, payload: JSON.stringify(body), qos: 1, retain: false });
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
    this.#flush();
  }

  #flush(): void {
    if (!this.#online || this.#retry) return;
    for (let message = this.#refused ?? this.#take(); message; message = this.#take()) {
      if (!this.#options.publish(message)) {
        this.#refused = message;
        this.#again(RETRY_MS);
        return;
      }
      this.#refused = undefined;
    }
  }

  #again(delayMs: number): void {
    this.#retry = this.#options.clock.set(() => {
      this.#retry = undefined;
      this.#flush();
    }, delayMs);
  }

  /** What goes out next, and may go now. */
  #take(): TelemetryMessage | undefined {
    const value = this.#next();
    if (value) return this.#retained(value);
    if (this.#whenCleared) {
      this.#whenCleared();
      return undefined;
    }
    const change = this.#changed();
    if ((!change && this.#notes.length === 0) || !this.#mayGo()) return undefined;
    return change ? this.#retained(change) : this.#notes.shift();
  }

  #retained({ path, payload, isProperty }: Value): TelemetryMessage {
    if (isProperty) this.#sent.set(path, payload);
    return { topic: `${this.#root}/${path}`, payload, qos: 1, retain: true };
  }

  #changed(): Value | undefined {
    const isOther = ({ path, property }: Place) => String(property.value()) !== this.#sent.get(path);
    const place = this.#places.find(isOther);
    return place && { path: place.path, payload: String(place.property.value()), isProperty: true };
  }

  /** Counts a message, or comes back when there may be another. */
  #mayGo(): boolean {
    const now = this.#options.clock.monotonicMs();
    this.#moments = this.#moments.filter((moment) => now - moment < 1000);
    const first = this.#moments[0];
    if (first === undefined || this.#moments.length < MAX_PER_SECOND) {
      this.#moments.push(now);
      return true;
    }
    this.#again(1000 - (now - first));
    return false;
  }
}
