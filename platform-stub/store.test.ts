import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FINISHED } from "../host-tests/suites/owners.js";
import { findSQLite } from "../host-tests/suites/sqlite.js";
import type { RegistryData, SessionEntry, TagEntry } from "./entries.js";
import { Registry } from "./registry.js";
import { openSQLiteStore } from "./sqlite-store.js";
import { MAX_NONCES, MemoryStore, type Store } from "./store.js";

const OWNER = "owner@cafe.example";
const OTHER = "other@bar.example";
const KEY = "0f".repeat(32);
const PROVED = "ka5tqgx2m7bd4wzn";
const SECRET = `${"A".repeat(42)}E`;
const CONFIG: RegistryData = {
  users: [
    { email: OWNER, token: "t" },
    { email: OTHER, token: "o", rootTopic: "bar/one" },
  ],
  devices: [
    { id: "cafe-1", owner: OWNER, key: KEY, cipher: "aes-256-gcm" },
    { id: "bar-1", owner: OTHER, key: KEY, cipher: "aes-256-cbc" },
  ],
  tags: [
    { tag: "GUEST-0001", owner: OWNER },
    {
      tag: "GUEST-0002",
      owner: OWNER,
      label: "Žofie's car; DROP TABLE tags",
      stations: [],
      blocked: false,
      maxCurrent: 7.5,
      cacheFor: 0,
    },
    { tag: PROVED, owner: OWNER, accepts: "both", secret: SECRET },
  ],
};

let folder: string;
let file: string;
const opened: Store[] = [];

async function open(): Promise<Store> {
  const store = await openSQLiteStore(file);
  opened.push(store);
  return store;
}

/** Changes the database file with plain SQL. */
async function edit(sql: string): Promise<void> {
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-store-"));
  file = join(folder, "sub", "platform.sqlite");
});

afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

const hasSQLite = await findSQLite();

function session(id: string, fields: Partial<SessionEntry> = {}): SessionEntry {
  return {
    ...FINISHED,
    device: "cafe-1",
    id,
    owner: OWNER,
    accepted: 1000,
    startWh: 100,
    endWh: 160.5,
    ...fields,
  };
}

const STORES: [string, () => Store | Promise<Store>][] = [
  ["in memory", () => new MemoryStore()],
  ...(hasSQLite ? [["in SQLite", open] as [string, typeof open]] : []),
];

describe.each(STORES)("a store %s", (_name, make) => {
  test("returns all stored fields, in the order of insertion", async () => {
    const registry = new Registry(CONFIG, { store: await make() });
    expect(registry.data).toEqual(CONFIG);
    const changed: TagEntry = { tag: "GUEST-0001", owner: OTHER, blocked: true };
    registry.putTag(changed);
    expect(registry.tags).toEqual([changed, CONFIG.tags[1], { tag: PROVED, owner: OWNER, accepts: "both" }]);
    registry.deleteTag("GUEST-0001");
    expect(registry.tag("GUEST-0001")).toBeUndefined();
    registry.putSetting("a", "1");
    registry.putSetting("a", "2");
    expect(registry.setting("a")).toBe("2");
    expect(registry.setting("b")).toBeUndefined();
  });

  test("stores each session once, keeps its position and lists the newest first", async () => {
    const { sessions } = await make();
    const disputed = session("one", { device: "cafe-2", isDisputed: true });
    sessions.put(session("one"));
    sessions.put(session("one", { device: "cafe-2" }));
    sessions.put(session("two", { start: 1, end: 2 }));
    sessions.put(disputed);
    expect(sessions.get("cafe-2", "one")).toEqual(disputed);
    expect(sessions.get("cafe-2", "two")).toBeUndefined();
    expect(sessions.count).toBe(3);
    expect(sessions.list({ offset: 0, limit: 1 })).toEqual([session("two", { start: 1, end: 2 })]);
    expect(sessions.list({ offset: 1, limit: 9 })).toEqual([disputed, session("one")]);
  });

  test("accepts a nonce of a station once, and again only for the same request", async () => {
    const { nonces } = await make();
    const nonce = { device: "cafe-1", nonce: "0a", request: "1" };
    expect(nonces.use(nonce)).toBe(true);
    expect(nonces.use(nonce)).toBe(true);
    expect(nonces.use({ ...nonce, request: "2" })).toBe(false);
    expect(nonces.use({ ...nonce, device: "cafe-2", request: "2" })).toBe(true);
  });

  test("keeps the latest 1,000 nonces of each station", async () => {
    const store = await make();
    const use = (nonce: number, request = "1") =>
      store.nonces.use({ device: "cafe-1", nonce: String(nonce), request });
    store.nonces.use({ device: "cafe-2", nonce: "0", request: "1" });
    for (let i = 0; i <= MAX_NONCES; i++) use(i);
    expect(use(1, "2")).toBe(false);
    expect(use(MAX_NONCES, "2")).toBe(false);
    expect(use(0, "2")).toBe(true);
    expect(store.nonces.use({ device: "cafe-2", nonce: "0", request: "2" })).toBe(false);
  });

  test("sums the energy of a time span by the start, or by the acceptance of a session without one", async () => {
    const { sessions } = await make();
    sessions.put(session("a", { start: 500, startWh: 0, endWh: 1 }));
    sessions.put(session("b", { accepted: 500, startWh: 0, endWh: 2 }));
    sessions.put(session("c", { start: 600, startWh: 0, endWh: 4 }));
    sessions.put(session("d", { start: 550, startWh: 8, endWh: 0 }));
    expect(sessions.energyWh({ fromS: 500, toS: 600 })).toBe(3);
    expect(sessions.energyWh({ fromS: 0, toS: 500 })).toBe(0);
  });

  test("reverts a transaction that fails halfway", async () => {
    const registry = new Registry(CONFIG, { store: await make() });
    const tags = [
      { tag: "GUEST-0003", owner: OWNER },
      { tag: "GUEST-0001", owner: OTHER },
      { tag: "GUEST-0004", owner: "nobody@cafe.example" },
    ];
    expect(() => registry.putTags(tags)).toThrow("is not a user");
    expect(registry.data).toEqual(CONFIG);
  });
});

(hasSQLite ? describe : describe.skip)("an SQLite file", () => {
  test("keeps everything across a restart and is readable only by its owner", async () => {
    const registry = new Registry(CONFIG, { store: await open(), now: () => 5000 });
    registry.acceptSession(session("one"));
    registry.acceptTransfer({ owner: OTHER, device: "cafe-1" });
    registry.acceptTransfer({ owner: OWNER, device: "bar-1" });
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    registry.useNonce({ device: "cafe-1", nonce: "0a", request: "1" });
    for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    opened.pop()?.close();
    const again = new Registry(undefined, { store: await open(), now: () => 5000 });
    expect(again.data).toEqual(CONFIG);
    expect(again.sessions()).toEqual([session("one")]);
    expect(again.useNonce({ device: "cafe-1", nonce: "0a", request: "2" })).toBe(false);
    expect(again.offeredTo("cafe-1")?.email).toBe(OTHER);
    expect(again.acceptances).toEqual([
      { owner: OTHER, device: "cafe-1", until: 3605 },
      { owner: OWNER, device: "bar-1", until: 3605 },
    ]);
    expect(again.completeTransfer("cafe-1", "bar/one")).toMatchObject({ owner: OTHER, token: "t" });
    expect(again.device("cafe-1")).toEqual({ ...CONFIG.devices[0], owner: OTHER, token: "t" });
  });

  test("is shared by two stubs", async () => {
    const one = new Registry(CONFIG, { store: await open() });
    const two = new Registry(undefined, { store: await open() });
    one.putTag({ tag: "GUEST-0001", owner: OWNER, blocked: true });
    expect(two.tag("GUEST-0001")?.blocked).toBe(true);
    two.acceptSession(session("one"));
    one.acceptSession(session("one", { endWh: 999 }));
    expect(two.sessions()).toEqual([session("one", { isDisputed: true })]);
  });

  test("that is not a database is refused and not changed", async () => {
    file = join(folder, "letters.txt");
    writeFileSync(file, "Dear café,\n".repeat(1000), { mode: 0o644 });
    await expect(openSQLiteStore(file)).rejects.toThrow("name another file with --database");
    expect(readFileSync(file, "utf8")).toBe("Dear café,\n".repeat(1000));
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test("of another program, or of a newer version, is refused", async () => {
    const { DatabaseSync } = await import("@photostructure/sqlite");
    file = join(folder, "other.sqlite");
    const other = new DatabaseSync(file);
    other.exec("CREATE TABLE bookmarks (url TEXT)");
    other.close();
    await expect(openSQLiteStore(file)).rejects.toThrow("another program's database");
    file = join(folder, "newer.sqlite");
    await open();
    opened.pop()?.close();
    const newer = new DatabaseSync(file);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await expect(openSQLiteStore(file)).rejects.toThrow("newer version");
  });

  test("of the first version is migrated with its data", async () => {
    const plain = { ...CONFIG, tags: CONFIG.tags.slice(0, 2) };
    new Registry(plain, { store: await open() }).acceptSession(session("one"));
    opened.pop()?.close();
    await edit("ALTER TABLE devices DROP COLUMN password; ALTER TABLE devices DROP COLUMN next_key");
    await edit("ALTER TABLE sessions DROP COLUMN meter_fault; ALTER TABLE sessions DROP COLUMN signed");
    await edit("DROP TABLE consents; ALTER TABLE sessions DROP COLUMN disputed; PRAGMA user_version = 1");
    await edit("DROP TABLE secrets; DROP TABLE nonces; ALTER TABLE tags DROP COLUMN accepts");
    const registry = new Registry(undefined, { store: await open() });
    expect(registry.data).toEqual(plain);
    registry.putTag({ tag: PROVED, owner: OWNER, accepts: "proof", secret: SECRET });
    expect(registry.cardFile(PROVED)?.secret).toBe(SECRET);
    expect(registry.sessions()).toEqual([session("one")]);
    registry.acceptTransfer({ owner: OWNER, device: "cafe-1" });
    expect(registry.acceptances).toHaveLength(1);
  });

  test("that lacks a table or a column is refused with an error that names it", async () => {
    await open();
    opened.pop()?.close();
    await edit("DROP TABLE offers; ALTER TABLE tags DROP COLUMN cache_for");
    await expect(openSQLiteStore(file)).rejects.toThrow(
      `${file} lacks tags.cache_for, offers.device, offers.owner, offers.token, offers.until: restore a backup`,
    );
  });

  test.each([
    ["in the middle", (bytes: Buffer) => bytes.fill(0xff, 8192, 20_000)],
    ["in its schema", (bytes: Buffer) => bytes.fill(0xff, 120, 4000)],
    ["by truncation", (bytes: Buffer) => bytes.subarray(0, 9000)],
  ])("that is damaged %s is refused by name and not changed", async (_name, damage) => {
    const tags = Array.from({ length: 500 }, (_, i) => ({ tag: `CARD-${i}`, owner: OWNER }));
    new Registry(CONFIG, { store: await open() }).putTags(tags);
    opened.pop()?.close();
    await edit("PRAGMA wal_checkpoint(TRUNCATE)");
    const bytes = damage(readFileSync(file));
    writeFileSync(file, bytes);
    await expect(openSQLiteStore(file)).rejects.toThrow(file);
    await expect(openSQLiteStore(file)).rejects.toThrow("name another file with --database");
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test("that another program locks fails quickly with a remedy, and works once it is unlocked", async () => {
    const registry = new Registry(CONFIG, { store: await open() });
    const { DatabaseSync } = await import("@photostructure/sqlite");
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const startMs = performance.now();
    expect(() => registry.acceptSession(session("one"))).toThrow(
      `the database ${file} failed (database is locked): another program keeps it locked; stop that program`,
    );
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect(registry.tag("GUEST-0001")).toEqual(CONFIG.tags[0]);
    other.exec("ROLLBACK");
    other.close();
    registry.acceptSession(session("one"));
    expect(registry.sessions()).toEqual([session("one")]);
  });

  test("in a folder that cannot be created is refused", async () => {
    writeFileSync(join(folder, "sub"), "");
    await expect(openSQLiteStore(file)).rejects.toThrow("name another file with --database");
    expect(existsSync(file)).toBe(false);
  });
});

describe("a registry with a configuration file", () => {
  function configured(): Registry {
    const registry = new Registry();
    registry.applyConfiguration(CONFIG);
    return registry;
  }

  test("keeps run-time changes when the file is unchanged", () => {
    const registry = configured();
    registry.putTag({ tag: "GUEST-0001", owner: OWNER, blocked: true });
    registry.deleteTag("GUEST-0002");
    registry.putTag({ tag: "SWIPED-01", owner: OWNER });
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    registry.completeTransfer("cafe-1", "bar/one");
    registry.applyConfiguration(CONFIG);
    expect(registry.tags).toEqual([
      { tag: "GUEST-0001", owner: OWNER, blocked: true },
      { tag: PROVED, owner: OWNER, accepts: "both" },
      { tag: "SWIPED-01", owner: OWNER },
    ]);
    expect(registry.device("cafe-1")?.owner).toBe(OTHER);
  });

  test("applies added, changed and removed entries of the file", () => {
    const registry = configured();
    registry.putTag({ tag: "SWIPED-01", owner: OWNER, label: "by a station" });
    registry.applyConfiguration({
      users: CONFIG.users,
      devices: CONFIG.devices.slice(1),
      tags: [
        { tag: "GUEST-0001", owner: OWNER, blocked: true },
        { tag: "SWIPED-01", owner: OWNER, blocked: true },
      ],
    });
    expect(registry.devices.map(({ id }) => id)).toEqual(["bar-1"]);
    expect(registry.tags).toEqual([
      { tag: "GUEST-0001", owner: OWNER, blocked: true },
      { tag: "SWIPED-01", owner: OWNER, blocked: true },
    ]);
  });

  test("keeps a secret that was replaced at run time, until the file has another one", () => {
    const registry = configured();
    registry.replaceSecret(PROVED);
    const replaced = registry.cardFile(PROVED)?.secret;
    const withCard = (card: object) => {
      registry.applyConfiguration({ ...CONFIG, tags: [{ tag: PROVED, owner: OWNER, ...card }] });
      return registry.cardFile(PROVED)?.secret;
    };
    expect(replaced).not.toBe(SECRET);
    expect(withCard({ accepts: "proof", secret: SECRET, label: "Anna" })).toBe(replaced);
    const other = `${"B".repeat(42)}E`;
    expect(withCard({ accepts: "proof", secret: other })).toBe(other);
    expect(withCard({})).toBeUndefined();
  });

  test("removes the cards and stations of a user who is removed from the file", () => {
    const registry = configured();
    registry.putTag({ tag: "SWIPED-01", owner: OTHER });
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    registry.completeTransfer("cafe-1", "bar/one");
    registry.applyConfiguration({
      ...CONFIG,
      users: CONFIG.users.slice(0, 1),
      devices: CONFIG.devices.slice(0, 1),
    });
    expect(registry.data).toEqual({
      users: CONFIG.users.slice(0, 1),
      devices: CONFIG.devices.slice(0, 1),
      tags: CONFIG.tags,
    });
  });

  test("refuses another platform's file and an empty one without losing data", () => {
    const registry = configured();
    registry.putTag({ tag: "SWIPED-01", owner: OWNER });
    const before = registry.data;
    const other: RegistryData = { users: [{ email: "who@else.example", token: "x" }], devices: [], tags: [] };
    for (const data of [other, { users: [], devices: [], tags: [] }]) {
      expect(() => registry.applyConfiguration(data)).toThrow("belongs to another configuration");
      expect(registry.data).toEqual(before);
    }
  });

  test("refuses an invalid file and changes nothing", () => {
    const registry = configured();
    expect(() => registry.applyConfiguration({ ...CONFIG, users: [] })).toThrow("who is not a user");
    expect(registry.data).toEqual(CONFIG);
  });
});
