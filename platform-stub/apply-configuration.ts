/** Applies the changes of a configuration file to the stored data of a platform. */

import { findUser } from "./accounts.js";
import type { CardEntry, DeviceEntry, RegistryData } from "./entries.js";
import type { Store, Table } from "./store.js";

export interface ConfigurationOptions {
  readonly store: Store;
  /** Adds and removes cards with their secrets. */
  readonly cards: { putTag(card: CardEntry): void; deleteTag(tag: string): void };
  /** The content of the file, which is valid on its own. */
  readonly data: RegistryData;
}

/** A table with entries of a configuration file. */
interface ConfiguredTable<T> extends Pick<Table<T>, "delete"> {
  /** Adds or replaces an entry. `before` is the same entry as the file had it last time. */
  put(entry: T, before?: T): void;
}

/**
 * Applies the entries that were added, changed or removed since the file was last applied. Other entries keep their
 * run-time changes. Throws, and changes nothing, when the file has none of the previous users: it is then the file of
 * another platform.
 */
export function applyConfiguration({ store, cards, data }: ConfigurationOptions): void {
  const { users, devices, tags } = data;
  const before = store.configured.all().filter(({ name }) => name.startsWith("user "));
  if (before.length > 0 && !users.some(({ email }) => before.some(({ name }) => name === `user ${email}`))) {
    throw new Error(
      "the database belongs to another configuration, with other users; name another file with --database",
    );
  }
  const stationsById = new Map(devices.map((device) => [device.id, device]));
  const stationTable: ConfiguredTable<DeviceEntry> = {
    put: (device, previous) => store.devices.put(withPresentKey(store, device, previous)),
    delete: (id) => store.devices.delete(id),
  };
  const cardTable: ConfiguredTable<CardEntry> = {
    put: (card, previous) => cards.putTag(withPresentSecret(store, card, previous)),
    delete: (tag) => cards.deleteTag(tag),
  };
  store.transaction(() => {
    applyTable(store, { kind: "user", table: store.users, entries: byKey(users, ({ email }) => email) });
    applyTable(store, { kind: "device", table: stationTable, entries: stationsById });
    applyTable(store, { kind: "tag", table: cardTable, entries: byKey(tags, ({ tag }) => tag) });
    removeOrphans({ store, cards }, stationsById);
  });
}

function byKey<T>(entries: readonly T[], keyOf: (entry: T) => string): Map<string, T> {
  return new Map(entries.map((entry) => [keyOf(entry), entry]));
}

interface TableChange<T> {
  readonly kind: string;
  readonly table: ConfiguredTable<T>;
  readonly entries: ReadonlyMap<string, T>;
}

function applyTable<T>({ configured }: Store, { kind, table, entries }: TableChange<T>): void {
  const prefix = `${kind} `;
  for (const { name } of configured.all()) {
    const key = name.slice(prefix.length);
    if (!name.startsWith(prefix) || entries.has(key)) continue;
    table.delete(key);
    configured.delete(name);
  }
  for (const [key, value] of entries) {
    const name = prefix + key;
    const entry = JSON.stringify(value);
    const before = configured.get(name)?.entry;
    if (entry === before) continue;
    configured.put({ name, entry });
    table.put(value, before === undefined ? undefined : (JSON.parse(before) as T));
  }
}

/** A device of a file with the response key that it has now, unless the file has another key than before. */
function withPresentKey(
  { devices }: Store,
  device: DeviceEntry,
  before: DeviceEntry | undefined,
): DeviceEntry {
  const present = devices.get(device.id);
  if (!present || before?.key !== device.key) return device;
  const { key, nextKey } = present;
  return { ...device, key, ...(nextKey === undefined ? {} : { nextKey }) };
}

/** A card of a file. An unchanged secret of the file does not revive one that was replaced. */
function withPresentSecret({ secrets }: Store, card: CardEntry, before: CardEntry | undefined): CardEntry {
  const isUnchanged = card.secret !== undefined && card.secret === before?.secret;
  return isUnchanged ? { ...card, secret: secrets.get(card.tag)?.secret ?? card.secret } : card;
}

/** Removes cards and stations of removed users. A station in the file returns to the owner that the file names. */
function removeOrphans(
  { store, cards }: Pick<ConfigurationOptions, "store" | "cards">,
  configured: ReadonlyMap<string, DeviceEntry>,
): void {
  const { users, devices, tags } = store;
  for (const { id, owner } of devices.all()) {
    if (findUser(users, owner)) continue;
    const device = configured.get(id);
    if (device) devices.put(withPresentKey(store, device, device));
    else devices.delete(id);
  }
  for (const { tag, owner } of tags.all()) if (!findUser(users, owner)) cards.deleteTag(tag);
}
