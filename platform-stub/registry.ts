import { randomBytes } from "node:crypto";
import { findUser, isSame, usernamesOf, userTopicsOf } from "./accounts.js";
import { applyConfiguration } from "./apply-configuration.js";
import { type CardFile, makeSecret, StationCard } from "./cards.js";
import { DailyLimits } from "./daily-limits.js";
import type {
  CardEntry,
  Cipher,
  DeviceEntry,
  RegistryData,
  SessionEntry,
  TagEntry,
  User,
} from "./entries.js";
import { proofProblemOf } from "./fields.js";
import { mergeSession } from "./session-records.js";
import { type Acceptance, MemoryStore, type Offer, type Store, type UsedNonce } from "./store.js";

/** Validity of an offer, s. The station connects with the new owner's account at once. */
const OFFER_S = 600;
/** Validity of an owner's acceptance of a transfer, s. */
const ACCEPTANCE_S = 3600;

export interface RegistryOptions {
  /** Default: in memory. */
  readonly store?: Store;
  /** The clock, in milliseconds since 1970-01-01 UTC. */
  readonly now?: () => number;
}

/** The users, devices, tags and sessions of the platform, with their rules. Keeps them in a store. */
export class Registry {
  readonly #store: Store;
  readonly #now: () => number;
  readonly dailyLimits: DailyLimits;

  constructor(data: RegistryData = { users: [], devices: [], tags: [] }, options: RegistryOptions = {}) {
    this.#store = options.store ?? new MemoryStore();
    this.#now = options.now ?? Date.now;
    this.dailyLimits = new DailyLimits(this.#now);
    for (const user of data.users) this.addUser(user);
    for (const device of data.devices) this.#addDevice(device);
    for (const tag of data.tags) this.putTag(tag);
  }

  /** The part of the registry that a configuration file holds. It contains the secrets of cards. */
  get data(): RegistryData {
    const { users, devices, tags } = this.#store;
    const cards = tags.all().map((tag) => {
      const secret = this.#secretOf(tag.tag);
      return secret === undefined ? tag : { ...tag, secret };
    });
    return { users: users.all(), devices: devices.all(), tags: cards };
  }

  /** The time in whole seconds since 1970-01-01 UTC. */
  get nowS(): number {
    return Math.floor(this.#now() / 1000);
  }

  /**
   * Applies the changes of a configuration file since it was last applied: added, changed and removed entries. Other
   * entries keep their run-time changes. Throws, and changes nothing, when the file has none of the previous users: it
   * is then the file of another platform.
   */
  applyConfiguration(data: RegistryData): void {
    // The file must be valid on its own: this throws for duplicates and unknown owners.
    const { users, devices } = new Registry(data).data;
    applyConfiguration({ store: this.#store, cards: this, data: { users, devices, tags: data.tags } });
  }

  addUser(user: User): void {
    const email = user.email.trim();
    if (this.user(email)) throw new Error(`the user ${email} already exists`);
    this.#store.users.put({ ...user, email });
  }

  /**
   * Adds a device. Its default response key is 32 random bytes. Without a password, it uses its owner's account at the
   * broker.
   */
  addDevice(options: {
    id: string;
    owner: string;
    cipher?: Cipher;
    key?: string;
    password?: string;
  }): DeviceEntry {
    const { id, owner, cipher = "aes-256-gcm", key = randomBytes(32).toString("hex"), password } = options;
    const device = { id, owner, key, cipher, ...(password === undefined ? {} : { password }) };
    this.#addDevice(device);
    return device;
  }

  /**
   * Adds a tag, or replaces an existing one. A card that accepts proofs keeps its secret, or gets a new one, when the entry
   * has none. A card that accepts none loses its secret.
   */
  putTag({ secret, ...tag }: CardEntry): void {
    const owner = this.user(tag.owner)?.email;
    if (owner === undefined)
      throw new Error(`the tag's owner ${tag.owner} is not a user; add the user first`);
    const problem = proofProblemOf({ ...tag, secret });
    if (problem !== undefined) throw new Error(problem);
    const { tags, secrets } = this.#store;
    const acceptsProofs = (tag.accepts ?? "static") !== "static";
    // The secret comes first and leaves last: a power cut in between leaves no card that accepts proofs without one.
    if (acceptsProofs)
      secrets.put({ tag: tag.tag, secret: secret ?? this.#secretOf(tag.tag) ?? makeSecret() });
    tags.put({ ...tag, owner });
    if (!acceptsProofs) secrets.delete(tag.tag);
  }

  /** Adds or replaces tags. Throws, and changes nothing, when a tag has an unknown owner. */
  putTags(tags: readonly CardEntry[]): void {
    this.#store.transaction(() => {
      for (const tag of tags) this.putTag(tag);
    });
  }

  deleteTag(tag: string): void {
    this.#store.tags.delete(tag);
    this.#store.secrets.delete(tag);
  }

  /** A card with its secret, for a phone; `undefined` for a card that accepts no proofs. */
  cardFile(tag: string): CardFile | undefined {
    const secret = this.#secretOf(tag);
    const label = this.tag(tag)?.label;
    return secret === undefined ? undefined : { v: 1, cardId: tag, secret, label };
  }

  /** Gives a card a new secret, which invalidates its links and files. Throws for a card that accepts no proofs. */
  replaceSecret(tag: string): void {
    if (this.#secretOf(tag) === undefined) throw new Error("this card accepts no proofs and has no secret");
    this.#store.secrets.put({ tag, secret: makeSecret() });
  }

  /** A card at one station; `undefined` for a card that accepts no proofs. */
  stationCard(tag: string, deviceId: string): StationCard | undefined {
    const secret = this.#secretOf(tag);
    return secret === undefined ? undefined : new StationCard({ cardId: tag, secret, deviceId });
  }

  /** Records the nonce of a right proof. Returns `false` when another request of the station has used it. */
  useNonce(nonce: UsedNonce): boolean {
    return this.#store.nonces.use(nonce);
  }

  /**
   * Records a session and returns the record. Device and id identify a session, and the first report is kept. A later
   * report only supplies missing times. A report with other values marks the session as disputed.
   */
  acceptSession(session: SessionEntry): SessionEntry {
    const { sessions } = this.#store;
    return this.#store.transaction(() => {
      const before = sessions.get(session.device, session.id);
      const recorded = before ? mergeSession(before, session) : session;
      sessions.put(recorded);
      return recorded;
    });
  }

  /** Whether a device has reported the session before. */
  hasSession(device: string, id: string): boolean {
    return this.#store.sessions.get(device, id) !== undefined;
  }

  get sessionCount(): number {
    return this.#store.sessions.count;
  }

  /** Returns a page of sessions, the newest first. */
  sessions({ offset = 0, limit = 100 }: { offset?: number; limit?: number } = {}): SessionEntry[] {
    return this.#store.sessions.list({ offset, limit });
  }

  /** Energy of the sessions that started in a time span, Wh. */
  energyWh(span: { readonly fromS: number; readonly toS: number }): number {
    return this.#store.sessions.energyWh(span);
  }

  get users(): User[] {
    return this.#store.users.all();
  }

  /** The user with an e-mail, in any spelling of upper and lower case. */
  user(email: string): User | undefined {
    return findUser(this.#store.users, email);
  }

  userByName(username: string): User | undefined {
    return this.users.find((user) => usernamesOf(user).includes(username));
  }

  device(id: string): DeviceEntry | undefined {
    return this.#store.devices.get(id);
  }

  get devices(): DeviceEntry[] {
    return this.#store.devices.all();
  }

  /** The users on whose topics a device may act: its owner, and the one to whom it is offered. */
  usersOf(id: string): User[] {
    const device = this.device(id);
    const users = [device && this.user(device.owner), this.offeredTo(id)];
    return users.filter((user) => user !== undefined);
  }

  /** Starts to replace the response key of a device, or continues. Throws when the device cannot replace its key. */
  rotateKey(id: string): void {
    const device = this.device(id);
    if (!device) throw new Error(`${id} is not a station`);
    if (device.cipher !== "aes-256-gcm")
      throw new Error(`${id} uses CBC, which cannot authenticate a new key`);
    const { nextKey = randomBytes(32).toString("hex") } = device;
    this.#store.devices.put({ ...device, nextKey });
  }

  /** Completes the rotation of a device: it has stored the new key. Returns the device. */
  completeRotation(device: DeviceEntry): DeviceEntry {
    const { nextKey, ...rest } = device;
    const rotated = { ...rest, key: nextKey ?? rest.key };
    this.#store.devices.put(rotated);
    return rotated;
  }

  /**
   * Records that an owner accepts the transfer of a station within an hour. The station is named: a stranger's station
   * could request a transfer before the expected one, and learn the owner's cards. Replaces the owner's previous acceptance.
   */
  acceptTransfer({ owner: email, device }: { readonly owner: string; readonly device: string }): void {
    const owner = this.user(email)?.email;
    if (owner === undefined) throw new Error(`${email} is not a user and cannot accept a station`);
    this.#store.acceptances.put({ owner, device, until: this.nowS + ACCEPTANCE_S });
  }

  /** Withdraws an owner's acceptance and the offers made on it. A completed transfer stays. */
  withdrawAcceptance(email: string): void {
    const owner = this.user(email)?.email ?? email;
    this.#store.transaction(() => {
      this.#store.acceptances.delete(owner);
      for (const { device, owner: to } of this.#store.offers.all()) {
        if (to === owner) this.#store.offers.delete(device);
      }
    });
  }

  /** The valid acceptances. */
  get acceptances(): Acceptance[] {
    return this.#store.acceptances.all().filter(({ owner, until }) => until > this.nowS && this.user(owner));
  }

  /** The user with an e-mail, if that user has accepted the transfer of the device. */
  acceptingUser(email: string, device: string): User | undefined {
    const user = this.user(email);
    const isAccepted = this.acceptances.some((one) => one.owner === user?.email && one.device === device);
    return isAccepted ? user : undefined;
  }

  /** Offers a device to a new owner for 10 minutes. */
  offerDevice(id: string, { owner, token }: { readonly owner: string; readonly token: string }): void {
    this.#store.offers.put({ device: id, owner, token, until: this.nowS + OFFER_S });
  }

  /** The user to whom a device is offered; `undefined` without a valid offer. */
  offeredTo(id: string): User | undefined {
    const offer = this.#offer(id);
    return offer && this.user(offer.owner);
  }

  /**
   * Whether a password of a user's account is valid for a device. Compares in constant time. A device with an account of
   * its own has to use that. An offered device has to use the offer's token, which only a holder of its key can read: the
   * new owner's token does not show that the device has moved.
   */
  isAccount(id: string, { user, password }: { readonly user: User; readonly password: Uint8Array }): boolean {
    const device = this.device(id);
    if (device?.password !== undefined) return false;
    const offer = this.#offer(id);
    const tokens = [
      ...(device?.owner === user.email ? [user.token, device.token] : []),
      ...(offer?.owner === user.email ? [offer.token] : []),
    ];
    return tokens.filter((token) => token !== undefined && isSame(password, token)).length > 0;
  }

  /** Completes a transfer: the device has connected as the new owner's. Returns `undefined` without a valid offer. */
  completeTransfer(id: string, userTopic: string): DeviceEntry | undefined {
    const device = this.device(id);
    const offer = this.#offer(id);
    const owner = offer && this.user(offer.owner);
    if (!device || !owner || !userTopicsOf(owner).includes(userTopic)) return undefined;
    const moved = { ...device, owner: owner.email, token: offer.token };
    this.#store.transaction(() => {
      this.#store.offers.delete(id);
      if (this.#store.acceptances.get(owner.email)?.device === id)
        this.#store.acceptances.delete(owner.email);
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

  /** The tags that a device accepts. */
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

  #secretOf(tag: string): string | undefined {
    return this.#store.secrets.get(tag)?.secret;
  }

  #offer(id: string): Offer | undefined {
    const offer = this.#store.offers.get(id);
    return offer && offer.until > this.nowS ? offer : undefined;
  }

  #addDevice(device: DeviceEntry): void {
    if (this.device(device.id)) throw new Error(`the device ${device.id} already exists`);
    const owner = this.user(device.owner)?.email;
    if (owner === undefined) {
      throw new Error(
        `the device ${device.id} belongs to ${device.owner}, who is not a user; add the user first`,
      );
    }
    this.#store.devices.put({ ...device, owner });
  }
}
