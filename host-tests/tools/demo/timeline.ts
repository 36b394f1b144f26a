/** What `npm start` prints: a line for each thing that was seen to happen, for people or as JSON. */

export type StoryEvent =
  | "platform"
  | "pairing-mode"
  | "paired"
  | "online"
  | "plugged"
  | "pending"
  | "authorized"
  | "charging"
  | "rejected"
  | "untrusted"
  | "timeout"
  | "finished";

export interface Happening {
  readonly from: string;
  readonly to: string;
  /** For people. */
  readonly what: string;
  /** For programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface TimelineOptions {
  readonly isJSON: boolean;
  readonly print: (line: string) => void;
}

const WHO_WIDTH = 22;

export class Timeline {
  #options: TimelineOptions;
  #startMs = performance.now();

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** An event of the demo: it was observed from outside the station. */
  event(event: StoryEvent, happening: Happening): void {
    if (this.#options.isJSON) this.#printJSON({ event, ...happening.details });
    else this.#printText(happening, `${happening.what}  [${event}]`);
  }

  /** Something on the way there; people want to see it, programs do not. */
  note(happening: Happening): void {
    if (!this.#options.isJSON) this.#printText(happening, happening.what);
  }

  /** The last line. */
  done(outcome: { readonly ok: boolean; readonly message: string }): void {
    if (this.#options.isJSON)
      this.#printJSON({ event: "done", ok: outcome.ok, ...(outcome.ok ? {} : { message: outcome.message }) });
    else this.#options.print(`\n${outcome.ok ? "ok" : "FAILED"}: ${outcome.message}`);
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startMs);
  }

  #printJSON(fields: Readonly<Record<string, unknown>>): void {
    this.#options.print(JSON.stringify({ at: this.elapsedMs, ...fields }));
  }

  #printText({ from, to }: Happening, what: string): void {
    const time = (this.elapsedMs / 1000).toFixed(3).padStart(8);
    this.#options.print(`${time}  ${`${from} → ${to}`.padEnd(WHO_WIDTH)}  ${what}`);
  }
}
