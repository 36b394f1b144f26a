/** Where the registry keeps what it knows: a port, and its implementation in memory. `sqlite-store.ts` is the other. */

import type { DeviceEntry, SessionEntry, TagEntry, User } from "./entries.js";

/** Entries with a key each, in the order in which they first came. */
export interface Table<T> {
  get(key: string): T | undefined;
  all(): T[];
  /** Adds an entry, or changes the one with its key. */
  put(entry: T): void;
  delete(key: string): void;
}

/** A device that may come as another owner's. */
export interface Offer {
  readonly device: string;
  /** The e-mail of whom it may come to. */
  readonly owner: string;
  /** The MQTT password with which it comes. */
  readonly token: string;
  /** Seconds since 1970-01-01 UTC. */
  readonly until: number;
}

/** The owner expects a station: one at a time. */
export interface Consent {
  /** The e-mail. */
  readonly owner: string;
  /** Its id; none: whichever asks first. */
  readonly device?: string;
  /** Seconds since 1970-01-01 UTC. */
  readonly until: number;
}

export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** What the configuration file said when it was read last. */
export interface Configured {
  /** `<kind> <key>` */
  readonly name: string;
  /** JSON */
  readonly entry: string;
}

export interface Sessions {
  get(device: string, id: string): SessionEntry | undefined;
  /** Adds a session, or changes the one of that device and id; it keeps its place. */
  put(session: SessionEntry): void;
  readonly count: number;
  /** The newest first, by when they were accepted. */
  list(page: { readonly offset: number; readonly limit: number }): SessionEntry[];
  /** Of the sessions that began in a span of time, or, where the station knew no time, were accepted in it. */
  energyWh(span: { readonly fromS: number; readonly toS: number }): number;
}

export interface Store {
  readonly users: Table<User>;
  readonly devices: Table<DeviceEntry>;
  readonly tags: Table<TagEntry>;
  readonly offers: Table<Offer>;
  readonly consents: Table<Consent>;
  readonly settings: Table<Setting>;
  readonly configured: Table<Configured>;
  readonly sessions: Sessions;
  /** All of what `work` changes, or, when it throws, nothing of it. Not to be nested. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Gone with the process. */
export class MemoryStore implements Store {
  readonly users = new MemoryTable<User>(({ email }) => email);
  readonly devices = new MemoryTable<DeviceEntry>(({ id }) => id);
  readonly tags = new MemoryTable<TagEntry>(({ tag }) => tag);
  readonly offers = new MemoryTable<Offer>(({ device }) => device);
  readonly consents = new MemoryTable<Consent>(({ owner }) => owner);
  readonly settings = new MemoryTable<Setting>(({ name }) => name);
  readonly configured = new MemoryTable<Configured>(({ name }) => name);
  readonly sessions = new MemorySessions();

  transaction<T>(work: () => T): T {
    const tables = [
      this.users,
      this.devices,
      this.tags,
      this.offers,
      this.consents,
      this.settings,
      this.configured,
      this.sessions.table,
    ];
    const restore = tables.map((table) => table.snapshot());
    try {
      return work();
    } catch (error) {
      for (const back of restore) back();
      throw error;
    }
  }

  close(): void {}
}

class MemoryTable<T> implements Table<T> {
  #keyOf: (entry: T) => string;
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

  /** Gives how to come back to what is there now. */
  snapshot(): () => void {
    const before = new Map(this.#entries);
    return () => {
      this.#entries = before;
    };
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
