import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Cipher, DeviceEntry, SessionEntry, TagEntry, User } from "./entries.js";
import { type Consent, MemoryStore, type Offer, type Store, type Table } from "./store.js";

export type { Cipher, DeviceEntry, SessionEntry, TagEntry, User } from "./entries.js";

export interface RegistryData {
  readonly users: readonly User[];
  readonly devices: readonly DeviceEntry[];
  readonly tags: readonly TagEntry[];
}

/** The MQTT user name: lower-case hex SHA-256 of the e-mail, trimmed (docs/protocol.md, section 1). */
export function usernameOf(email: string): string {
  return createHash("sha256").update(email.trim(), "utf8").digest("hex");
}

/** Whether two secrets are the same; takes as long when they are not. */
export function isSame(given: Uint8Array, secret: string): boolean {
  const expected = Buffer.from(secret, "utf8");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** `<user>`: the first level, or levels, of every topic of an owner. */
export function userTopicOf(user: User): string {
  return user.rootTopic ?? usernameOf(user.email);
}

/** How long a station has for coming as the owner's that it was offered to: it tries at once. */
const OFFER_S = 600;
/** How long an owner expects a station. */
const CONSENT_S = 3600;

export interface RegistryOptions {
  /** In memory unless given. */
  readonly store?: Store;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now?: () => number;
}

/** Who and what the platform knows: the rules for it, over a store. `data` is what a configuration file holds of it. */
export class Registry {
  #store: Store;
  #now: () => number;

  constructor(data: RegistryData = { users: [], devices: [], tags: [] }, options: RegistryOptions = {}) {
    this.#store = options.store ?? new MemoryStore();
    this.#now = options.now ?? Date.now;
    for (const user of data.users) this.addUser(user);
    for (const device of data.devices) this.#addDevice(device);
    for (const tag of data.tags) this.putTag(tag);
  }

  get data(): RegistryData {
    const { users, devices, tags } = this.#store;
    return { users: users.all(), devices: devices.all(), tags: tags.all() };
  }

  /** Whole seconds since 1970-01-01 UTC. */
  get nowS(): number {
    return Math.floor(this.#now() / 1000);
  }

  /**
   * Takes over what a configuration file says now and did not say when it was followed last: what is new in it, what
   * was changed, what was taken out. Of the rest, what has happened here since then stands. Throws, and changes nothing,
   * when the file is another platform's: when it knows none of the users that it knew.
   */
  follow(data: RegistryData): void {
    // The file has to be right on its own: two of a kind and things of nobody are refused.
    const { users, devices, tags } = new Registry(data).data;
    const before = this.#store.configured.all().filter(({ name }) => name.startsWith("user "));
    if (
      before.length > 0 &&
      !users.some(({ email }) => before.some(({ name }) => name === `user ${email}`))
    ) {
      throw new Error(
        "the database is of another configuration, with other users; name another file with --database",
      );
    }
    this.#store.transaction(() => {
      this.#followKind("user", this.#store.users, new Map(users.map((user) => [user.email, user])));
      this.#followKind("device", this.#store.devices, new Map(devices.map((device) => [device.id, device])));
      this.#followKind("tag", this.#store.tags, new Map(tags.map((tag) => [tag.tag, tag])));
      this.#letGoOfNobodys(new Map(devices.map((device) => [device.id, device])));
    });
  }

  addUser(user: User): void {
    const email = user.email.trim();
    if (this.user(email)) throw new Error(`the user ${email} is there already`);
    this.#store.users.put({ ...user, email });
  }

  /** Makes a device; its response key is 32 random bytes unless it has one. */
  addDevice(options: { id: string; owner: string; cipher?: Cipher; key?: string }): DeviceEntry {
    const { id, owner, cipher = "aes-256-gcm", key = randomBytes(32).toString("hex") } = options;
    const device = { id, owner, key, cipher };
    this.#addDevice(device);
    return device;
  }

  /** Adds a tag, or changes one. */
  putTag(tag: TagEntry): void {
    if (!this.user(tag.owner)) throw new Error(`a tag's owner ${tag.owner} is no user; add the user first`);
    this.#store.tags.put(tag);
  }

  /** All of them, or, when one is nobody's, none. */
  putTags(tags: readonly TagEntry[]): void {
    this.#store.transaction(() => {
      for (const tag of tags) this.putTag(tag);
    });
  }

  deleteTag(tag: string): void {
    this.#store.tags.delete(tag);
  }

  /**
   * Keeps a session. The same device and id is one session, as it came first: only a time that was not known then is
   * taken from a later report, and one that says otherwise is remembered as such. Gives what is kept.
   */
  acceptSession(session: SessionEntry): SessionEntry {
    const { sessions } = this.#store;
    return this.#store.transaction(() => {
      const before = sessions.get(session.device, session.id);
      const kept = before ? merged(before, session) : session;
      sessions.put(kept);
      return kept;
    });
  }

  get sessionCount(): number {
    return this.#store.sessions.count;
  }

  /** The newest first. */
  sessions({ offset = 0, limit = 100 }: { offset?: number; limit?: number } = {}): SessionEntry[] {
    return this.#store.sessions.list({ offset, limit });
  }

  /** What was charged, in sessions that began in a span of time, in Wh. */
  energyWh(span: { readonly fromS: number; readonly toS: number }): number {
    return this.#store.sessions.energyWh(span);
  }

  get users(): User[] {
    return this.#store.users.all();
  }

  user(email: string): User | undefined {
    return this.#store.users.get(email);
  }

  userByName(username: string): User | undefined {
    return this.users.find((user) => usernameOf(user.email) === username);
  }

  device(id: string): DeviceEntry | undefined {
    return this.#store.devices.get(id);
  }

  get devices(): DeviceEntry[] {
    return this.#store.devices.all();
  }

  /** The owner agrees to get a station, for an hour, in place of one that they expected and that has not asked yet. */
  expectDevice({ owner, device }: { readonly owner: string; readonly device?: string }): void {
    if (!this.user(owner)) throw new Error(`${owner} is no user, and can expect no station`);
    this.#store.consents.put({ owner, device, until: this.nowS + CONSENT_S });
  }

  /** What an owner expected is not let in any more, unless it has come already. */
  expectNothing(owner: string): void {
    this.#store.transaction(() => {
      this.#store.consents.delete(owner);
      for (const { device, owner: to } of this.#store.offers.all()) {
        if (to === owner) this.#store.offers.delete(device);
      }
    });
  }

  /** Who expects a station, and which. */
  get consents(): Consent[] {
    return this.#store.consents.all().filter(({ owner, until }) => until > this.nowS && this.user(owner));
  }

  /** The user of that e-mail, where they expect the device. */
  expecting(email: string, device: string): User | undefined {
    const consent = this.consents.find(({ owner }) => owner === email);
    const isMeant = consent && (consent.device === undefined || consent.device === device);
    return isMeant ? this.user(email) : undefined;
  }

  /** The device may come as another owner's, for 10 minutes, with a token of its own. Now they expect this one. */
  offerDevice(id: string, { owner, token }: { readonly owner: string; readonly token: string }): void {
    const { offers, consents } = this.#store;
    this.#store.transaction(() => {
      offers.put({ device: id, owner, token, until: this.nowS + OFFER_S });
      const consent = consents.get(owner);
      if (consent) consents.put({ ...consent, device: id });
    });
  }

  /** Who else than its owner the device may come as; `undefined` when it was offered to nobody, or too long ago. */
  offeredTo(id: string): User | undefined {
    const offer = this.#offer(id);
    return offer && this.user(offer.owner);
  }

  /** Whether a client may come as a device of a user, by its MQTT password; takes as long for a wrong one. */
  isAccount(id: string, { user, password }: { readonly user: User; readonly password: Uint8Array }): boolean {
    const device = this.device(id);
    const offer = this.#offer(id);
    const tokens = [
      ...(device?.owner === user.email ? [user.token, device.token] : []),
      ...(offer?.owner === user.email ? [user.token, offer.token] : []),
    ];
    return tokens.filter((token) => token !== undefined && isSame(password, token)).length > 0;
  }

  /** The device has come as the owner's that it was offered to; `undefined` when nobody offered it. */
  takeOffer(id: string, userTopic: string): DeviceEntry | undefined {
    const device = this.device(id);
    const offer = this.#offer(id);
    const owner = offer && this.user(offer.owner);
    if (!device || !owner || userTopicOf(owner) !== userTopic) return undefined;
    const moved = { ...device, owner: owner.email, token: offer.token };
    this.#store.transaction(() => {
      this.#store.offers.delete(id);
      if (this.#store.consents.get(owner.email)?.device === id) this.#store.consents.delete(owner.email);
      this.#store.devices.put(moved);
    });
    return moved;
  }

  tag(tag: string): TagEntry | undefined {
    return this.#store.tags.get(tag);
  }

  get tags(): TagEntry[] {
    return this.#store.tags.all();
  }

  /** The tags that are good at a device. */
  tagsAt(device: DeviceEntry): TagEntry[] {
    return this.tags.filter(
      ({ owner, blocked, stations }) =>
        owner === device.owner && !blocked && (!stations || stations.includes(device.id)),
    );
  }

  setting(name: string): string | undefined {
    return this.#store.settings.get(name)?.value;
  }

  putSetting(name: string, value: string): void {
    this.#store.settings.put({ name, value });
  }

  #offer(id: string): Offer | undefined {
    const offer = this.#store.offers.get(id);
    return offer && offer.until > this.nowS ? offer : undefined;
  }

  #addDevice(device: DeviceEntry): void {
    if (this.device(device.id)) throw new Error(`the device ${device.id} is there already`);
    if (!this.user(device.owner)) {
      throw new Error(
        `the device ${device.id} belongs to ${device.owner}, who is no user; add the user first`,
      );
    }
    this.#store.devices.put(device);
  }

  #followKind<T>(kind: string, table: Table<T>, entries: ReadonlyMap<string, T>): void {
    const { configured } = this.#store;
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
      table.put(value);
    }
  }

  /** A user who was taken out of the file takes along what is theirs; a station of the file goes back to whom it says. */
  #letGoOfNobodys(configured: ReadonlyMap<string, DeviceEntry>): void {
    for (const { id, owner } of this.devices) {
      if (this.user(owner)) continue;
      const device = configured.get(id);
      if (device) this.#store.devices.put(device);
      else this.#store.devices.delete(id);
    }
    for (const { tag, owner } of this.tags) if (!this.user(owner)) this.deleteTag(tag);
  }
}

function merged(before: SessionEntry, again: SessionEntry): SessionEntry {
  const { start, end, isDisputed } = before;
  const fields = ["tag", "tagEnd", "method", "seconds", "startWh", "endWh", "why"] as const;
  const isOther =
    fields.some((field) => before[field] !== again[field]) ||
    [
      [start, again.start],
      [end, again.end],
    ].some(([first, then]) => first !== null && then !== null && first !== then);
  return {
    ...before,
    start: start ?? again.start,
    end: end ?? again.end,
    ...(isDisputed || isOther ? { isDisputed: true } : {}),
  };
}

/** What cannot be right about a session: a sentence for each. */
export function doubtsOf({ start, end, startWh, endWh, isDisputed }: SessionEntry): string[] {
  return [
    ...(endWh < startWh ? [`the meter ran backwards, from ${startWh} to ${endWh} Wh`] : []),
    ...(start !== null && end !== null && end < start ? ["it ends before it starts"] : []),
    ...(isDisputed ? ["it came again with other values"] : []),
  ];
}
