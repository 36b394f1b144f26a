/** The registry's store in an SQLite file, so that it survives a restart (docs/decisions/008). */

import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSyncInstance, StatementSyncInstance } from "@photostructure/sqlite";
import type { DeviceEntry, SessionEntry, TagEntry, User } from "./entries.js";
import {
  type Acceptance,
  type CardSecret,
  type Configured,
  MAX_NONCES,
  type Nonces,
  type Offer,
  type Sessions,
  type Setting,
  type Store,
  type Table,
  type UsedNonce,
} from "./store.js";

type Driver = typeof import("@photostructure/sqlite");
type Value = string | number | null;
type Row = Record<string, Value>;

/** "PLUG" in the file's header: identifies the stub's files (sqlite.org/fileformat2.html, 1.3). */
const APPLICATION_ID = 0x504c5547;
/** Timeout for another program's write while the file is opened, ms. */
const OPENING_BUSY_MS = 5000;
/** Timeout for another program's write while stations are served, ms. */
const BUSY_MS = 250;

/** Migrations: each converts the file from the previous version. */
const STEPS = [
  `
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
`,
  `
  CREATE TABLE consents (owner TEXT PRIMARY KEY, device TEXT, until INTEGER NOT NULL) STRICT;
  -- 1: the station reported the session again with other values.
  ALTER TABLE sessions ADD COLUMN disputed INTEGER;
`,
  `
  ALTER TABLE tags ADD COLUMN accepts TEXT;
  CREATE TABLE secrets (tag TEXT PRIMARY KEY, secret TEXT NOT NULL) STRICT;
  -- request: id of the request that presented the nonce.
  CREATE TABLE nonces (
    device TEXT NOT NULL, nonce TEXT NOT NULL, request TEXT NOT NULL, UNIQUE (device, nonce)
  ) STRICT;
  CREATE INDEX nonces_by_device ON nonces (device);
`,
  `
  -- password: of the station's own account at the broker. next_key: the response key that replaces key.
  ALTER TABLE devices ADD COLUMN password TEXT;
  ALTER TABLE devices ADD COLUMN next_key TEXT;
`,
  `
  -- meter_fault: code of a fault of metering. signed: the meter's signed data.
  ALTER TABLE sessions ADD COLUMN meter_fault TEXT;
  ALTER TABLE sessions ADD COLUMN signed TEXT;
`,
];

/**
 * Opens a database file, or creates it, readable only by its owner. Rejects when the driver is not installed, and when
 * the file is damaged or not a database of the stub. A refused file is not changed.
 */
export async function openSQLiteStore(file: string): Promise<Store> {
  const driver = await loadDriver();
  let database: DatabaseSyncInstance | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a", 0o600));
    database = new driver.DatabaseSync(file);
    database.exec(`PRAGMA busy_timeout = ${OPENING_BUSY_MS}`);
    refuseForeign(database, file);
    refuseDamaged(database, file);
    bringUpToDate(database);
    refuseIncomplete(database, file, driver);
    // SQLite creates its other files with the mode of this one.
    chmodSync(file, 0o600);
    // A session must be on the disk before it is answered with `accepted`.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    return new SQLiteStore(new Connection(database, file));
  } catch (error) {
    database?.close();
    throw isOfSystem(error)
      ? new Error(`cannot open the database ${file} (${error.message}): ${remedyFor(error)}, or use --memory`)
      : error;
  }
}

/** Loads the driver. It is an optional dependency, which npm omits on machines without a build of it. */
async function loadDriver(): Promise<Driver> {
  try {
    return await import("@photostructure/sqlite");
  } catch {
    throw new Error("SQLite's driver is not installed for this machine; run npm ci, or use --memory");
  }
}

function refuseForeign(database: DatabaseSyncInstance, file: string): void {
  const isEmpty = pragma(database, "schema_version") === 0;
  if (!isEmpty && pragma(database, "application_id") !== APPLICATION_ID) {
    throw new Error(`${file} is another program's database; name another file with --database`);
  }
  if (pragma(database, "user_version") > STEPS.length) {
    throw new Error(`${file} was written by a newer version of this program; run the newer version`);
  }
}

function refuseDamaged(database: DatabaseSyncInstance, file: string): void {
  const [first] = database.prepare("PRAGMA quick_check(1)").all() as { quick_check: string }[];
  if (first?.quick_check === "ok") return;
  throw new Error(`${file} is damaged (${first?.quick_check}): ${RESTORE}`);
}

function bringUpToDate(database: DatabaseSyncInstance): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of STEPS.slice(pragma(database, "user_version"))) database.exec(step);
    database.exec(`PRAGMA user_version = ${STEPS.length}; COMMIT`);
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** Throws when a table or column is missing. Without the check only the first request that needs it would fail. */
function refuseIncomplete(database: DatabaseSyncInstance, file: string, { DatabaseSync }: Driver): void {
  const whole = new DatabaseSync(":memory:");
  for (const step of STEPS) whole.exec(step);
  const existing = columnsOf(database);
  const missing = columnsOf(whole).filter((column) => !existing.includes(column));
  whole.close();
  if (missing.length > 0) throw new Error(`${file} lacks ${missing.join(", ")}: ${RESTORE}`);
}

/** All columns of the database, as `<table>.<column>`. */
function columnsOf(database: DatabaseSyncInstance): string[] {
  const sql =
    "SELECT tables.name || '.' || columns.name AS name FROM sqlite_schema AS tables," +
    " pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'";
  return (database.prepare(sql).all() as { name: string }[]).map(({ name }) => name);
}

function pragma(database: DatabaseSyncInstance, name: string): number {
  const row = database.prepare(`PRAGMA ${name}`).get() as Record<string, number> | undefined;
  return row?.[name] ?? 0;
}

/** Rolls back a transaction. When the disk is full, SQLite has already done so. */
function rollBack(database: DatabaseSyncInstance): void {
  if (database.isTransaction) database.exec("ROLLBACK");
}

/** Whether an error is from Node or SQLite. */
function isOfSystem(error: unknown): error is Error & { readonly errcode?: number } {
  return typeof error === "object" && error !== null && "code" in error;
}

const RESTORE = "restore a backup of it, or name another file with --database";
/** Remedies by SQLite's result code (sqlite.org/rescode.html). */
const REMEDIES: ReadonlyMap<number | undefined, string> = new Map([
  [5, "another program keeps it locked; stop that program"],
  [11, RESTORE],
  [13, "free space on its disk"],
]);

function remedyFor({ errcode }: { readonly errcode?: number }): string {
  return REMEDIES.get(errcode) ?? "check the file and its disk, or name another file with --database";
}

/** A connection to the open file. Adds the file's name and a remedy to SQLite's errors. */
class Connection {
  readonly #database: DatabaseSyncInstance;
  readonly #file: string;
  readonly #statements = new Map<string, StatementSyncInstance>();

  constructor(database: DatabaseSyncInstance, file: string) {
    this.#database = database;
    this.#file = file;
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#try(() => this.#prepare(sql).get(...values) as Row | undefined);
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#try(() => this.#prepare(sql).all(...values) as Row[]);
  }

  run(sql: string, ...values: Value[]): void {
    this.#try(() => this.#prepare(sql).run(...values));
  }

  transaction<T>(work: () => T): T {
    return this.#try(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        rollBack(this.#database);
        throw error;
      }
    });
  }

  close(): void {
    this.#database.close();
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isOfSystem(error)) throw error;
      throw new Error(`the database ${this.#file} failed (${error.message}): ${remedyFor(error)}`);
    }
  }

  #prepare(sql: string): StatementSyncInstance {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

class SQLiteStore implements Store {
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
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.users = new SQLiteTable<User>(connection, {
      name: "users",
      key: "email",
      toRow: ({ email, token, rootTopic = null }) => ({ email, token, root_topic: rootTopic }),
      fromRow: ({ root_topic, ...row }) => compact({ ...row, rootTopic: root_topic }),
    });
    this.devices = new SQLiteTable<DeviceEntry>(connection, {
      name: "devices",
      key: "id",
      toRow: ({ token = null, password = null, nextKey = null, ...device }) => ({
        ...device,
        token,
        password,
        next_key: nextKey,
      }),
      fromRow: ({ next_key, ...row }) => compact({ ...row, nextKey: next_key }),
    });
    this.tags = new SQLiteTable<TagEntry>(connection, {
      name: "tags",
      key: "tag",
      toRow: tagToRow,
      fromRow: tagFromRow,
    });
    this.secrets = new SQLiteTable<CardSecret>(connection, { name: "secrets", key: "tag", ...unmapped() });
    this.nonces = new SQLiteNonces(connection);
    this.offers = new SQLiteTable<Offer>(connection, { name: "offers", key: "device", ...unmapped() });
    this.acceptances = new SQLiteTable<Acceptance>(connection, {
      name: "consents",
      key: "owner",
      ...unmapped(),
    });
    this.settings = new SQLiteTable<Setting>(connection, { name: "settings", key: "name", ...unmapped() });
    this.configured = new SQLiteTable<Configured>(connection, {
      name: "configured",
      key: "name",
      ...unmapped(),
    });
    this.sessions = new SQLiteSessions(connection);
  }

  transaction<T>(work: () => T): T {
    return this.#connection.transaction(work);
  }

  close(): void {
    this.#connection.close();
  }
}

/** Conversion between entries and rows of a table. */
interface Mapping<T> {
  readonly name: string;
  /** Name of the key's column. */
  readonly key: string;
  toRow(entry: T): Row;
  fromRow(row: Row): T;
}

/** The mapping of entries whose fields are the columns. */
function unmapped<T extends object>(): Pick<Mapping<T>, "toRow" | "fromRow"> {
  return { toRow: (entry) => ({ ...entry }) as Row, fromRow: (row) => ({ ...row }) as T };
}

class SQLiteTable<T> implements Table<T> {
  readonly #connection: Connection;
  readonly #mapping: Mapping<T>;

  constructor(connection: Connection, mapping: Mapping<T>) {
    this.#connection = connection;
    this.#mapping = mapping;
  }

  get(key: string): T | undefined {
    const { name, key: column, fromRow } = this.#mapping;
    const row = this.#connection.get(`SELECT * FROM ${name} WHERE ${column} = ?`, key);
    return row && fromRow(row);
  }

  all(): T[] {
    const { name, fromRow } = this.#mapping;
    return this.#connection.all(`SELECT * FROM ${name} ORDER BY rowid`).map((row) => fromRow(row));
  }

  put(entry: T): void {
    const { name, key, toRow } = this.#mapping;
    upsert(this.#connection, { name, keys: [key], row: toRow(entry) });
  }

  delete(key: string): void {
    const { name, key: column } = this.#mapping;
    this.#connection.run(`DELETE FROM ${name} WHERE ${column} = ?`, key);
  }
}

/** Inserts a row, or updates the one with the same keys. */
function upsert(
  connection: Connection,
  { name, keys, row }: { readonly name: string; readonly keys: readonly string[]; readonly row: Row },
): void {
  const columns = Object.keys(row);
  const places = columns.map(() => "?").join();
  const changes = columns.map((column) => `${column} = excluded.${column}`).join();
  const insert = `INSERT INTO ${name} (${columns.join()}) VALUES (${places})`;
  connection.run(`${insert} ON CONFLICT (${keys.join()}) DO UPDATE SET ${changes}`, ...Object.values(row));
}

class SQLiteNonces implements Nonces {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  use({ device, nonce, request }: UsedNonce): boolean {
    return this.#connection.transaction(() => {
      const before = this.#connection.get(
        "SELECT request FROM nonces WHERE device = ? AND nonce = ?",
        device,
        nonce,
      );
      if (before) return before.request === request;
      upsert(this.#connection, {
        name: "nonces",
        keys: ["device", "nonce"],
        row: { device, nonce, request },
      });
      const kept = "SELECT rowid FROM nonces WHERE device = ? ORDER BY rowid DESC LIMIT ?";
      const sql = `DELETE FROM nonces WHERE device = ? AND rowid NOT IN (${kept})`;
      this.#connection.run(sql, device, device, MAX_NONCES);
      return true;
    });
  }
}

class SQLiteSessions implements Sessions {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get(device: string, id: string): SessionEntry | undefined {
    const row = this.#connection.get("SELECT * FROM sessions WHERE device = ? AND id = ?", device, id);
    return row && sessionFromRow(row);
  }

  put({ tagEnd, startWh, endWh, isDisputed, meterFault, signed, ...session }: SessionEntry): void {
    const disputed = isDisputed ? 1 : null;
    const row: Row = {
      ...session,
      tag_end: tagEnd,
      start_wh: startWh,
      end_wh: endWh,
      disputed,
      meter_fault: meterFault ?? null,
      signed: signed ?? null,
    };
    upsert(this.#connection, { name: "sessions", keys: ["device", "id"], row });
  }

  get count(): number {
    return Number(this.#connection.get("SELECT count(*) AS count FROM sessions")?.count);
  }

  list({ offset, limit }: { offset: number; limit: number }): SessionEntry[] {
    const sql = "SELECT * FROM sessions ORDER BY rowid DESC LIMIT ? OFFSET ?";
    return this.#connection.all(sql, limit, offset).map(sessionFromRow);
  }

  energyWh({ fromS, toS }: { fromS: number; toS: number }): number {
    const sql =
      "SELECT total(max(0, end_wh - start_wh)) AS wh FROM sessions" +
      " WHERE coalesce(start, accepted) >= ? AND coalesce(start, accepted) < ?";
    return Number(this.#connection.get(sql, fromS, toS)?.wh);
  }
}

function sessionFromRow({
  tag_end,
  start_wh,
  end_wh,
  disputed,
  meter_fault,
  signed,
  ...row
}: Row): SessionEntry {
  return {
    ...row,
    tagEnd: tag_end,
    startWh: start_wh,
    endWh: end_wh,
    ...(meter_fault !== null && { meterFault: meter_fault }),
    ...(signed !== null && { signed }),
    ...(disputed === 1 && { isDisputed: true }),
  } as unknown as SessionEntry;
}

function tagToRow({ tag, owner, label, stations, blocked, maxCurrent, cacheFor, accepts }: TagEntry): Row {
  return {
    tag,
    owner,
    label: label ?? null,
    stations: stations ? JSON.stringify(stations) : null,
    blocked: blocked === undefined ? null : Number(blocked),
    max_current: maxCurrent ?? null,
    cache_for: cacheFor ?? null,
    accepts: accepts ?? null,
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

/** Removes fields that are `null`. A column has NULL where an entry omits the field. */
function compact<T>(fields: Record<string, unknown>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}
