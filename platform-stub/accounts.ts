/** Users and their accounts at the broker: user names, passwords and topics (docs/protocol.md, section 1). */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { User } from "./entries.js";
import type { Table } from "./store.js";

/** The MQTT user name: lower-case hex SHA-256 of the e-mail, trimmed (docs/protocol.md, section 1). */
export function usernameOf(email: string): string {
  return createHash("sha256").update(email.trim(), "utf8").digest("hex");
}

/** MQTT user names of a user: of the e-mail as it is registered, and of the e-mail in lower case. */
export function usernamesOf({ email }: User): string[] {
  return [...new Set([usernameOf(email), usernameOf(email.toLowerCase())])];
}

/** The user with an e-mail, in any spelling of upper and lower case and with any spaces around it. */
export function findUser(users: Pick<Table<User>, "all" | "get">, email: string): User | undefined {
  const wanted = email.trim().toLowerCase();
  return users.get(email) ?? users.all().find((user) => user.email.trim().toLowerCase() === wanted);
}

/** A password of an account at the broker: 24 random bytes, 32 characters. */
export function randomAccountPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** Compares two secrets in constant time. */
export function isSame(given: Uint8Array, secret: string): boolean {
  const expected = Buffer.from(secret, "utf8");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** `<user>`: the first level, or levels, of all topics of an owner. */
export function userTopicOf(user: User): string {
  return user.rootTopic ?? usernameOf(user.email);
}

/** All `<user>` topics that an owner's stations may use. A station that was paired with the e-mail in lower case uses the second. */
export function userTopicsOf(user: User): string[] {
  return user.rootTopic === undefined ? usernamesOf(user) : [user.rootTopic];
}
