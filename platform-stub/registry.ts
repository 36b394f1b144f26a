import { createHash, randomBytes } from "node:crypto";

export type Cipher = "aes-256-gcm" | "aes-256-cbc";

/** Somebody who owns stations and cards. */
export interface User {
  readonly email: string;
  /** The MQTT password of the user's stations. */
  readonly token: string;
  /** The first level of the user's topics, where it is not the hash of the e-mail. */
  readonly rootTopic?: string;
}

export interface DeviceEntry {
  readonly id: string;
  /** The owner's e-mail. */
  readonly owner: string;
  /** The response key: 64 lower-case hex digits. */
  readonly key: string;
  readonly cipher: Cipher;
}

/** A virtual card. */
export interface TagEntry {
  readonly tag: string;
  /** The e-mail of the user at whose stations it is good. */
  readonly owner: string;
  readonly label?: string;
  /** Device ids; none: all stations of the owner. */
  readonly stations?: readonly string[];
  readonly blocked?: boolean;
  /** A */
  readonly maxCurrent?: number;
  /** s */
  readonly cacheFor?: number;
}

/** A finished charging session, as a station reported it (docs/protocol.md, section 4). */
export interface SessionEntry {
  readonly device: string;
  readonly id: string;
  /** Lower-case hex SHA-256 of the tag, and its last characters. */
  readonly tag: string;
  readonly tagEnd: string;
  readonly method: "ble" | "rfid" | "remote";
  /** Seconds since 1970-01-01 UTC. */
  readonly start: number | null;
  readonly end: number | null;
  readonly seconds: number;
  readonly startWh: number;
  readonly endWh: number;
  readonly why: string;
}

export interface RegistryData {
  readonly users: readonly User[];
  readonly devices: readonly DeviceEntry[];
  readonly tags: readonly TagEntry[];
}

/** The MQTT user name: lower-case hex SHA-256 of the e-mail, trimmed (docs/protocol.md, section 1). */
export function usernameOf(email: string): string {
  return createHash("sha256").update(email.trim(), "utf8").digest("hex");
}

/** `<user>`: the first level, or levels, of every topic of an owner. */
export function userTopicOf(user: User): string {
  return user.rootTopic ?? usernameOf(user.email);
}

/** Who and what the platform knows. In memory; `data` is what a file holds of it. */
export class Registry {
  #users = new Map<string, User>();
  #devices = new Map<string, DeviceEntry>();
  #tags = new Map<string, TagEntry>();
  /** Devices that were told another owner's account, by their ids: the e-mail. */
  #offers = new Map<string, string>();
  #sessions = new Map<string, SessionEntry>();

  constructor(data: RegistryData = { users: [], devices: [], tags: [] }) {
    for (const user of data.users) this.addUser(user);
    for (const device of data.devices) this.#putDevice(device);
    for (const tag of data.tags) this.putTag(tag);
  }

  get data(): RegistryData {
    return {
      users: [...this.#users.values()],
      devices: [...this.#devices.values()],
      tags: [...this.#tags.values()],
    };
  }

  addUser(user: User): void {
    const email = user.email.trim();
    if (this.#users.has(email)) throw new Error(`the user ${email} is there already`);
    this.#users.set(email, { ...user, email });
  }

  /** Makes a device; its response key is 32 random bytes unless it has one. */
  addDevice(options: { id: string; owner: string; cipher?: Cipher; key?: string }): DeviceEntry {
    const { id, owner, cipher = "aes-256-gcm", key = randomBytes(32).toString("hex") } = options;
    const device = { id, owner, key, cipher };
    this.#putDevice(device);
    return device;
  }

  /** Adds a tag, or changes one. */
  putTag(tag: TagEntry): void {
    if (!this.#users.has(tag.owner))
      throw new Error(`a tag's owner ${tag.owner} is no user; add the user first`);
    this.#tags.set(tag.tag, tag);
  }

  /** `false` for a session of that device and id that is there already: it stays as it was. */
  acceptSession(session: SessionEntry): boolean {
    const name = `${session.device} ${session.id}`;
    if (this.#sessions.has(name)) return false;
    this.#sessions.set(name, session);
    return true;
  }

  /** In the order in which they came. */
  get sessions(): readonly SessionEntry[] {
    return [...this.#sessions.values()];
  }

  user(email: string): User | undefined {
    return this.#users.get(email);
  }

  userByName(username: string): User | undefined {
    for (const user of this.#users.values()) if (usernameOf(user.email) === username) return user;
    return undefined;
  }

  device(id: string): DeviceEntry | undefined {
    return this.#devices.get(id);
  }

  /** The device may come as another owner's. */
  offerDevice(id: string, owner: string): void {
    this.#offers.set(id, owner);
  }

  /** The device has come as the owner's that it was offered to; `undefined` when nobody offered it. */
  takeOffer(id: string, userTopic: string): DeviceEntry | undefined {
    const device = this.#devices.get(id);
    const owner = this.user(this.#offers.get(id) ?? "");
    if (!device || !owner || userTopicOf(owner) !== userTopic) return undefined;
    this.#offers.delete(id);
    const moved = { ...device, owner: owner.email };
    this.#devices.set(id, moved);
    return moved;
  }

  tag(tag: string): TagEntry | undefined {
    return this.#tags.get(tag);
  }

  /** The tags that are good at a device. */
  tagsAt(device: DeviceEntry): TagEntry[] {
    return [...this.#tags.values()].filter(
      ({ owner, blocked, stations }) =>
        owner === device.owner && !blocked && (!stations || stations.includes(device.id)),
    );
  }

  #putDevice(device: DeviceEntry): void {
    if (this.#devices.has(device.id)) throw new Error(`the device ${device.id} is there already`);
    if (!this.#users.has(device.owner)) {
      throw new Error(
        `the device ${device.id} belongs to ${device.owner}, who is no user; add the user first`,
      );
    }
    this.#devices.set(device.id, device);
  }
}
