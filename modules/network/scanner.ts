import type { Board, Timer, WiFi, WiFiNetwork } from "../board/index.js";

/** The strongest of each name. */
export type ScanResults = readonly WiFiNetwork[];

/** In a crowded place; what is heard after them is left out. */
const MAX_NETWORKS = 32;
/** A scan that does not end is over. */
const TIMEOUT_MS = 10_000;

/**
 * One scan at a time, whoever asks for it. Who asks during one gets what that hears; where the radio refuses (it does
 * while it joins), what was heard the last time.
 */
export class Scanner {
  private _clock: Board["clock"];
  private _wifi: Pick<WiFi, "scan">;
  private _waiting: ((heard: ScanResults) => void)[] = [];
  private _heard = new Map<string, WiFiNetwork>();
  private _last: ScanResults = [];
  private _timer: Timer | undefined;
  /** Another number for each scan, and after the end. */
  private _scan = 0;

  constructor({ clock, wifi }: { clock: Board["clock"]; wifi: Pick<WiFi, "scan"> }) {
    this._clock = clock;
    this._wifi = wifi;
  }

  /** `done` comes later, once. Those that wait are as many as HTTP connections, and the link itself. */
  scan(done: (heard: ScanResults) => void): void {
    this._waiting.push(done);
    if (this._waiting.length > 1) return;
    const scan = ++this._scan;
    this._heard.clear();
    let delayMs = TIMEOUT_MS;
    try {
      this._wifi.scan({
        onFound: (network) => {
          if (scan === this._scan) this._note(network);
        },
        onComplete: () => {
          if (scan === this._scan) this._end();
        },
      });
    } catch {
      for (const network of this._last) this._note(network);
      delayMs = 0;
    }
    this._timer = this._clock.set(() => this._end(), delayMs);
  }

  close(): void {
    this._scan++;
    this._waiting = [];
    this._clock.clear(this._timer);
  }

  private _note(network: WiFiNetwork): void {
    const before = this._heard.get(network.ssid);
    if (network.ssid === "" || (before ? before.rssi >= network.rssi : this._heard.size >= MAX_NETWORKS))
      return;
    this._heard.set(network.ssid, network);
  }

  private _end(): void {
    const waiting = this._waiting;
    this._last = [...this._heard.values()];
    this.close();
    for (const done of waiting) done(this._last);
  }
}
