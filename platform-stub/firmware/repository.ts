/**
 * Firmware repository: staged releases, which halt when too many stations roll back. Independent of Node, so that the
 * simulation runs it too.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";

export type Channel = "stable" | "staging";

/** A version of the firmware for a product. */
export interface Release {
  readonly productId: string;
  readonly version: number;
  readonly channel: Channel;
  readonly image: Uint8Array<ArrayBuffer>;
  /** Ed25519 over the image's SHA-256; 128 hex digits. */
  readonly signature?: string;
  /** Share of the stations that get the release, 0-100 %. */
  readonly percent: number;
}

/** The stations' reports on a release. */
export interface Progress {
  /** Device ids whose last report is a successful update. */
  readonly updated: readonly string[];
  /** Device ids whose last report is a rollback. */
  readonly rolledBack: readonly string[];
  /** The release is offered to no station. */
  readonly isHalted: boolean;
  /** Owners to whose stations the release is not offered. */
  readonly haltedOwners: readonly string[];
}

export interface RepositoryOptions {
  /** Maximum share of rollbacks among the stations that tried a release. Above it the release halts. Default: 0.1. */
  readonly maxRolledBackShare?: number;
  /** Minimum number of rollbacks that halts a release, so that one faulty station does not. Default: 3. */
  readonly minRolledBack?: number;
  /**
   * Owner of a station; `undefined` for one that is not registered, whose reports do not count. Default: each station is
   * registered and has an owner of its own.
   */
  readonly ownerOf?: (deviceId: string) => string | undefined;
  /** Called after a report that changes the progress of a release. */
  readonly onProgress?: (release: Release) => void;
  /** Called after `onProgress` when the report halts the release, for all owners or for another one. */
  readonly onHalted?: (release: Release, progress: Progress) => void;
}

interface Entry {
  release: Release;
  readonly sha256: string;
  readonly updated: Set<string>;
  readonly rolledBack: Set<string>;
  readonly haltedOwners: Set<string>;
  isHalted: boolean;
}

/** A release that a station may install. */
export interface Offer {
  readonly release: Release;
  /** SHA-256 of the image, lower-case hex. */
  readonly sha256: string;
}

/** A station's report on its firmware, from its properties at the broker. */
export interface StationReport {
  readonly deviceId: string;
  /** `$fw/name` */
  readonly productId: string;
  /** `$fw/version`: the running version. */
  readonly version: number;
  /** `firmware/updatestate` */
  readonly updateState: string;
}

/**
 * Minimum number of owners whose stations have rolled back before a release halts for all stations. The stations of one
 * owner can halt it for that owner only.
 */
const MIN_OWNERS = 2;

const ROLLED_BACK = /^Rolled back: version (\d{1,10}): /;

/** Selects releases for stations, and halts a release when too many stations roll back. */
export class FirmwareRepository {
  readonly #options: RepositoryOptions;
  /** Releases by version, the lowest first. */
  readonly #entries: Entry[] = [];

  constructor(options: RepositoryOptions = {}) {
    this.#options = options;
  }

  get releases(): readonly Release[] {
    return this.#entries.map(({ release }) => release);
  }

  /** Adds a release, or changes its percentage. Throws when the version exists with another image. */
  put(release: Release, progress?: Progress): void {
    if (!(release.percent >= 0 && release.percent <= 100)) throw new RangeError("a percentage must be 0-100");
    const hash = encodeHex(Uint8Array.from(sha256(release.image)));
    const before = this.#find(release);
    if (before && before.sha256 !== hash) {
      throw new Error(`version ${release.version} of ${release.productId} already exists with another image`);
    }
    if (before) {
      before.release = release;
      before.isHalted = progress?.isHalted ?? before.isHalted;
      if (progress) replaceAll(before.haltedOwners, progress.haltedOwners);
      return;
    }
    this.#entries.push({
      release,
      sha256: hash,
      updated: new Set(progress?.updated),
      rolledBack: new Set(progress?.rolledBack),
      haltedOwners: new Set(progress?.haltedOwners),
      isHalted: progress?.isHalted ?? false,
    });
    this.#entries.sort((a, b) => a.release.version - b.release.version);
  }

  progress(release: Pick<Release, "productId" | "version" | "channel">): Progress {
    const { updated, rolledBack, haltedOwners, isHalted } = this.#find(release) ?? {
      updated: [],
      rolledBack: [],
      haltedOwners: [],
      isHalted: false,
    };
    return {
      updated: [...updated],
      rolledBack: [...rolledBack],
      isHalted,
      haltedOwners: [...haltedOwners],
    };
  }

  /** Returns the newest release for a station. Without a device id only releases for 100 % are offered. */
  offer(productId: string, channel: Channel, deviceId: string | undefined): Offer | undefined {
    const owner = deviceId === undefined ? undefined : this.#ownerOf(deviceId);
    const isFor = ({ release, isHalted, haltedOwners }: Entry) => {
      if (release.productId !== productId || isHalted) return false;
      if (owner !== undefined && haltedOwners.has(owner)) return false;
      // Stations in staging mode get every release, regardless of its percentage.
      return release.channel === "staging" ? channel === "staging" : isInShare(release, deviceId);
    };
    return this.#entries.findLast(isFor);
  }

  /** Records a station's report. Repeated reports, which the broker's retained messages cause, have no effect. */
  report({ deviceId, productId, version, updateState }: StationReport): void {
    const rolledBack = ROLLED_BACK.exec(updateState)?.[1];
    if (rolledBack === undefined && updateState !== "Updated successfully") return;
    const about = rolledBack === undefined ? version : Number(rolledBack);
    if (this.#ownerOf(deviceId) === undefined) return;
    for (const entry of this.#entries) {
      if (entry.release.productId !== productId || entry.release.version !== about) continue;
      // A station outside the share was not offered the release.
      if (entry.release.channel === "stable" && !isInShare(entry.release, deviceId)) continue;
      const { updated, rolledBack: gone } = entry;
      const [to, from] = rolledBack === undefined ? [updated, gone] : [gone, updated];
      if (to.has(deviceId)) continue;
      from.delete(deviceId);
      to.add(deviceId);
      const hasHalted = rolledBack !== undefined && this.#haltIfBad(entry);
      this.#options.onProgress?.(entry.release);
      if (hasHalted) this.#options.onHalted?.(entry.release, this.progress(entry.release));
    }
  }

  /** Halts a release that has too many rollbacks. Returns whether it is halted for more owners than before. */
  #haltIfBad(entry: Entry): boolean {
    const before = { isHalted: entry.isHalted, owners: entry.haltedOwners.size };
    const { maxRolledBackShare = 0.1, minRolledBack = 3 } = this.#options;
    const owners = this.#countsByOwner(entry);
    const shares = [...owners.values()].map(({ bad, good }) => bad / (bad + good));
    for (const [owner, { bad, good }] of owners) {
      if (bad >= minRolledBack && bad / (bad + good) > maxRolledBackShare) entry.haltedOwners.add(owner);
    }
    // Each owner has the same weight, however many stations it has.
    const share = shares.reduce((sum, one) => sum + one, 0) / shares.length;
    const bad = [...owners.values()].filter((counts) => counts.bad > 0);
    const stations = bad.reduce((sum, counts) => sum + counts.bad, 0);
    if (bad.length >= MIN_OWNERS && stations >= minRolledBack && share > maxRolledBackShare)
      entry.isHalted = true;
    return entry.isHalted !== before.isHalted || entry.haltedOwners.size > before.owners;
  }

  /** Numbers of an owner's stations that rolled back and that were updated, by owner. */
  #countsByOwner({ rolledBack, updated }: Entry): Map<string, { bad: number; good: number }> {
    const owners = new Map<string, { bad: number; good: number }>();
    const count = (deviceIds: ReadonlySet<string>, what: "bad" | "good") => {
      for (const deviceId of deviceIds) {
        const owner = this.#ownerOf(deviceId);
        if (owner === undefined) continue;
        const counts = owners.get(owner) ?? { bad: 0, good: 0 };
        counts[what]++;
        owners.set(owner, counts);
      }
    };
    count(rolledBack, "bad");
    count(updated, "good");
    return owners;
  }

  #ownerOf(deviceId: string): string | undefined {
    const { ownerOf } = this.#options;
    return ownerOf ? ownerOf(deviceId) : deviceId;
  }

  #find({
    productId,
    version,
    channel,
  }: Pick<Release, "productId" | "version" | "channel">): Entry | undefined {
    return this.#entries.find(
      ({ release }) =>
        release.productId === productId && release.version === version && release.channel === channel,
    );
  }
}

function replaceAll<T>(set: Set<T>, items: readonly T[]): void {
  set.clear();
  for (const item of items) set.add(item);
}

/** Whether a stable release is offered to a station, by the release's percentage. */
function isInShare(release: Release, deviceId: string | undefined): boolean {
  return release.percent >= 100 || (deviceId !== undefined && shareOf(release, deviceId) < release.percent);
}

/** Position of a device id among all, 0-100. It is fixed for one release and random between releases. */
function shareOf({ productId, version }: Release, deviceId: string): number {
  const hash = sha256(encodeUTF8(`${productId}/${version}/${deviceId}`));
  const [a = 0, b = 0, c = 0, d = 0] = hash;
  return (100 * (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)) / 2 ** 32;
}
