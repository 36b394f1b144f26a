import type { Board, IO, Timer } from "../board/index.js";
import type { Link, LinkState } from "../network/index.js";
import type { StoredRecord } from "../settings/index.js";
import { OwnNetwork } from "./access-point.js";
import { type BrokerFailure, Candidate, type PairingFailure } from "./candidate.js";
import { HTTPAPI, type Reply, type Route, text } from "./http-api.js";
import { type PairingParameters, parseParameters, requiredFields } from "./parameters.js";

export interface PairingOptions {
  readonly board: Board;
  readonly link: Pick<Link, "join" | "state">;
  readonly pairingRecord: StoredRecord<PairingParameters>;
  readonly candidateRecord: StoredRecord<PairingParameters>;
  readonly tryBroker: (
    parameters: PairingParameters,
    done: (failure: BrokerFailure | undefined) => void,
  ) => IO;
  readonly productTitle: string;
  /** None: an open network. */
  readonly accessPointPassword: string | undefined;
  /** What `/status` says of the firmware and the station; no secrets. */
  readonly describe: () => Readonly<Record<string, unknown>>;
  /** A candidate is about to be tried: whoever uses the network or the account lets go of it. */
  readonly onTrying: () => void;
  /** The parameters were proven and are stored. */
  readonly onPaired: (parameters: PairingParameters) => void;
  /** They were not; what there was before still stands. */
  readonly onFailed: (failure: PairingFailure) => void;
}

/** How long the station's own network stays after success, so that the phone can read of it. */
const LINGER_MS = 30_000;
/** Time for the answer to `/pair` to reach the phone. */
const ANSWER_MS = 500;

/**
 * Pairing: the station's own network, the HTTP API, and candidates that become the parameters once they have been
 * proven. The record `pairing` is only ever replaced by parameters with which the broker was reached, in one write.
 */
export class Pairing implements IO {
  #options: PairingOptions;
  #ownNetwork: OwnNetwork;
  #api: HTTPAPI;
  #isActive = false;
  #candidate: Candidate | undefined;
  /** Runs between the answer to `/pair` and the try. */
  #candidateTimer: Timer | undefined;
  #lastFailure: PairingFailure | undefined;
  #linger: Timer | undefined;

  constructor(options: PairingOptions) {
    this.#options = options;
    const { board, productTitle, accessPointPassword: password } = options;
    this.#ownNetwork = new OwnNetwork({ board, productTitle, password });
    this.#api = new HTTPAPI({ board, routes: this.#routes() });
    this.#dropInterrupted();
  }

  /** In pairing mode: `/pair` is answered. */
  get isActive(): boolean {
    return this.#isActive;
  }

  get lastFailure(): PairingFailure | undefined {
    return this.#lastFailure;
  }

  /** Into pairing mode: the station's own network comes up. */
  enter(): void {
    this.#isActive = true;
    this.#options.board.clock.clear(this.#linger);
    this.#ownNetwork.open();
    // A station on a wire is reached over it.
    if (this.#options.board.io.network.kind === "ethernet") this.#options.link.join(undefined);
  }

  /** Out of pairing mode; a candidate that is being tried is given up, and what there was before goes on. */
  leave(): void {
    const wasTrying = this.isTrying;
    this.#giveUp();
    if (wasTrying) {
      this.#options.candidateRecord.clear();
      this.#lastFailure = {
        code: "given-up",
        message: "pairing mode was left while the parameters were tried",
      };
      this.#options.onFailed(this.#lastFailure);
    }
    this.#isActive = false;
    this.#options.board.clock.clear(this.#linger);
    this.#ownNetwork.close();
  }

  /** The station passes on what its link says. */
  followLink(state: LinkState): void {
    this.#candidate?.followLink(state);
  }

  close(): void {
    this.#giveUp();
    this.#options.board.clock.clear(this.#linger);
    this.#api.close();
    this.#ownNetwork.close();
  }

  get #hasWiFi(): boolean {
    return this.#options.board.io.network.kind === "wifi";
  }

  #routes(): Route[] {
    return [
      { path: "/healthcheck", methods: ["GET"], changes: false, answer: () => text(200, "OK") },
      { path: "/pair", methods: ["GET", "POST"], changes: true, answer: (fields) => this.#pair(fields) },
      { path: "/status", methods: ["GET"], changes: false, answer: () => this.#status() },
    ];
  }

  #pair(fields: ReadonlyMap<string, string>): Reply {
    if (!this.#isActive) return text(403, "the station is not in pairing mode");
    const parsed = parseParameters(fields, { wifi: this.#hasWiFi });
    if (!parsed.ok) return text(400, parsed.message);
    try {
      this.#options.candidateRecord.write(parsed.parameters);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.board.log(`pairing: the candidate could not be stored: ${error.message}`);
      return text(500, "the station cannot store the parameters; reset it and try again");
    }
    // The answer leaves first: joining may move the radio to another channel, and the phone with it.
    this.#giveUp();
    this.#candidateTimer = this.#options.board.clock.set(() => this.#try(parsed.parameters), ANSWER_MS);
    this.#lastFailure = undefined;
    return text(200, "OK");
  }

  #status(): Reply {
    const { lastFailure } = this;
    const body = JSON.stringify({
      mode: this.#isActive ? "pairing" : "operating",
      waitingFor: this.#isActive && !this.isTrying ? requiredFields({ wifi: this.#hasWiFi }) : [],
      trying: this.isTrying,
      lastFailure: lastFailure ? { code: lastFailure.code, message: lastFailure.message } : null,
      ...this.#options.describe(),
    });
    return { status: 200, body, type: "application/json" };
  }

  #try(parameters: PairingParameters): void {
    this.#candidateTimer = undefined;
    this.#options.onTrying();
    this.#candidate = new Candidate({
      clock: this.#options.board.clock,
      link: this.#options.link,
      parameters,
      tryBroker: this.#options.tryBroker,
      onDone: (failure) => this.#conclude(parameters, failure),
    });
    // A link that is up already (a wire) says nothing by itself.
    if (!this.#hasWiFi) this.#candidate.followLink(this.#options.link.state);
  }

  #conclude(parameters: PairingParameters, failure: PairingFailure | undefined): void {
    this.#candidate = undefined;
    const problem = failure ?? this.#commit(parameters);
    this.#options.candidateRecord.clear();
    this.#lastFailure = problem;
    if (problem) {
      this.#options.board.log(`pairing: failed: ${problem.code}: ${problem.message}`);
      this.#options.onFailed(problem);
      return;
    }
    this.#isActive = false;
    this.#linger = this.#options.board.clock.set(() => this.#ownNetwork.close(), LINGER_MS);
    this.#options.onPaired(parameters);
  }

  #commit(parameters: PairingParameters): PairingFailure | undefined {
    try {
      this.#options.pairingRecord.write(parameters);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { code: "storage-failed", message: `the parameters could not be stored: ${error.message}` };
    }
  }

  /** Parameters were taken and are not proven or refused yet. */
  get isTrying(): boolean {
    return this.#candidate !== undefined || this.#candidateTimer !== undefined;
  }

  #giveUp(): void {
    this.#options.board.clock.clear(this.#candidateTimer);
    this.#candidateTimer = undefined;
    this.#candidate?.close();
    this.#candidate = undefined;
  }

  /** A candidate that is still there at the start was being tried when the power went. */
  #dropInterrupted(): void {
    const { candidateRecord, pairingRecord, board } = this.#options;
    const candidate = candidateRecord.read();
    if (!candidate) return;
    if (JSON.stringify(pairingRecord.read()) !== JSON.stringify(candidate)) {
      const message = "the power went while the parameters were tried; pair again";
      this.#lastFailure = { code: "interrupted", message };
      board.log(`pairing: failed: interrupted: ${message}`);
    }
    candidateRecord.clear();
  }
}
