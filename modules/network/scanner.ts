import type { Board, Timer, WiFi, WiFiNetwork } from "../board/index.js";

/** Networks that a scan has found: the strongest access point of each name. */
export type ScanResults = readonly WiFiNetwork[];

/** Highest number of networks in a result. Further networks are left out. */
const MAX_NETWORKS = 32;
/** Time after which a scan ends with the networks found so far, ms. */
const TIMEOUT_MS = 10_000;

/**
 * Runs one scan at a time. Callers during a scan share its result. When the radio refuses a scan, as it does while it
 * joins, the result is that of the last scan.
 */
export class Scanner {
  private readonly _clock: Board["clock"];
  private readonly _wifi: Pick<WiFi, "scan">;
  private _callbacks: ((results: ScanResults) => void)[] = [];
  private readonly _found = new Map<string, WiFiNetwork>();
  private _last: ScanResults = [];
  private _timer: Timer | undefined;
  /** Identifies the running scan. It changes with each scan and at its end, so that late callbacks are ignored. */
  private _scanId = 0;

  constructor({ clock, wifi }: { clock: Board["clock"]; wifi: Pick<WiFi, "scan"> }) {
    this._clock = clock;
    this._wifi = wifi;
  }

  /** Scans. Calls `done` once, asynchronously. Callers are limited to the HTTP connections and the link itself. */
  scan(done: (results: ScanResults) => void): void {
    this._callbacks.push(done);
    if (this._callbacks.length > 1) return;
    const scanId = ++this._scanId;
    this._found.clear();
    let delayMs = TIMEOUT_MS;
    try {
      this._wifi.scan({
        onFound: (network) => {
          if (scanId === this._scanId) this._record(network);
        },
        onComplete: () => {
          if (scanId === this._scanId) this._end();
        },
      });
    } catch {
      for (const network of this._last) this._record(network);
      delayMs = 0;
    }
    this._timer = this._clock.set(() => this._end(), delayMs);
  }

  close(): void {
    this._scanId++;
    this._callbacks = [];
    this._clock.clear(this._timer);
    this._timer = undefined;
  }

  /** Records a network unless it is hidden, weaker than a recorded one of its name, or one too many. */
  private _record(network: WiFiNetwork): void {
    const before = this._found.get(network.ssid);
    if (network.ssid === "" || (before ? before.rssi >= network.rssi : this._found.size >= MAX_NETWORKS))
      return;
    this._found.set(network.ssid, network);
  }

  private _end(): void {
    const callbacks = this._callbacks;
    this._last = [...this._found.values()];
    this.close();
    for (const done of callbacks) done(this._last);
  }
}
