import type { Clock, Timer } from "../board/index.js";

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** The keep-alive of the CONNECT packet. */
  readonly periodMs: number;
  /** Sends PINGREQ. */
  readonly ping: () => void;
  readonly onMissed: () => void;
  /** Twice a period; what else shows that a broker is gone can be looked at. */
  readonly onCheck: () => void;
}

const PINGRESP_TIMEOUT_MS = 10_000;

/**
 * Notices a broker that is gone without a word. A station that only sends would never learn it from MQTT's own rule
 * (ping when nothing was sent, [MQTT-3.1.2-23]), so it also pings when nothing was received.
 */
export class KeepAlive {
  private _options: KeepAliveOptions;
  private _timer: Timer | undefined;
  private _answerTimer: Timer | undefined;
  private _hasSent = false;
  private _hasReceived = false;

  constructor(options: KeepAliveOptions) {
    this._options = options;
  }

  /** Two checks a period, so that no more than a period passes without a packet [MQTT-3.1.2-24]. */
  start(): void {
    this.stop();
    this._hasSent = false;
    this._hasReceived = false;
    this._timer = this._options.clock.repeat(() => this._check(), this._options.periodMs / 2);
  }

  stop(): void {
    this._options.clock.clear(this._timer);
    this._options.clock.clear(this._answerTimer);
    this._answerTimer = undefined;
  }

  noteSent(): void {
    this._hasSent = true;
  }

  /** Whatever the broker sends shows that it is there. */
  noteReceived(): void {
    this._hasReceived = true;
    this._options.clock.clear(this._answerTimer);
    this._answerTimer = undefined;
  }

  private _check(): void {
    const isQuiet = !this._hasSent || !this._hasReceived;
    this._hasSent = false;
    this._hasReceived = false;
    if (isQuiet && !this._answerTimer) {
      this._options.ping();
      this._answerTimer = this._options.clock.set(() => this._options.onMissed(), PINGRESP_TIMEOUT_MS);
    }
    this._options.onCheck();
  }
}
