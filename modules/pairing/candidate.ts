import type { Clock, IO, Timer } from "../board/index.js";
import { isJSONObject, textField } from "../json/index.js";
import type { Link, LinkFailure, LinkState } from "../network/index.js";
import type { PairingParameters } from "./parameters.js";

/** Why the broker could not be reached; the codes of protocol, section 2. */
export interface BrokerFailure {
  readonly code: string;
  readonly message: string;
}

export interface PairingFailure {
  readonly code: PairingFailureCode;
  /** What happened and what to do, for people. */
  readonly message: string;
}

const BROKER_CODES = [
  "host-not-found",
  "broker-unreachable",
  "broker-no-answer",
  "broker-refused",
  "tls-failed",
] as const;

const WIFI_CODES: readonly LinkFailure["code"][] = [
  "wifi-not-found",
  "wifi-wrong-password",
  "wifi-no-address",
];

const OWN_CODES = [
  /** The station could not keep what was proven. */
  "storage-failed",
  /** The power went while it was tried. */
  "interrupted",
  /** Somebody ended pairing mode while it was tried. */
  "given-up",
] as const;

export type PairingFailureCode =
  | LinkFailure["code"]
  | (typeof BROKER_CODES)[number]
  | (typeof OWN_CODES)[number];

const MAX_MESSAGE_CHARS = 300;

/** A failure that was stored. */
export function parseFailure(value: unknown): PairingFailure | undefined {
  if (!isJSONObject(value)) return undefined;
  const code = [...WIFI_CODES, ...BROKER_CODES, ...OWN_CODES].find((one) => one === value.code);
  const message = textField(value, "message", MAX_MESSAGE_CHARS);
  return code && message !== undefined ? { code, message } : undefined;
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
  followLink(state: LinkState): void {
    if (this._isDone || this._broker) return;
    if (state.type === "joining" && state.failure) this._finish(state.failure);
    if (state.type !== "up") return;
    this._broker = this._options.tryBroker(this._options.parameters, (failure) => {
      this._finish(failure && { code: pairingCode(failure.code), message: failure.message });
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

/** What a broker's session can fail of beyond the codes of pairing is that it did not answer as a broker does. */
function pairingCode(code: string): PairingFailureCode {
  return BROKER_CODES.find((one) => one === code) ?? "broker-no-answer";
}
