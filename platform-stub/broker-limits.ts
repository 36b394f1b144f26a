/** Limits of the embedded broker. A device has one connection at a time, because its client id is the device id. */

import { clientAddressOf } from "./client-address.js";

/** Maximum number of connections from an address. Many stations may share one, behind a router. */
export const MAX_CONNECTIONS_PER_ADDRESS = 512;
/** Maximum number of connections from an address that have not logged in. */
export const MAX_WAITING_PER_ADDRESS = 64;
/** Maximum number of topic filters that a station may subscribe to. A station needs 2. */
const MAX_FILTERS = 16;
/** Maximum number of retained topics of a device, and of their bytes together. A station has 200 topics, 25 kB. */
const MAX_RETAINED_TOPICS = 512;
const MAX_RETAINED_BYTES = 128 * 1024;
/** Maximum number of bytes that are stored for a client until it acknowledges them, also while it is away. */
const MAX_QUEUED_BYTES = 256 * 1024;

interface Counts {
  connections: number;
  waiting: number;
}

/** A connection that counts, until `handleClosed`. */
export interface CountedConnection {
  handleLogin(): void;
  handleClosed(): void;
}

/** Counts the connections of each address. */
export class ConnectionLimit {
  readonly #counts = new Map<string, Counts>();

  /** Counts a connection; `undefined` when the address has too many. */
  open(remoteAddress: string | undefined): CountedConnection | undefined {
    const address = clientAddressOf(remoteAddress);
    const counts = this.#counts.get(address) ?? { connections: 0, waiting: 0 };
    if (counts.connections >= MAX_CONNECTIONS_PER_ADDRESS || counts.waiting >= MAX_WAITING_PER_ADDRESS) {
      return undefined;
    }
    this.#counts.set(address, counts);
    counts.connections++;
    counts.waiting++;
    let isWaiting = true;
    const login = () => {
      if (isWaiting) counts.waiting--;
      isWaiting = false;
    };
    return {
      handleLogin: login,
      handleClosed: () => {
        login();
        counts.connections--;
        if (counts.connections === 0) this.#counts.delete(address);
      },
    };
  }
}

interface Retained {
  /** Bytes of topic and payload by topic. */
  readonly topics: Map<string, number>;
  bytes: number;
}

/** Counts the retained topics of each device. */
export class RetainedLimit {
  readonly #devices = new Map<string, Retained>();

  /** Counts a retained message; `false` when the device has too many. An empty payload removes its topic. */
  accepts(deviceId: string, topic: string, payloadBytes: number): boolean {
    const device = this.#devices.get(deviceId) ?? { topics: new Map<string, number>(), bytes: 0 };
    const others = device.bytes - (device.topics.get(topic) ?? 0);
    if (payloadBytes === 0) {
      device.topics.delete(topic);
      device.bytes = others;
      if (device.topics.size === 0) this.#devices.delete(deviceId);
      return true;
    }
    const bytes = topic.length + payloadBytes;
    const isNew = !device.topics.has(topic);
    if ((isNew && device.topics.size >= MAX_RETAINED_TOPICS) || others + bytes > MAX_RETAINED_BYTES)
      return false;
    device.topics.set(topic, bytes);
    device.bytes = others + bytes;
    this.#devices.set(deviceId, device);
    return true;
  }
}

/** Counts the topic filters of a connection. */
export class FilterLimit {
  readonly #filters = new Set<string>();

  /** Counts a filter; `false` when the connection has too many others. */
  accepts(filter: string): boolean {
    if (!this.#filters.has(filter) && this.#filters.size >= MAX_FILTERS) return false;
    this.#filters.add(filter);
    return true;
  }
}

/** Counts the bytes that are stored for each client until it acknowledges them. */
export class QueueLimit {
  readonly #bytes = new Map<string, number>();

  /** Counts a message for a client; `false` when too much is stored for it. */
  accepts(clientId: string, bytes: number): boolean {
    const queued = (this.#bytes.get(clientId) ?? 0) + bytes;
    if (queued > MAX_QUEUED_BYTES) return false;
    this.#bytes.set(clientId, queued);
    return true;
  }

  /** A message is no longer stored. */
  release(clientId: string, bytes: number): void {
    const queued = (this.#bytes.get(clientId) ?? 0) - bytes;
    if (queued > 0) this.#bytes.set(clientId, queued);
    else this.#bytes.delete(clientId);
  }
}
