import { pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { accessOf } from "./access.js";
import { usernamesOf, userTopicsOf } from "./accounts.js";
import type { DeviceEntry, User } from "./entries.js";
import { writePrivateFile } from "./private-file.js";
import type { Registry } from "./registry.js";

/** Iterations of Mosquitto's `$7$` hash: PBKDF2 with HMAC-SHA512 (mosquitto_passwd(1)). */
const ITERATIONS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;

/** An account of the broker. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** A line of Mosquitto's password file. */
export function passwordLine({ username, password }: Account): string {
  const salt = randomBytes(SALT_BYTES);
  const hash = pbkdf2Sync(password, salt, ITERATIONS, HASH_BYTES, "sha512");
  return `${username}:$7$${ITERATIONS}$${salt.toString("base64")}$${hash.toString("base64")}`;
}

/** Content of Mosquitto's files. */
export interface MosquittoContent {
  readonly registry: Registry;
  /** The platform's own account. */
  readonly platform: Account;
  /**
   * Whether stations may use their owner's account. A client may then take any client id, and so disconnect the station
   * of another owner.
   */
  readonly hasOwnerAccounts: boolean;
}

/** Mosquitto's password file: the platform's account, those of the stations, and those of the owners if they are used. */
export function passwordFile({ registry, platform, hasOwnerAccounts }: MosquittoContent): string {
  const stations = ownAccountsIn(registry).map(({ id, password }) => ({ username: id, password }));
  const owners = registry.users.flatMap((user) =>
    usernamesOf(user).map((username) => ({ username, password: user.token })),
  );
  const accounts = [platform, ...stations, ...(hasOwnerAccounts ? owners : [])];
  return `${accounts.map(passwordLine).join("\n")}\n`;
}

/** The devices that have an account of their own. */
function ownAccountsIn(registry: Registry): (DeviceEntry & { readonly password: string })[] {
  return registry.devices.flatMap((device) =>
    device.password === undefined ? [] : [{ ...device, password: device.password }],
  );
}

/** Mosquitto's ACL file for the rules of access.ts. */
export function aclFile({ registry, platform, hasOwnerAccounts }: MosquittoContent): string {
  const lines = [
    `user ${platform.username}`,
    "topic readwrite #",
    ...ownAccountsIn(registry).flatMap(({ id }) => [
      "",
      `user ${id}`,
      ...rulesOf("topic", usersAt(registry, id).flatMap(userTopicsOf), id),
    ]),
    ...(hasOwnerAccounts ? ownerRules(registry) : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** The users on whose topics a device may act now or soon: Mosquitto does not learn of an accepted transfer later. */
function usersAt(registry: Registry, id: string): User[] {
  const accepting = registry.acceptances
    .filter(({ device }) => device === id)
    .map(({ owner }) => registry.user(owner));
  const users = [...registry.usersOf(id), ...accepting.filter((user) => user !== undefined)];
  return users.filter((user, i) => users.findIndex(({ email }) => email === user.email) === i);
}

/**
 * Rules for the owners' accounts. Patterns restrict a client to the topics of its own client id. Mosquitto has no pattern
 * for a `rootTopic`: stations of such an owner can use each other's topics, but not those of other users.
 */
function ownerRules(registry: Registry): string[] {
  const withRoot = registry.users.filter(({ rootTopic }) => rootTopic !== undefined);
  return [
    ...withRoot.flatMap((user) => {
      const devices = registry.devices.filter(({ owner }) => owner === user.email);
      const rules = devices.flatMap(({ id }) => rulesOf("topic", userTopicsOf(user), id));
      return usernamesOf(user).flatMap((username) => ["", `user ${username}`, ...new Set(rules)]);
    }),
    "",
    "# Every other user: %u the MQTT user name, %c the client id.",
    ...rulesOf("pattern", ["%u"], "%c"),
  ];
}

function rulesOf(kind: "topic" | "pattern", userTopics: readonly string[], deviceId: string): string[] {
  return userTopics.flatMap((userTopic) => {
    const { publish, subscribe } = accessOf({ userTopic, deviceId });
    return [
      ...publish.map((topic) => `${kind} write ${topic}`),
      ...subscribe.map((topic) => `${kind} read ${topic}`),
    ];
  });
}

/** Whether Mosquitto's files can hold a user name. A line holds one user, and a colon ends the name. */
function isUsername(name: string): boolean {
  return /^[^#:\s\p{Cc}][^:\s\p{Cc}]*$/u.test(name);
}

/** Ports of Mosquitto. */
export interface MosquittoPorts {
  /** Port for the stations. */
  readonly stations: number;
  /** Port for the platform, on loopback. */
  readonly platform: number;
}

/** Maximum size of a packet, bytes: as at the embedded broker. */
const MAX_PACKET_BYTES = 64 * 1024;
/** Maximum number of bytes that are stored for a client until it acknowledges them. The platform receives short requests. */
const MAX_QUEUED_BYTES = 1024 * 1024;
const MAX_NAMED = 5;

/** Writes Mosquitto's files and returns the lines of mosquitto.conf. Overwrites existing files only with `force`. */
export function writeMosquittoFiles(
  options: MosquittoContent & {
    readonly directory: string;
    readonly ports: MosquittoPorts;
    readonly force: boolean;
  },
): { readonly configLines: readonly string[] } {
  const { registry, platform, hasOwnerAccounts, force, ports } = options;
  if (!isUsername(platform.username)) {
    throw new Error("--username must be without colons, spaces and control characters, and not begin with #");
  }
  if (registry.device(platform.username)) throw new Error("--username must not be the id of a device");
  const without = registry.devices.filter(({ password }) => password === undefined).map(({ id }) => id);
  if (without.length > 0 && !hasOwnerAccounts) {
    const named = `${without.slice(0, MAX_NAMED).join(", ")}${without.length > MAX_NAMED ? ", …" : ""}`;
    throw new Error(
      `${without.length} stations have no account of their own (${named}): provision them again, or use ` +
        "--owner-accounts, with which a station can disconnect the stations of other owners",
    );
  }
  // Mosquitto resolves relative paths against its own working directory.
  const directory = resolve(options.directory);
  mkdirSync(directory, { recursive: true });
  const passwords = join(directory, "passwords");
  const acl = join(directory, "acl");
  const configLines = [
    "allow_anonymous false",
    `password_file ${passwords}`,
    `acl_file ${acl}`,
    `max_packet_size ${MAX_PACKET_BYTES}`,
    `max_queued_bytes ${MAX_QUEUED_BYTES}`,
    "# Stations. Add certfile and keyfile for TLS.",
    `listener ${ports.stations}`,
    ...(hasOwnerAccounts ? [] : ["use_username_as_clientid true"]),
    "# The platform, on this machine. Its processes share one account under different client ids.",
    `listener ${ports.platform} 127.0.0.1`,
  ];
  const files = [
    { file: passwords, text: passwordFile(options) },
    { file: acl, text: aclFile(options) },
    { file: join(directory, "plugpass.conf"), text: `${configLines.join("\n")}\n` },
  ];
  for (const { file } of files) {
    if (!force && existsSync(file)) throw new Error(`${file} already exists; use --force to overwrite it`);
  }
  for (const { file, text } of files) writePrivateFile(file, text);
  return { configLines };
}
