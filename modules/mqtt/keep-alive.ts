import type { Clock, Timer } from "../board/index.js";

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** Keep-alive period of the CONNECT packet, ms. */
  readonly periodMs: number;
  readonly host: KeepAliveHost;
}

export interface KeepAliveHost {
  /** Sends PINGREQ. */
  sendPing(): void;
  /** The broker has not answered a ping in time. */
  handleMissedPing(): void;
  /** Called twice per period, for further checks of the broker. */
  checkBroker(): void;
}

/** Time for the broker to answer a ping, ms. */
const PINGRESP_TIMEOUT_MS = 10_000;

/**
 * Detects a broker that has gone without closing the connection. MQTT requires a ping only when nothing was sent
 * [MQTT-3.1.2-23]. A station that only sends would detect nothing, so it also pings when nothing was received.
 */
export class KeepAlive {
  private readonly _clock: Clock;
  private readonly _periodMs: number;
  private readonly _host: KeepAliveHost;
  private _timer: Timer | undefined;
  private _answerTimer: Timer | undefined;
  private _hasSent = false;
  private _hasReceived = false;

  constructor({ clock, periodMs, host }: KeepAliveOptions) {
    this._clock = clock;
    this._periodMs = periodMs;
    this._host = host;
  }

  /** Starts the checks. Two per period ensure that a packet is sent within each period [MQTT-3.1.2-24]. */
  start(): void {
    this.stop();
    this._hasSent = false;
    this._hasReceived = false;
    this._timer = this._clock.repeat(() => this._check(), this._periodMs / 2);
  }

  stop(): void {
    this._clock.clear(this._timer);
    this._clock.clear(this._answerTimer);
    this._answerTimer = undefined;
  }

  /** Records that a packet was sent. */
  recordSent(): void {
    this._hasSent = true;
  }

  /** Records that data was received. Any data shows that the broker is present. */
  recordReceived(): void {
    this._hasReceived = true;
    this._clock.clear(this._answerTimer);
    this._answerTimer = undefined;
  }

  private _check(): void {
    const isQuiet = !this._hasSent || !this._hasReceived;
    this._hasSent = false;
    this._hasReceived = false;
    if (isQuiet && !this._answerTimer) {
      this._host.sendPing();
      this._answerTimer = this._clock.set(() => this._host.handleMissedPing(), PINGRESP_TIMEOUT_MS);
    }
    this._host.checkBroker();
  }
}
