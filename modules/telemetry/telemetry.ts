import type { Clock, IO, Timer } from "../board/index.js";
import { STATION_STATUSES, type StationStatus } from "../charging/index.js";

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
  /** `false` when there is no room now; the message is offered again. */
  readonly publish: (message: TelemetryMessage) => boolean;
}

const HEARTBEAT_MS = 10_000;
/** Until messages that found no room are offered again. */
const RETRY_MS = 250;

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

interface Value {
  readonly path: string;
  readonly payload: string;
}

/**
 * The station's Homie tree. Values wait in line, in the order in which they were set, and go out as the broker's
 * session takes them. A value that is overtaken by a newer one leaves the line, so that it is never longer than
 * the tree.
 */
export class Telemetry implements IO {
  #options: TelemetryOptions;
  #root: string;
  #line: Value[] = [];
  #status: StationStatus = "available";
  #online = false;
  #startedMs: number;
  #heartbeat: Timer | undefined;
  #retry: Timer | undefined;

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#root = homieRoot(options.identity);
    this.#startedMs = options.clock.monotonicMs();
  }

  /** The broker is reached: the whole tree goes out, as Homie 3.0.1 wants it, `init` first and `ready` last. */
  goOnline(localIP: string): void {
    this.#online = true;
    this.#line = this.#tree(localIP);
    this.#options.clock.clear(this.#heartbeat);
    this.#heartbeat = this.#options.clock.repeat(() => this.#beat(), HEARTBEAT_MS);
    this.#flush();
  }

  goOffline(): void {
    this.#online = false;
    this.#line = [];
    this.#options.clock.clear(this.#heartbeat);
    this.#options.clock.clear(this.#retry);
    this.#retry = undefined;
  }

  setStatus(status: StationStatus): void {
    this.#status = status;
    if (!this.#online) return;
    const path = "charger/status";
    this.#line = this.#line.filter((value) => value.path !== path);
    this.#line.push({ path, payload: status });
    this.#flush();
  }

  close(): void {
    this.goOffline();
  }

  #tree(localIP: string): Value[] {
    const { identity } = this.#options;
    const tree = {
      $homie: "3.0.1",
      $name: identity.name,
      $localip: localIP,
      $mac: identity.mac,
      "$fw/name": identity.productId,
      "$fw/version": String(identity.firmwareVersion),
      $implementation: identity.implementation,
      $nodes: "charger",
      "charger/$name": "Charger",
      "charger/$type": "charger",
      "charger/$state": "ready",
      "charger/$properties": "status",
      "charger/status/$name": "Status",
      "charger/status/$settable": "false",
      "charger/status/$retained": "true",
      "charger/status/$datatype": "enum",
      "charger/status/$format": STATION_STATUSES.join(","),
      "charger/status": this.#status,
    };
    const values = Object.entries(tree).map(([path, payload]) => ({ path, payload }));
    return [{ path: "$state", payload: "init" }, ...values, { path: "$state", payload: "ready" }];
  }

  #beat(): void {
    const uptimeS = Math.floor((this.#options.clock.monotonicMs() - this.#startedMs) / 1000);
    const topic = `${this.#root}/$heartbeat`;
    this.#options.publish({ topic, payload: String(uptimeS), qos: 0, retain: false });
  }

  #flush(): void {
    if (!this.#online || this.#retry) return;
    for (let value = this.#line[0]; value; value = this.#line[0]) {
      const topic = `${this.#root}/${value.path}`;
      if (!this.#options.publish({ topic, payload: value.payload, qos: 1, retain: true })) {
        this.#retry = this.#options.clock.set(() => {
          this.#retry = undefined;
          this.#flush();
        }, RETRY_MS);
        return;
      }
      this.#line.shift();
    }
  }
}
