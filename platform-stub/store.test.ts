import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { findSQLite } from "../host-tests/sqlite.js";
import { Registry, type RegistryData, type SessionEntry, type TagEntry } from "./registry.js";
import { openSQLiteStore } from "./sqlite-store.js";
import { MemoryStore, type Store } from "./store.js";

const OWNER = "owner@cafe.example";
const OTHER = "other@bar.example";
const KEY = "0f".repeat(32);
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
    device: "cafe-1",
    id,
    owner: OWNER,
    accepted: 1000,
    tag: "ab".repeat(32),
    tagEnd: "0001",
    method: "ble",
    start: null,
    end: null,
    seconds: 60,
    startWh: 100,
    endWh: 160.5,
    why: "unplugged",
    ...fields,
  };
}

const STORES: [string, () => Store | Promise<Store>][] = [
  ["in memory", () => new MemoryStore()],
  ...(hasSQLite ? [["in SQLite", open] as [string, typeof open]] : []),
];

describe.each(STORES)("a store %s", (_name, make) => {
  test("gives back what was put, field by field and in its order", async () => {
    const registry = new Registry(CONFIG, { store: await make() });
    expect(registry.data).toEqual(CONFIG);
    const changed: TagEntry = { tag: "GUEST-0001", owner: OTHER, blocked: true };
    registry.putTag(changed);
    expect(registry.tags).toEqual([changed, CONFIG.tags[1]]);
    registry.deleteTag("GUEST-0001");
    expect(registry.tag("GUEST-0001")).toBeUndefined();
    registry.putSetting("a", "1");
    registry.putSetting("a", "2");
    expect(registry.setting("a")).toBe("2");
    expect(registry.setting("b")).toBeUndefined();
  });

  test("keeps a session as it first came, and gives the newest first", async () => {
    const { sessions } = await make();
    expect(sessions.insert(session("one"))).toBe(true);
    expect(sessions.insert(session("one", { endWh: 999 }))).toBe(false);
    expect(sessions.insert(session("one", { device: "cafe-2" }))).toBe(true);
    expect(sessions.insert(session("two", { start: 1, end: 2 }))).toBe(true);
    expect(sessions.count).toBe(3);
    expect(sessions.list({ offset: 0, limit: 1 })).toEqual([session("two", { start: 1, end: 2 })]);
    expect(sessions.list({ offset: 1, limit: 9 })).toEqual([
      session("one", { device: "cafe-2" }),
      session("one"),
    ]);
  });

  test("sums the energy of a span by the start, or by when a session without one was accepted", async () => {
    const { sessions } = await make();
    sessions.insert(session("a", { start: 500, startWh: 0, endWh: 1 }));
    sessions.insert(session("b", { accepted: 500, startWh: 0, endWh: 2 }));
    sessions.insert(session("c", { start: 600, startWh: 0, endWh: 4 }));
    sessions.insert(session("d", { start: 550, startWh: 8, endWh: 0 }));
    expect(sessions.energyWh({ fromS: 500, toS: 600 })).toBe(3);
    expect(sessions.energyWh({ fromS: 0, toS: 500 })).toBe(0);
  });

  test("that fails in the middle of a transaction is as it was", async () => {
    const registry = new Registry(CONFIG, { store: await make() });
    const tags = [
      { tag: "GUEST-0003", owner: OWNER },
      { tag: "GUEST-0001", owner: OTHER },
      { tag: "GUEST-0004", owner: "nobody@cafe.example" },
    ];
    expect(() => registry.putTags(tags)).toThrow("is no user");
    expect(registry.data).toEqual(CONFIG);
  });
});

(hasSQLite ? describe : describe.skip)("an SQLite file", () => {
  test("has everything after a restart, and is for its owner's eyes only", async () => {
    const registry = new Registry(CONFIG, { store: await open(), now: () => 5000 });
    registry.acceptSession(session("one"));
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    for (const name of [file, `${file}-wal`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    opened.pop()?.close();
    const again = new Registry(undefined, { store: await open(), now: () => 5000 });
    expect(again.data).toEqual(CONFIG);
    expect(again.sessions()).toEqual([session("one")]);
    expect(again.offeredTo("cafe-1")?.email).toBe(OTHER);
    expect(again.takeOffer("cafe-1", "bar/one")).toMatchObject({ owner: OTHER, token: "t" });
    expect(again.device("cafe-1")).toEqual({ ...CONFIG.devices[0], owner: OTHER, token: "t" });
  });

  test("is one truth for two stubs that share the requests", async () => {
    const one = new Registry(CONFIG, { store: await open() });
    const two = new Registry(undefined, { store: await open() });
    one.putTag({ tag: "GUEST-0001", owner: OWNER, blocked: true });
    expect(two.tag("GUEST-0001")?.blocked).toBe(true);
    expect(two.acceptSession(session("one"))).toBe(true);
    expect(one.acceptSession(session("one"))).toBe(false);
  });

  test("that is something else is refused with a sentence, and left as it is", async () => {
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
    newer.exec("PRAGMA user_version = 2");
    newer.close();
    await expect(openSQLiteStore(file)).rejects.toThrow("newer version");
  });

  test("in a folder that cannot be made is refused", async () => {
    writeFileSync(join(folder, "sub"), "");
    await expect(openSQLiteStore(file)).rejects.toThrow("name another file with --database");
    expect(existsSync(file)).toBe(false);
  });
});

describe("a registry that follows its file", () => {
  function followed(): Registry {
    const registry = new Registry();
    registry.follow(CONFIG);
    return registry;
  }

  test("keeps what happened since, when the file is the same", () => {
    const registry = followed();
    registry.putTag({ tag: "GUEST-0001", owner: OWNER, blocked: true });
    registry.deleteTag("GUEST-0002");
    registry.putTag({ tag: "SWIPED-01", owner: OWNER });
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    registry.takeOffer("cafe-1", "bar/one");
    registry.follow(CONFIG);
    expect(registry.tags).toEqual([
      { tag: "GUEST-0001", owner: OWNER, blocked: true },
      { tag: "SWIPED-01", owner: OWNER },
    ]);
    expect(registry.device("cafe-1")?.owner).toBe(OTHER);
  });

  test("takes over what was added to it, changed in it and taken out of it", () => {
    const registry = followed();
    registry.putTag({ tag: "SWIPED-01", owner: OWNER, label: "by a station" });
    registry.follow({
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

  test("lets go of what belonged to a user who was taken out", () => {
    const registry = followed();
    registry.putTag({ tag: "SWIPED-01", owner: OTHER });
    registry.offerDevice("cafe-1", { owner: OTHER, token: "t" });
    registry.takeOffer("cafe-1", "bar/one");
    registry.follow({ ...CONFIG, users: CONFIG.users.slice(0, 1), devices: CONFIG.devices.slice(0, 1) });
    expect(registry.data).toEqual({
      users: CONFIG.users.slice(0, 1),
      devices: CONFIG.devices.slice(0, 1),
      tags: CONFIG.tags,
    });
  });

  test("refuses a file that is not right, and stays as it is", () => {
    const registry = followed();
    expect(() => registry.follow({ ...CONFIG, users: [] })).toThrow("who is no user");
    expect(registry.data).toEqual(CONFIG);
  });
});
