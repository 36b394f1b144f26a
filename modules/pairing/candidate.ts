import type { Clock, IO, Timer } from "../board/index.js";
import type { MQTTFailure } from "../mqtt/index.js";
import type { Link, LinkState } from "../network/index.js";
import { BROKER_CODES, type PairingFailure } from "./failure.js";
import type { PairingParameters } from "./parameters.js";

export interface CandidateOptions {
  readonly clock: Clock;
  readonly link: Pick<Link, "join" | "state">;
  readonly parameters: PairingParameters;
  /** Connects to the broker once and reports the result. */
  readonly tryBroker: (parameters: PairingParameters, done: (failure: MQTTFailure | undefined) => void) => IO;
  /** Called once; `undefined` means success. */
  readonly onDone: (failure: PairingFailure | undefined) => void;
}

/** Time limit of a candidate, ms: two attempts to join, DHCP, SNTP (20 s), DNS, TCP, TLS and CONNACK. */
const DEADLINE_MS = 110_000;

/** Tries parameters: joins the network and connects to the broker. */
export class Candidate implements IO {
  private readonly _options: CandidateOptions;
  private readonly _deadline: Timer | undefined;
  private _broker: IO | undefined;
  private _isDone = false;

  constructor(options: CandidateOptions) {
    this._options = options;
    this._deadline = options.clock.set(() => {
      const code = this._broker ? "broker-no-answer" : "wifi-no-address";
      this._finish({ code, message: "trying the parameters took too long; try again" });
    }, DEADLINE_MS);
    options.link.join(options.parameters.wifi);
  }

  /** Handles a state of the link. States after the join are ignored. */
  handleLinkState(state: LinkState): void {
    if (this._isDone || this._broker) return;
    if (state.type === "joining" && state.failure) this._finish(state.failure);
    if (state.type !== "up") return;
    this._broker = this._options.tryBroker(this._options.parameters, (failure) => {
      this._finish(failure && { code: BROKER_CODES[failure.code], message: failure.message });
    });
  }

  /** Cancels the candidate without calling `onDone`. */
  close(): void {
    this._isDone = true;
    this._options.clock.clear(this._deadline);
    this._broker?.close();
  }

  private _finish(failure: PairingFailure | undefined): void {
    if (this._isDone) return;
    this.close();
    this._options.onDone(failure);
  }
}
