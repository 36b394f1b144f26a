import { pbkdf2Sync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessOf } from "./access.js";
import { type RegistryData, usernameOf, userTopicOf } from "./registry.js";

/** Mosquitto's `$7$`: PBKDF2 with HMAC-SHA512 (mosquitto_passwd(1)). */
const ITERATIONS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;

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

export function passwordFile(data: RegistryData, platform: Account): string {
  const accounts = data.users.map(({ email, token }) => ({ username: usernameOf(email), password: token }));
  return `${[platform, ...accounts].map(passwordLine).join("\n")}\n`;
}

/**
 * Mosquitto's ACL file for the rules of access.ts. Where a user's topics begin with the MQTT user name, patterns
 * bind a client to its own client id. A `rootTopic` has no pattern in Mosquitto: such an owner's stations are kept
 * apart from other users', and not from each other.
 */
export function aclFile(data: RegistryData, platform: Account): string {
  const own = accessOf({ userTopic: "%u", deviceId: "%c" });
  const lines = [
    `user ${platform.username}`,
    "topic readwrite #",
    ...data.users.flatMap((user) => {
      if (user.rootTopic === undefined) return [];
      const devices = data.devices.filter((device) => device.owner === user.email);
      const rules = devices.flatMap(({ id }) => {
        const { publish, subscribe } = accessOf({ userTopic: userTopicOf(user), deviceId: id });
        return [
          ...publish.map((topic) => `topic write ${topic}`),
          ...subscribe.map((topic) => `topic read ${topic}`),
        ];
      });
      return ["", `user ${usernameOf(user.email)}`, ...new Set(rules)];
    }),
    "",
    "# Every other user: %u the MQTT user name, %c the client id.",
    ...own.publish.map((topic) => `pattern write ${topic}`),
    ...own.subscribe.map((topic) => `pattern read ${topic}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Whether a name is one word in Mosquitto's files: a line of them holds it, and a colon ends it. */
function isUsername(name: string): boolean {
  return /^[^#:\s\p{Cc}][^:\s\p{Cc}]*$/u.test(name);
}

/** The files, and the lines of mosquitto.conf that use them. Nothing there is overwritten unless `force`. */
export function writeMosquittoFiles(options: {
  readonly directory: string;
  readonly data: RegistryData;
  readonly platform: Account;
  readonly force: boolean;
}): { readonly configLines: readonly string[] } {
  const { directory, data, platform, force } = options;
  if (!isUsername(platform.username)) {
    throw new Error("--username must be without colons, spaces and control characters, and not begin with #");
  }
  mkdirSync(directory, { recursive: true });
  const passwords = join(directory, "passwords");
  const acl = join(directory, "acl");
  const configLines = ["allow_anonymous false", `password_file ${passwords}`, `acl_file ${acl}`];
  const files = [
    { file: passwords, text: passwordFile(data, platform) },
    { file: acl, text: aclFile(data, platform) },
    { file: join(directory, "plugpass.conf"), text: `${configLines.join("\n")}\n` },
  ];
  for (const { file } of files) {
    if (!force && existsSync(file)) throw new Error(`${file} is there already; --force overwrites it`);
  }
  for (const { file, text } of files) {
    writeFileSync(file, text, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
  return { configLines };
}
