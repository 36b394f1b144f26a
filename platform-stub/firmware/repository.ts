/**
 * The firmware that a platform gives out, and to whom: releases in stages, which stop by themselves when stations go
 * back to the firmware before. Needs nothing of Node, so that the simulation runs the same.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";

export type Channel = "stable" | "staging";

export interface Release {
  readonly productId: string;
  readonly version: number;
  readonly channel: Channel;
  readonly image: Uint8Array<ArrayBuffer>;
  /** Ed25519 over the image's SHA-256; 128 hex digits. */
  readonly signature?: string;
  /** Of all device ids, how many get it: 0-100. */
  readonly percent: number;
}

/** What became of a release so far. */
export interface Progress {
  /** Device ids, each once, by what they said last. */
  readonly updated: readonly string[];
  readonly rolledBack: readonly string[];
  /** Nobody gets it any more. */
  readonly isHalted: boolean;
}

export interface RepositoryOptions {
  /** A release halts when more than this share of the stations that tried it went back; 0.1 unless given. */
  readonly maxRolledBackShare?: number;
  /** And at least as many; 3 unless given: one station with a bad power supply is no bad release. */
  readonly minRolledBack?: number;
  /** A station has said how a release did, or the release was halted by that. */
  readonly onProgress?: (release: Release, progress: Progress) => void;
}

interface Entry {
  release: Release;
  readonly sha256: string;
  readonly updated: Set<string>;
  readonly rolledBack: Set<string>;
  isHalted: boolean;
}

/** An entry as it is given to a station. */
export interface Offer {
  readonly release: Release;
  /** Of the image, lower-case hex. */
  readonly sha256: string;
}

/** What a station says of itself over the broker. */
export interface StationReport {
  readonly deviceId: string;
  /** `$fw/name` */
  readonly productId: string;
  /** `$fw/version`: the one that runs. */
  readonly version: number;
  /** `firmware/updatestate` */
  readonly updateState: string;
}

const ROLLED_BACK = /^Rolled back: version (\d{1,10}): /;

export class FirmwareRepository {
  #options: RepositoryOptions;
  /** Oldest first. */
  #entries: Entry[] = [];

  constructor(options: RepositoryOptions = {}) {
    this.#options = options;
  }

  get releases(): readonly Release[] {
    return this.#entries.map(({ release }) => release);
  }

  /** Puts a release on the repository, or changes how far it is rolled out. Throws for a version that is another image. */
  put(release: Release, progress?: Progress): void {
    if (!(release.percent >= 0 && release.percent <= 100)) throw new RangeError("a percentage is 0-100");
    const hash = encodeHex(Uint8Array.from(sha256(release.image)));
    const before = this.#find(release);
    if (before && before.sha256 !== hash) {
      throw new Error(`version ${release.version} of ${release.productId} is another image already`);
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

  /** The newest release that a station may have; who does not say its id gets what is for everybody. */
  offer(productId: string, channel: Channel, deviceId: string | undefined): Offer | undefined {
    const isFor = ({ release, isHalted }: Entry) => {
      if (release.productId !== productId || isHalted) return false;
      // Staging stations are the first to have anything.
      if (release.channel === "staging") return channel === "staging";
      return (
        release.percent >= 100 || (deviceId !== undefined && shareOf(release, deviceId) < release.percent)
      );
    };
    return this.#entries.findLast(isFor);
  }

  /** A station has said how its update went. The same again changes nothing: such words are retained. */
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
      if (rolledBack !== undefined) this.#judge(entry);
      this.#tell(entry);
    }
  }

  #tell({ release }: Entry): void {
    this.#options.onProgress?.(release, this.progress(release));
  }

  #judge(entry: Entry): void {
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

/** Where a device id stands among all, 0-100: for each release elsewhere, and for one release always there. */
function shareOf({ productId, version }: Release, deviceId: string): number {
  const hash = sha256(encodeUTF8(`${productId}/${version}/${deviceId}`));
  const [a = 0, b = 0, c = 0, d = 0] = hash;
  return (100 * (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)) / 2 ** 32;
}
