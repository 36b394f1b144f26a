/** The registry's store in an SQLite file, so that it survives a restart (docs/decisions/008). */

import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import type { DeviceEntry, SessionEntry, TagEntry, User } from "./registry.js";
import type { Configured, Offer, Sessions, Setting, Store, Table } from "./store.js";

type Value = string | number | null;
type Row = Record<string, Value>;

/** "PLUG", in the file's header: what tells our files from others' (sqlite.org/fileformat2.html, 1.3). */
const APPLICATION_ID = 0x504c5547;
const VERSION = 1;
/** Another stub on the same file has as long for its write. */
const BUSY_MS = 5000;

const SCHEMA = `
  CREATE TABLE users (email TEXT PRIMARY KEY, token TEXT NOT NULL, root_topic TEXT) STRICT;
  CREATE TABLE devices (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, key TEXT NOT NULL, cipher TEXT NOT NULL, token TEXT
  ) STRICT;
  -- stations: a JSON array of device ids; NULL: all of the owner's.
  CREATE TABLE tags (
    tag TEXT PRIMARY KEY, owner TEXT NOT NULL, label TEXT, stations TEXT, blocked INTEGER,
    max_current REAL, cache_for INTEGER
  ) STRICT;
  CREATE TABLE offers (
    device TEXT PRIMARY KEY, owner TEXT NOT NULL, token TEXT NOT NULL, until INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE configured (name TEXT PRIMARY KEY, entry TEXT NOT NULL) STRICT;
  -- start, end, accepted: seconds since 1970-01-01 UTC. tag: SHA-256.
  CREATE TABLE sessions (
    device TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, accepted INTEGER NOT NULL,
    tag TEXT NOT NULL, tag_end TEXT NOT NULL, method TEXT NOT NULL, start INTEGER, end INTEGER,
    seconds INTEGER NOT NULL, start_wh REAL NOT NULL, end_wh REAL NOT NULL, why TEXT NOT NULL,
    UNIQUE (device, id)
  ) STRICT;
  CREATE INDEX sessions_by_day ON sessions (coalesce(start, accepted));
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/**
 * Opens the file, or makes it, for its owner's eyes only. Rejects with a sentence when there is no driver for this
 * machine, and when the file is something else; it is then left as it is.
 */
export async function openSQLiteStore(file: string): Promise<Store> {
  const { DatabaseSync } = await loadDriver();
  let database: DatabaseSyncInstance | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a", 0o600));
    database = new DatabaseSync(file);
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    prepareSchema(database, file);
    // SQLite gives its further files the mode of this one.
    chmodSync(file, 0o600);
    // What was answered as accepted is on the disk.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return new SQLiteStore(database);
  } catch (error) {
    database?.close();
    throw isOfSystem(error) ? new Error(whyNot(file, error)) : error;
  }
}

/** It is an optional dependency: npm leaves it out where there is no build of it. */
async function loadDriver(): Promise<typeof import("@photostructure/sqlite")> {
  try {
    return await import("@photostructure/sqlite");
  } catch {
    throw new Error("SQLite's driver is not installed for this machine; run npm ci, or use --memory");
  }
}

function prepareSchema(database: DatabaseSyncInstance, file: string): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const applicationId = pragma(database, "application_id");
    const version = pragma(database, "user_version");
    const isEmpty = pragma(database, "schema_version") === 0;
    if (!isEmpty && applicationId !== APPLICATION_ID) {
      throw new Error(`${file} is another program's database; name another file with --database`);
    }
    if (version > VERSION) throw new Error(`${file} was written by a newer version of this program`);
    if (isEmpty) database.exec(SCHEMA);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

function pragma(database: DatabaseSyncInstance, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number> | undefined;
  return row?.[name] ?? 0;
}

/** Node's, or SQLite's. */
function isOfSystem(error: unknown): error is Error {
  return typeof error === "object" && error !== null && "code" in error;
}

function whyNot(file: string, { message }: Error): string {
  return `${file} cannot be the database (${message}); name another file with --database, or use --memory`;
}

class SQLiteStore implements Store {
  readonly users: Table<User>;
  readonly devices: Table<DeviceEntry>;
  readonly tags: Table<TagEntry>;
  readonly offers: Table<Offer>;
  readonly settings: Table<Setting>;
  readonly configured: Table<Configured>;
  readonly sessions: Sessions;
  #database: DatabaseSyncInstance;

  constructor(database: DatabaseSyncInstance) {
    this.#database = database;
    this.users = new SQLiteTable<User>(database, {
      name: "users",
      key: "email",
      toRow: ({ email, token, rootTopic = null }) => ({ email, token, root_topic: rootTopic }),
      fromRow: ({ root_topic, ...row }) => compact({ ...row, rootTopic: root_topic }),
    });
    this.devices = new SQLiteTable<DeviceEntry>(database, {
      name: "devices",
      key: "id",
      toRow: ({ token = null, ...device }) => ({ ...device, token }),
      fromRow: compact,
    });
    this.tags = new SQLiteTable<TagEntry>(database, {
      name: "tags",
      key: "tag",
      toRow: tagToRow,
      fromRow: tagFromRow,
    });
    this.offers = new SQLiteTable<Offer>(database, { name: "offers", key: "device", ...asItIs() });
    this.settings = new SQLiteTable<Setting>(database, { name: "settings", key: "name", ...asItIs() });
    this.configured = new SQLiteTable<Configured>(database, { name: "configured", key: "name", ...asItIs() });
    this.sessions = new SQLiteSessions(database);
  }

  transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

interface Mapping<T> {
  readonly name: string;
  /** The column of the key. */
  readonly key: string;
  toRow(entry: T): Row;
  fromRow(row: Row): T;
}

/** Entries whose fields are the columns. */
function asItIs<T extends object>(): Pick<Mapping<T>, "toRow" | "fromRow"> {
  return { toRow: (entry) => ({ ...entry }) as Row, fromRow: (row) => ({ ...row }) as T };
}

class SQLiteTable<T> implements Table<T> {
  #database: DatabaseSyncInstance;
  #mapping: Mapping<T>;
  #statements = new Map<string, StatementSyncInstance>();

  constructor(database: DatabaseSyncInstance, mapping: Mapping<T>) {
    this.#database = database;
    this.#mapping = mapping;
  }

  get(key: string): T | undefined {
    const { name, key: column, fromRow } = this.#mapping;
    const row = this.#prepare(`SELECT * FROM ${name} WHERE ${column} = ?`).get(key);
    return row && fromRow(row as Row);
  }

  all(): T[] {
    const { name, fromRow } = this.#mapping;
    return (this.#prepare(`SELECT * FROM ${name} ORDER BY rowid`).all() as Row[]).map((row) => fromRow(row));
  }

  put(entry: T): void {
    const { name, key, toRow } = this.#mapping;
    const row = toRow(entry);
    const columns = Object.keys(row);
    const places = columns.map(() => "?").join();
    const changes = columns.map((column) => `${column} = excluded.${column}`).join();
    const insert = `INSERT INTO ${name} (${columns.join()}) VALUES (${places})`;
    this.#prepare(`${insert} ON CONFLICT (${key}) DO UPDATE SET ${changes}`).run(...Object.values(row));
  }

  delete(key: string): void {
    const { name, key: column } = this.#mapping;
    this.#prepare(`DELETE FROM ${name} WHERE ${column} = ?`).run(key);
  }

  #prepare(sql: string): StatementSyncInstance {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

class SQLiteSessions implements Sessions {
  #insert: StatementSyncInstance;
  #count: StatementSyncInstance;
  #list: StatementSyncInstance;
  #energy: StatementSyncInstance;

  constructor(database: DatabaseSyncInstance) {
    this.#insert = database.prepare(
      "INSERT INTO sessions (device, id, owner, accepted, tag, tag_end, method, start, end, seconds, start_wh," +
        " end_wh, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#count = database.prepare("SELECT count(*) AS count FROM sessions");
    this.#list = database.prepare("SELECT * FROM sessions ORDER BY rowid DESC LIMIT ? OFFSET ?");
    this.#energy = database.prepare(
      "SELECT total(max(0, end_wh - start_wh)) AS wh FROM sessions" +
        " WHERE coalesce(start, accepted) >= ? AND coalesce(start, accepted) < ?",
    );
  }

  insert(session: SessionEntry): boolean {
    const { device, id, owner, accepted, tag, tagEnd, method } = session;
    const { start, end, seconds, startWh, endWh, why } = session;
    const values = [
      device,
      id,
      owner,
      accepted,
      tag,
      tagEnd,
      method,
      start,
      end,
      seconds,
      startWh,
      endWh,
      why,
    ];
    return this.#insert.run(...values).changes === 1;
  }

  get count(): number {
    return (this.#count.get() as { count: number }).count;
  }

  list({ offset, limit }: { offset: number; limit: number }): SessionEntry[] {
    return (this.#list.all(limit, offset) as Row[]).map(({ tag_end, start_wh, end_wh, ...row }) => {
      const session = { ...row, tagEnd: tag_end, startWh: start_wh, endWh: end_wh };
      return session as unknown as SessionEntry;
    });
  }

  energyWh({ fromS, toS }: { fromS: number; toS: number }): number {
    return (this.#energy.get(fromS, toS) as { wh: number }).wh;
  }
}

function tagToRow({ tag, owner, label, stations, blocked, maxCurrent, cacheFor }: TagEntry): Row {
  return {
    tag,
    owner,
    label: label ?? null,
    stations: stations ? JSON.stringify(stations) : null,
    blocked: blocked === undefined ? null : Number(blocked),
    max_current: maxCurrent ?? null,
    cache_for: cacheFor ?? null,
  };
}

function tagFromRow({ stations, blocked, max_current, cache_for, ...row }: Row): TagEntry {
  return compact({
    ...row,
    stations: stations === null ? null : JSON.parse(String(stations)),
    blocked: blocked === null ? null : blocked === 1,
    maxCurrent: max_current,
    cacheFor: cache_for,
  });
}

/** Without the fields that there are none of: a column has NULL there, an entry has nothing. */
function compact<T>(fields: Record<string, unknown>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}
