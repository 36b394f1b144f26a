/** A Telemetry with a recording client, for the tests of modules/telemetry. */

import { encodeUTF8 } from "../../../modules/bytes/index.js";
import {
  type HomieDevice,
  type Property,
  Telemetry,
  type TelemetryMessage,
} from "../../../modules/telemetry/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";

export const IDENTITY = {
  deviceId: "cafe-1",
  mac: "a4:cf:12:00:00:01",
  implementation: "virtual",
  productId: "plugpass",
  firmwareVersion: 1,
};
/** Levels of the topics. */
export const OWNED = { user: "owner", deviceId: IDENTITY.deviceId };
export const ROOT = "owner/sweet-home/cafe-1";
export const HEARTBEAT_MS = 10_000;

export type Values = Record<string, string | number | undefined>;

/** A property whose value the test sets. */
export function property(id: string): Property<Values, Values> {
  return { id, name: id, datatype: "integer", value: (snapshot) => snapshot[id] };
}

export function settable(id: string): Property<Values, Values> {
  return {
    ...property(id),
    format: "0:9",
    set: (commands, text) => {
      if (text === "9") return { code: "too-many", message: "nine is too many" };
      commands[id] = Number(text);
      return undefined;
    },
  };
}

export const DEVICE: HomieDevice<Values, Values> = {
  nodes: [
    { id: "node", name: "Node", type: "node", properties: [property("a"), settable("b")] },
    { id: "more", name: "More", type: "node", properties: [property("c")] },
  ],
  options: [settable("d")],
  telemetry: [property("e")],
  stats: [property("uptime")],
};

/** Telemetry to a broker that stores retained messages. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly values: Values = { a: 1, b: 2, c: 3, d: 4, e: 5, uptime: 6 };
  /** Messages since the last look, and their times in ms. */
  readonly sent: TelemetryMessage[] = [];
  readonly sentAtMs: number[] = [];
  readonly retained = new Map<string, string>();
  /** Number of messages that the outbox still accepts. */
  room = Number.POSITIVE_INFINITY;
  readonly telemetry: Telemetry<Values, Values>;

  constructor(device: HomieDevice<Values, Values> = DEVICE) {
    this.telemetry = new Telemetry({
      clock: this.clock,
      user: "owner",
      name: "Café",
      identity: IDENTITY,
      device,
      source: { snapshot: this.values, commands: this.values },
      outlet: { publishTelemetry: (message) => this.#publish(message) },
    });
  }

  #publish(message: TelemetryMessage): boolean {
    if (this.room <= 0) return false;
    this.room--;
    this.sent.push(message);
    this.sentAtMs.push(this.clock.monotonicMs());
    if (message.retain && message.payload === "") this.retained.delete(message.topic);
    else if (message.retain) this.retained.set(message.topic, message.payload);
    return true;
  }

  /** Publishes the device after a connection. */
  goOnline(): void {
    this.telemetry.goOnline("192.168.1.10");
    this.clock.advance(5000);
    this.look();
  }

  /** Changes values, and reports the change. */
  set(values: Values): void {
    Object.assign(this.values, values);
    this.telemetry.update();
  }

  receive(path: string, payload: string | Uint8Array<ArrayBuffer>): boolean {
    return this.telemetry.receive(
      `${ROOT}/${path}`,
      typeof payload === "string" ? encodeUTF8(payload) : payload,
    );
  }

  /** Returns topics below the root and payloads since the last look. */
  look(): string[] {
    const lines = this.sent.map(({ topic, payload }) => `${topic.replace(`${ROOT}/`, "")} ${payload}`);
    this.sent.length = 0;
    this.sentAtMs.length = 0;
    return lines;
  }
}
