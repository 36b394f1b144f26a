import { type Schedule, schedule } from "../schedule.js";
import type { Release } from "./repository.js";

/** Minimum interval between two writes of a release's progress, ms. */
const WRITE_INTERVAL_MS = 1000;

export interface ProgressWriterOptions {
  /** Writes the present progress of a release. */
  readonly write: (release: Release) => void;
  readonly schedule?: Schedule;
}

/** Combines the writes of a second: a station can change its report with each message, and a write blocks the process. */
export class ProgressWriter {
  readonly #write: (release: Release) => void;
  readonly #schedule: Schedule;
  /** Releases whose progress is not written, by name. */
  readonly #pending = new Map<string, Release>();
  #cancel: (() => void) | undefined;

  constructor(options: ProgressWriterOptions) {
    this.#write = options.write;
    this.#schedule = options.schedule ?? schedule;
  }

  /** Writes the progress of a release within a second. */
  request(release: Release): void {
    this.#pending.set(`${release.productId}/${release.channel}/${release.version}`, release);
    this.#cancel ??= this.#schedule(() => this.flush(), WRITE_INTERVAL_MS);
  }

  /** Writes at once what is pending. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const releases = [...this.#pending.values()];
    this.#pending.clear();
    for (const release of releases) this.#write(release);
  }
}
