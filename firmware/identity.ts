/** Who is who (docs/protocol.md, section 1). */

import type { Crypto } from "../modules/board/index.js";
import { encodeHex, encodeUTF8 } from "../modules/bytes/index.js";

interface Owner {
  readonly email: string;
  readonly token: string;
  readonly rootTopic?: string;
}

/** Lower-case hex SHA-256 of the e-mail, trimmed. */
function emailHash(crypto: Crypto, email: string): string {
  return encodeHex(crypto.sha256(encodeUTF8(email.trim())));
}

/** `<user>`, the first level of every topic of an owner. */
export function userOf(crypto: Crypto, owner: Owner): string {
  return owner.rootTopic ?? emailHash(crypto, owner.email);
}

/** MQTT user name and password. */
export function brokerAccount(crypto: Crypto, owner: Owner): { username: string; password: string } {
  return { username: emailHash(crypto, owner.email), password: owner.token };
}

/** The device id of a station that nobody gave one: its MAC address. */
export function deviceIdOfMAC(mac: string): string {
  return mac.toLowerCase().replaceAll(":", "-");
}
