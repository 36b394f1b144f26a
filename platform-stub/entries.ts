import type { GrantMethod } from "../modules/charging/index.js";

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
  /** An MQTT password of its own, good beside its owner's: one that changed hands has it. */
  readonly token?: string;
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
  /** The e-mail of whose station it was. */
  readonly owner: string;
  /** When the platform got it, in seconds since 1970-01-01 UTC. */
  readonly accepted: number;
  /** Lower-case hex SHA-256 of the tag, and its last characters. */
  readonly tag: string;
  readonly tagEnd: string;
  readonly method: GrantMethod;
  /** Seconds since 1970-01-01 UTC. */
  readonly start: number | null;
  readonly end: number | null;
  readonly seconds: number;
  readonly startWh: number;
  readonly endWh: number;
  readonly why: string;
  /** It came again with other values than these, which came first. */
  readonly isDisputed?: boolean;
}
