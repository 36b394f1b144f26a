import type { Board, Timer, WiFi, WiFiNetwork } from "../board/index.js";

/** The strongest of each name. */
export type Heard = readonly WiFiNetwork[];

/** In a crowded place; what is heard after them is left out. */
const MAX_NETWORKS = 32;
/** A scan that does not end is over. */
const TIMEOUT_MS = 10_000;

/**
 * One scan at a time, whoever asks for it. Who asks during one gets what that hears; where the radio refuses (it does
 * while it joins), what was heard the last time.
 */
export class Scanner {
  #clock: Board["clock"];
  #wifi: Pick<WiFi, "scan">;
  #waiting: ((heard: Heard) => void)[] = [];
  #heard = new Map<string, WiFiNetwork>();
  #last: Heard = [];
  #timer: Timer | undefined;
  /** Another number for each scan, and after the end. */
  #scan = 0;

  constructor({ clock, wifi }: { clock: Board["clock"]; wifi: Pick<WiFi, "scan"> }) {
    this.#clock = clock;
    this.#wifi = wifi;
  }

  /** `done` comes later, once. Those that wait are as many as HTTP connections, and the link itself. */
  scan(done: (heard: Heard) => void): void {
    this.#waiting.push(done);
    if (this.#waiting.length > 1) return;
    const scan = ++this.#scan;
    this.#heard.clear();
    let delayMs = TIMEOUT_MS;
    try {
      this.#wifi.scan({
        onFound: (network) => {
          if (scan === this.#scan) this.#note(network);
        },
        onComplete: () => {
          if (scan === this.#scan) this.#end();
        },
      });
    } catch {
      for (const network of this.#last) this.#note(network);
      delayMs = 0;
    }
    this.#timer = this.#clock.set(() => this.#end(), delayMs);
  }

  close(): void {
    this.#scan++;
    this.#waiting = [];
    this.#clock.clear(this.#timer);
  }

  #note(network: WiFiNetwork): void {
    const before = this.#heard.get(network.ssid);
    if (network.ssid === "" || (before ? before.rssi >= network.rssi : this.#heard.size >= MAX_NETWORKS))
      return;
    this.#heard.set(network.ssid, network);
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#last = [...this.#heard.values()];
    this.close();
    for (const done of waiting) done(this.#last);
  }
}
