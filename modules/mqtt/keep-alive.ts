import type { Clock, Timer } from "../board/index.js";

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** Keep-alive period of the CONNECT packet, ms. */
  readonly periodMs: number;
  /** Sends PINGREQ. */
  readonly ping: () => void;
  /** The broker has not answered a ping in time. */
  readonly onMissed: () => void;
  /** Called twice per period, for further checks of the broker. */
  readonly onCheck: () => void;
}

/** Time for the broker to answer a ping, ms. */
const PINGRESP_TIMEOUT_MS = 10_000;

/**
 * Detects a broker that has gone without closing the connection. MQTT requires a ping only when nothing was sent
 * [MQTT-3.1.2-23]. A station that only sends would detect nothing, so it also pings when nothing was received.
 */
export class KeepAlive {
  private readonly _options: KeepAliveOptions;
  private _timer: Timer | undefined;
  private _answerTimer: Timer | undefined;
  private _hasSent = false;
  private _hasReceived = false;

  constructor(options: KeepAliveOptions) {
    this._options = options;
  }

  /** Starts the checks. Two per period ensure that a packet is sent within each period [MQTT-3.1.2-24]. */
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

  /** Records that a packet was sent. */
  recordSent(): void {
    this._hasSent = true;
  }

  /** Records that data was received. Any data shows that the broker is present. */
  recordReceived(): void {
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
