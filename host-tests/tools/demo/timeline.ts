/** Output of `npm start`: one line for each observed event, as text or as JSON. */

export type DemoEvent =
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
  | "proved"
  | "replayed"
  | "finished";

export interface Happening {
  readonly from: string;
  readonly to: string;
  /** Text for humans. */
  readonly what: string;
  /** Fields of the JSON output. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface TimelineOptions {
  readonly isJSON: boolean;
  readonly print: (line: string) => void;
}

const WHO_WIDTH = 22;

export class Timeline {
  readonly #options: TimelineOptions;
  readonly #startMs = performance.now();

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** Prints an event, which was observed from outside the station. */
  event(event: DemoEvent, happening: Happening): void {
    if (this.#options.isJSON) this.#printJSON({ event, ...happening.details });
    else this.#printText(happening, `${happening.what}  [${event}]`);
  }

  /** Prints an intermediate step, in the text output only. */
  detail(happening: Happening): void {
    if (!this.#options.isJSON) this.#printText(happening, happening.what);
  }

  /** Prints the last line. */
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
