import { pbkdf2Sync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessOf } from "./access.js";
import { type RegistryData, usernameOf, userTopicOf } from "./registry.js";

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

/** Mosquitto's password file: the platform's account and one for each user. */
export function passwordFile(data: RegistryData, platform: Account): string {
  const accounts = data.users.map(({ email, token }) => ({ username: usernameOf(email), password: token }));
  return `${[platform, ...accounts].map(passwordLine).join("\n")}\n`;
}

/**
 * Mosquitto's ACL file for the rules of access.ts. Patterns restrict a client to the topics of its own client id.
 * Mosquitto has no pattern for a `rootTopic`: stations of such an owner can use each other's topics, but not those of
 * other users.
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

/** Whether Mosquitto's files can hold a user name. A line holds one user, and a colon ends the name. */
function isUsername(name: string): boolean {
  return /^[^#:\s\p{Cc}][^:\s\p{Cc}]*$/u.test(name);
}

/** Writes Mosquitto's files and returns the lines for mosquitto.conf. Overwrites existing files only with `force`. */
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
    if (!force && existsSync(file)) throw new Error(`${file} already exists; use --force to overwrite it`);
  }
  for (const { file, text } of files) {
    writeFileSync(file, text, { mode: 0o600 });
    chmodSync(file, 0o600);
  }
  return { configLines };
}
