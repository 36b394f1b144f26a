import { type Schedule, schedule } from "./schedule.js";

/** Duration in which a source logs one line of a kind, ms. */
const WINDOW_MS = 60_000;
/** Maximum number of sources and kinds that are counted separately. Further ones share a line. */
export const MAX_WINDOWS = 1000;
/** Source and kind of all lines beyond `MAX_WINDOWS`. */
const OTHERS = "other clients";

export interface LogLine {
  /** Name of the client for the limit. A client must not be able to choose it freely. */
  readonly source: string;
  /** What the lines of a minute have in common. One of few. */
  readonly kind: string;
  readonly text: string;
}

/** Logs one line of each source and kind in a minute, and at its end the number of the others: no client can flood the log. */
export class LogLimit {
  readonly #log: (text: string) => void;
  readonly #schedule: Schedule;
  /** Windows by source and kind. */
  readonly #windows = new Map<
    string,
    { more: number; readonly end: () => void; readonly cancel: () => void }
  >();

  constructor(log: (text: string) => void, options: { readonly schedule?: Schedule } = {}) {
    this.#log = log;
    this.#schedule = options.schedule ?? schedule;
  }

  /** Logs or counts a line. */
  add({ source, kind, text }: LogLine): void {
    const name = `${source}: ${kind}`;
    const isOther = !this.#windows.has(name) && this.#windows.size >= MAX_WINDOWS;
    const window = this.#windows.get(isOther ? OTHERS : name);
    if (window) {
      window.more++;
      return;
    }
    this.#log(text);
    this.#open(isOther ? OTHERS : name);
  }

  /** Logs the counts of the present minute. */
  close(): void {
    for (const { end, cancel } of [...this.#windows.values()]) {
      cancel();
      end();
    }
  }

  #open(name: string): void {
    const end = () => {
      const { more = 0 } = this.#windows.get(name) ?? {};
      this.#windows.delete(name);
      if (more > 0) this.#log(`${name}: ${more} more in a minute`);
    };
    this.#windows.set(name, { more: 0, end, cancel: this.#schedule(end, WINDOW_MS) });
  }
}

const TOPIC_KIND = /(?:^|\/)(req|res|sweet-home|errors|notifications)(?:\/|$)/;

/** Kind of a topic or filter: the level after its user. Topics beyond the protocol share one kind. */
export function topicKindOf(topic: string): string {
  return TOPIC_KIND.exec(topic)?.[1] ?? "other topics";
}
