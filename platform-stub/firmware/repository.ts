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
}

export interface RepositoryOptions {
  /** Maximum share of rollbacks among the stations that tried a release. Above it the release halts. Default: 0.1. */
  readonly maxRolledBackShare?: number;
  /** Minimum number of rollbacks that halts a release, so that one faulty station does not. Default: 3. */
  readonly minRolledBack?: number;
  /** Called after a report on a release, and when the release is halted by it. */
  readonly onProgress?: (release: Release, progress: Progress) => void;
}

interface Entry {
  release: Release;
  readonly sha256: string;
  readonly updated: Set<string>;
  readonly rolledBack: Set<string>;
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
      return;
    }
    this.#entries.push({
      release,
      sha256: hash,
      updated: new Set(progress?.updated),
      rolledBack: new Set(progress?.rolledBack),
      isHalted: progress?.isHalted ?? false,
    });
    this.#entries.sort((a, b) => a.release.version - b.release.version);
  }

  progress(release: Pick<Release, "productId" | "version" | "channel">): Progress {
    const { updated, rolledBack, isHalted } = this.#find(release) ?? {
      updated: [],
      rolledBack: [],
      isHalted: false,
    };
    return { updated: [...updated], rolledBack: [...rolledBack], isHalted };
  }

  /** Returns the newest release for a station. Without a device id only releases for 100 % are offered. */
  offer(productId: string, channel: Channel, deviceId: string | undefined): Offer | undefined {
    const isFor = ({ release, isHalted }: Entry) => {
      if (release.productId !== productId || isHalted) return false;
      // Stations in staging mode get every release, regardless of its percentage.
      if (release.channel === "staging") return channel === "staging";
      return (
        release.percent >= 100 || (deviceId !== undefined && shareOf(release, deviceId) < release.percent)
      );
    };
    return this.#entries.findLast(isFor);
  }

  /** Records a station's report. Repeated reports, which the broker's retained messages cause, have no effect. */
  report({ deviceId, productId, version, updateState }: StationReport): void {
    const rolledBack = ROLLED_BACK.exec(updateState)?.[1];
    if (rolledBack === undefined && updateState !== "Updated successfully") return;
    const about = rolledBack === undefined ? version : Number(rolledBack);
    for (const entry of this.#entries) {
      if (entry.release.productId !== productId || entry.release.version !== about) continue;
      const { updated, rolledBack: gone } = entry;
      const [to, from] = rolledBack === undefined ? [updated, gone] : [gone, updated];
      if (to.has(deviceId)) continue;
      from.delete(deviceId);
      to.add(deviceId);
      if (rolledBack !== undefined) this.#haltIfBad(entry);
      this.#options.onProgress?.(entry.release, this.progress(entry.release));
    }
  }

  #haltIfBad(entry: Entry): void {
    const { maxRolledBackShare = 0.1, minRolledBack = 3 } = this.#options;
    const bad = entry.rolledBack.size;
    if (entry.isHalted || bad < minRolledBack) return;
    if (bad / (bad + entry.updated.size) <= maxRolledBackShare) return;
    entry.isHalted = true;
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

/** Position of a device id among all, 0-100. It is fixed for one release and random between releases. */
function shareOf({ productId, version }: Release, deviceId: string): number {
  const hash = sha256(encodeUTF8(`${productId}/${version}/${deviceId}`));
  const [a = 0, b = 0, c = 0, d = 0] = hash;
  return (100 * (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)) / 2 ** 32;
}
