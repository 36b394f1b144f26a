/** Storage of the registry: the port, and its implementation in memory. `sqlite-store.ts` is the other implementation. */

import type { DeviceEntry, SessionEntry, TagEntry, User } from "./entries.js";

/** Entries by key, in the order in which they were first added. */
export interface Table<T> {
  get(key: string): T | undefined;
  all(): T[];
  /** Adds an entry, or replaces the one with the same key. */
  put(entry: T): void;
  delete(key: string): void;
}

/** A station offered to a new owner. The transfer is complete when the station connects with the new account. */
export interface Offer {
  readonly device: string;
  /** E-mail of the new owner. */
  readonly owner: string;
  /** MQTT password of the station with the new owner. */
  readonly token: string;
  /** Expiry, in seconds since 1970-01-01 UTC. */
  readonly until: number;
}

/** An owner's acceptance of the transfer of one station. An owner has at most one. */
export interface Acceptance {
  /** E-mail of the new owner. */
  readonly owner: string;
  /** Device id of the accepted station. */
  readonly device: string;
  /** Expiry, in seconds since 1970-01-01 UTC. */
  readonly until: number;
}

/** A named value of the platform itself, such as the hash of the admin password. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** An entry of the configuration file as it was last read. */
export interface Configured {
  /** `<kind> <key>`, such as `device cafe-1`. */
  readonly name: string;
  /** The entry as JSON. */
  readonly entry: string;
}

/** Secret of a card that accepts proofs. It has a table of its own, so that no list of cards contains it. */
export interface CardSecret {
  readonly tag: string;
  /** 32 bytes in base64url. */
  readonly secret: string;
}

/** Nonce of a right proof. */
export interface UsedNonce {
  /** Device id of the station that made the nonce. */
  readonly device: string;
  /** 32 hex digits. */
  readonly nonce: string;
  /** Id of the request that presented it. */
  readonly request: string;
}

/**
 * Number of used nonces that are kept for each station; the oldest is forgotten. Only right proofs count, so that a
 * stranger cannot displace them. A station itself accepts a nonce once, and for 30 s.
 */
export const MAX_NONCES = 1000;

/** The nonces of right proofs, by station. They outlast the station's removal, because its id may come back. */
export interface Nonces {
  /** Records a nonce. Returns `false`, and records nothing, when another request has used it. */
  use(nonce: UsedNonce): boolean;
}

/** The finished charging sessions. */
export interface Sessions {
  get(device: string, id: string): SessionEntry | undefined;
  /** Adds a session, or replaces the one with the same device and id without changing its position. */
  put(session: SessionEntry): void;
  readonly count: number;
  /** Returns a page of sessions, the most recently added first. */
  list(page: { readonly offset: number; readonly limit: number }): SessionEntry[];
  /** Energy of the sessions that started in a time span, Wh. A session without a start counts when it was accepted. */
  energyWh(span: { readonly fromS: number; readonly toS: number }): number;
}

/** All tables of the registry, with transactions over them. */
export interface Store {
  readonly users: Table<User>;
  readonly devices: Table<DeviceEntry>;
  readonly tags: Table<TagEntry>;
  readonly secrets: Table<CardSecret>;
  readonly nonces: Nonces;
  readonly offers: Table<Offer>;
  readonly acceptances: Table<Acceptance>;
  readonly settings: Table<Setting>;
  readonly configured: Table<Configured>;
  readonly sessions: Sessions;
  /** Runs `work` atomically: reverts all its changes when it throws. Transactions cannot be nested. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** A store in memory. Its content is lost when the process ends. */
export class MemoryStore implements Store {
  readonly users = new MemoryTable<User>(({ email }) => email);
  readonly devices = new MemoryTable<DeviceEntry>(({ id }) => id);
  readonly tags = new MemoryTable<TagEntry>(({ tag }) => tag);
  readonly secrets = new MemoryTable<CardSecret>(({ tag }) => tag);
  readonly nonces = new MemoryNonces();
  readonly offers = new MemoryTable<Offer>(({ device }) => device);
  readonly acceptances = new MemoryTable<Acceptance>(({ owner }) => owner);
  readonly settings = new MemoryTable<Setting>(({ name }) => name);
  readonly configured = new MemoryTable<Configured>(({ name }) => name);
  readonly sessions = new MemorySessions();

  transaction<T>(work: () => T): T {
    const tables = [
      this.users,
      this.devices,
      this.tags,
      this.secrets,
      this.nonces.table,
      this.offers,
      this.acceptances,
      this.settings,
      this.configured,
      this.sessions.table,
    ];
    const restore = tables.map((table) => table.snapshot());
    try {
      return work();
    } catch (error) {
      for (const revert of restore) revert();
      throw error;
    }
  }

  close(): void {}
}

class MemoryTable<T> implements Table<T> {
  readonly #keyOf: (entry: T) => string;
  #entries = new Map<string, T>();

  constructor(keyOf: (entry: T) => string) {
    this.#keyOf = keyOf;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  all(): T[] {
    return [...this.#entries.values()];
  }

  put(entry: T): void {
    this.#entries.set(this.#keyOf(entry), entry);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns a function that restores the present entries. */
  snapshot(): () => void {
    const before = new Map(this.#entries);
    return () => {
      this.#entries = before;
    };
  }
}

class MemoryNonces implements Nonces {
  readonly table = new MemoryTable<{ readonly device: string; readonly used: readonly UsedNonce[] }>(
    ({ device }) => device,
  );

  use(nonce: UsedNonce): boolean {
    const { device } = nonce;
    const used = this.table.get(device)?.used ?? [];
    const before = used.find((one) => one.nonce === nonce.nonce);
    if (before) return before.request === nonce.request;
    this.table.put({ device, used: [...used, nonce].slice(-MAX_NONCES) });
    return true;
  }
}

class MemorySessions implements Sessions {
  readonly table = new MemoryTable<SessionEntry>(nameOf);

  get(device: string, id: string): SessionEntry | undefined {
    return this.table.get(nameOf({ device, id }));
  }

  put(session: SessionEntry): void {
    this.table.put(session);
  }

  get count(): number {
    return this.table.size;
  }

  list({ offset, limit }: { offset: number; limit: number }): SessionEntry[] {
    return this.table
      .all()
      .reverse()
      .slice(offset, offset + limit);
  }

  energyWh({ fromS, toS }: { fromS: number; toS: number }): number {
    return this.table
      .all()
      .filter(({ start, accepted }) => (start ?? accepted) >= fromS && (start ?? accepted) < toS)
      .reduce((sum, { startWh, endWh }) => sum + Math.max(0, endWh - startWh), 0);
  }
}

function nameOf({ device, id }: Pick<SessionEntry, "device" | "id">): string {
  return `${device} ${id}`;
}
