import type { GrantMethod } from "../modules/charging/index.js";

/** Cipher of the answers to a station. */
export type Cipher = "aes-256-gcm" | "aes-256-cbc";

/** An owner of stations and cards. */
export interface User {
  readonly email: string;
  /** The MQTT password of the user's stations. */
  readonly token: string;
  /** First level, or levels, of the user's topics; absent: the hash of the e-mail. */
  readonly rootTopic?: string;
}

/** A station. */
export interface DeviceEntry {
  readonly id: string;
  /** The owner's e-mail. */
  readonly owner: string;
  /** The response key: 64 lower-case hex digits. */
  readonly key: string;
  readonly cipher: Cipher;
  /** The response key that replaces `key`, once the station has stored it; absent: no rotation is under way. */
  readonly nextKey?: string;
  /**
   * MQTT password of the station's own account, whose user name is the device id. Absent: the station uses its owner's
   * account.
   */
  readonly password?: string;
  /** The station's own MQTT password in its owner's account, valid beside its owner's. A transferred station has one. */
  readonly token?: string;
}

/** Presentations that a card accepts: its plain number, a proof of its secret, or both. */
export type Accepts = "static" | "proof" | "both";

/** A virtual card. */
export interface TagEntry {
  /** The card's number. That of a card with a secret is a card id (docs/protocol.md, section 3). */
  readonly tag: string;
  /** E-mail of the user whose stations accept the card. */
  readonly owner: string;
  readonly label?: string;
  /** Device ids of the stations that accept the card; absent: all stations of the owner. */
  readonly stations?: readonly string[];
  readonly blocked?: boolean;
  /** Current limit of the card, A; absent: the station's limit. */
  readonly maxCurrent?: number;
  /** How long a station may accept the card without asking the platform, s; absent: not at all. */
  readonly cacheFor?: number;
  /** Absent: `static`. A card that accepts proofs has a secret. */
  readonly accepts?: Accepts;
}

/** A virtual card with its secret, as a configuration file or an imported file may contain it. */
export interface CardEntry extends TagEntry {
  /** 32 bytes in base64url, without padding. */
  readonly secret?: string;
}

/** A finished charging session, as a station reported it (docs/protocol.md, section 4). */
export interface SessionEntry {
  readonly device: string;
  readonly id: string;
  /** E-mail of the station's owner at the time. */
  readonly owner: string;
  /** When the platform received it first, in seconds since 1970-01-01 UTC. */
  readonly accepted: number;
  /** Lower-case hex SHA-256 of the tag. */
  readonly tag: string;
  /** The last characters of the tag. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
  /** Seconds since 1970-01-01 UTC; `null`: the station did not know the time. */
  readonly start: number | null;
  /** Seconds since 1970-01-01 UTC; `null`: the station did not know the time. */
  readonly end: number | null;
  /** Duration, s. */
  readonly seconds: number;
  readonly startWh: number;
  readonly endWh: number;
  /** Reason of the end. */
  readonly why: string;
  /** Code of a fault of metering in the session: `meter-silent`, `meter-backwards` or `meter-unread`. */
  readonly meterFault?: string;
  /** The meter's signed data (OCMF), as the station reported it. It is not verified. */
  readonly signed?: string;
  /** The station reported the session again with other values. The values here are the first ones. */
  readonly isDisputed?: boolean;
}

/** The content of a configuration file. */
export interface RegistryData {
  readonly users: readonly User[];
  readonly devices: readonly DeviceEntry[];
  readonly tags: readonly CardEntry[];
}
