import type { Clock, IO, Timer } from "../board/index.js";
import type { Link, LinkState } from "../network/index.js";
import { brokerFailureCode, type PairingFailure } from "./failure.js";
import type { PairingParameters } from "./parameters.js";

/** Why the broker could not be reached; the codes of protocol, section 2. */
export interface BrokerFailure {
  readonly code: string;
  readonly message: string;
}

export interface CandidateOptions {
  readonly clock: Clock;
  readonly link: Pick<Link, "join" | "state">;
  readonly parameters: PairingParameters;
  /** Reaches the broker once. */
  readonly tryBroker: (
    parameters: PairingParameters,
    done: (failure: BrokerFailure | undefined) => void,
  ) => IO;
  /** Once. */
  readonly onDone: (failure: PairingFailure | undefined) => void;
}

/** Everything together: a join with its second try, an address, a name, TCP, TLS, CONNACK. */
const DEADLINE_MS = 90_000;

/** Parameters that are tried: into the network, to the broker, and the answer why not. */
export class Candidate implements IO {
  private _options: CandidateOptions;
  private _deadline: Timer | undefined;
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

  /** The link tells; a candidate listens while it joins. */
  handleLinkState(state: LinkState): void {
    if (this._isDone || this._broker) return;
    if (state.type === "joining" && state.failure) this._finish(state.failure);
    if (state.type !== "up") return;
    this._broker = this._options.tryBroker(this._options.parameters, (failure) => {
      this._finish(failure && { code: brokerFailureCode(failure.code), message: failure.message });
    });
  }

  /** Gives up without a word. */
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
