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
  #options: KeepAliveOptions;
  #timer: Timer | undefined;
  #answerTimer: Timer | undefined;
  #hasSent = false;
  #hasReceived = false;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
  }

  /** Two checks a period, so that no more than a period passes without a packet [MQTT-3.1.2-24]. */
  start(): void {
    this.stop();
    this.#hasSent = false;
    this.#hasReceived = false;
    this.#timer = this.#options.clock.repeat(() => this.#check(), this.#options.periodMs / 2);
  }

  stop(): void {
    this.#options.clock.clear(this.#timer);
    this.#options.clock.clear(this.#answerTimer);
    this.#answerTimer = undefined;
  }

  noteSent(): void {
    this.#hasSent = true;
  }

  /** Whatever the broker sends shows that it is there. */
  noteReceived(): void {
    this.#hasReceived = true;
    this.#options.clock.clear(this.#answerTimer);
    this.#answerTimer = undefined;
  }

  #check(): void {
    const isQuiet = !this.#hasSent || !this.#hasReceived;
    this.#hasSent = false;
    this.#hasReceived = false;
    if (isQuiet && !this.#answerTimer) {
      this.#options.ping();
      this.#answerTimer = this.#options.clock.set(() => this.#options.onMissed(), PINGRESP_TIMEOUT_MS);
    }
    this.#options.onCheck();
  }
}
