import type { Board, IO, Timer } from "../board/index.js";
import type { Link, LinkState } from "../network/index.js";
import type { StoredRecord } from "../settings/index.js";
import { OwnNetwork } from "./access-point.js";
import { type BrokerFailure, Candidate, type PairingFailure } from "./candidate.js";
import { probeRoute } from "./captive-portal.js";
import { GET, GET_AND_POST, HTTPAPI, type Route } from "./http-api.js";
import type { Login } from "./login.js";
import { managementRoutes, type Offer } from "./management.js";
import { panelRoute } from "./panel-route.js";
import {
  type CandidateRecord,
  type Fields,
  fieldsOf,
  missingFields,
  type PairingParameters,
  pairingFields,
  parseParameters,
  problemOfPart,
} from "./parameters.js";
import { json, OK, type Reply, text } from "./reply.js";

export interface PairingOptions {
  readonly board: Board;
  readonly link: Pick<Link, "join" | "scan" | "state">;
  readonly login: Login;
  readonly pairingRecord: StoredRecord<PairingParameters>;
  readonly candidateRecord: StoredRecord<CandidateRecord>;
  /** Built in or provisioned; what is missing is asked for. */
  readonly preset: Fields;
  readonly tryBroker: (
    parameters: PairingParameters,
    done: (failure: BrokerFailure | undefined) => void,
  ) => IO;
  readonly productTitle: string;
  /** None: an open network. */
  readonly accessPointPassword: string | undefined;
  /** What else the HTTP API answers. */
  readonly routes: () => readonly Route[];
  /** What `/status` says of the firmware and the station; no secrets. */
  readonly describe: () => Readonly<Record<string, unknown>>;
  /** A candidate is about to be tried: whoever uses the network or the account lets go of it. */
  readonly onTrying: () => void;
  /** The parameters were proven and are stored. */
  readonly onPaired: (parameters: PairingParameters) => void;
  /** They were not; what there was before still stands. */
  readonly onFailed: (failure: PairingFailure) => void;
  /** Somebody with the login wants the station to start again; the answer has left. */
  readonly onRestart: () => void;
  /** The same, without anything that was not provisioned. */
  readonly onReset: () => void;
}

/** How long the station's own network stays after success, so that the phone can read of it. */
const LINGER_MS = 30_000;
/** A network that is away for this long is perhaps no more: the station can be reached over its own. */
const FALLBACK_MS = 5 * 60_000;
/** Time for the answer to a request to reach the phone. */
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
  /** What was given and is not whole, or has failed, while there is nothing that works. */
  #draft: Fields = new Map();
  /** Runs while the station's own network stays after success. */
  #linger: Timer | undefined;
  /** Runs from when the network was lost to the fallback. */
  #lost: Timer | undefined;
  #isFallback = false;

  constructor(options: PairingOptions) {
    this.#options = options;
    const { board, productTitle, accessPointPassword: password } = options;
    this.#ownNetwork = new OwnNetwork({ board, productTitle, password });
    this.#api = new HTTPAPI({
      board,
      login: options.login,
      route: (path) =>
        this.#routes().find((one) => one.path === path) ??
        panelRoute(board, path) ??
        probeRoute(path, this.#isActive || this.#isFallback),
    });
    this.#takeUp();
  }

  /** What is built in or provisioned, if that is all there has to be. */
  get presetParameters(): PairingParameters | undefined {
    const parsed = parseParameters(this.#options.preset, { wifi: this.#hasWiFi });
    return parsed.ok ? parsed.parameters : undefined;
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
    this.#showNetwork();
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
    this.#endLinger();
  }

  /** What was given and is not proven goes, after the records have. */
  forget(): void {
    this.#giveUp();
    this.#draft = new Map();
    this.#lastFailure = undefined;
  }

  /** The station passes on what its link says. */
  followLink(state: LinkState): void {
    this.#candidate?.followLink(state);
    if (state.type === "joining") {
      this.#lost ??= this.#options.board.clock.set(() => this.#setFallback(true), FALLBACK_MS);
      return;
    }
    this.#options.board.clock.clear(this.#lost);
    this.#lost = undefined;
    // Whoever gives other parameters over the fallback is to see what becomes of them.
    if (!this.isTrying) this.#setFallback(false);
  }

  /** The radio is about to go there. */
  followChannel(channel: number): void {
    this.#ownNetwork.moveTo(channel);
  }

  close(): void {
    this.#giveUp();
    this.#options.board.clock.clear(this.#linger);
    this.#options.board.clock.clear(this.#lost);
    this.#api.close();
    this.#ownNetwork.close();
  }

  get #hasWiFi(): boolean {
    return this.#options.board.io.network.kind === "wifi";
  }

  #setFallback(isFallback: boolean): void {
    if (isFallback !== this.#isFallback)
      this.#options.board.log(`pairing: fallback ${isFallback ? "on" : "off"}`);
    this.#isFallback = isFallback;
    this.#showNetwork();
  }

  #endLinger(): void {
    this.#options.board.clock.clear(this.#linger);
    this.#linger = undefined;
    this.#showNetwork();
  }

  #showNetwork(): void {
    if (this.#isActive || this.#isFallback || this.#linger) this.#ownNetwork.open();
    else this.#ownNetwork.close();
  }

  #routes(): Route[] {
    const { board, login, link, onRestart, onReset } = this.#options;
    return [
      { path: "/healthcheck", methods: GET, answer: () => OK },
      { path: "/pair", methods: GET_AND_POST, changes: true, answer: (fields) => this.#pair(fields) },
      { path: "/status", methods: GET, answer: () => this.#status() },
      ...this.#options.routes(),
      ...managementRoutes({
        login,
        link,
        offer: (offer) => this.#complete(offer),
        restart: () => {
          board.clock.set(() => {
            // Apps ask for it after new parameters; those are in use without it.
            if (!this.isTrying) onRestart();
          }, ANSWER_MS);
        },
        reset: () => {
          board.clock.set(onReset, ANSWER_MS);
        },
      }),
    ];
  }

  /** What `/pair` need not say again. What has failed it has to. */
  #known(): Fields {
    return new Map([...this.#options.preset, ...(this.#lastFailure ? [] : this.#draft)]);
  }

  #pair(given: Fields): Reply {
    if (!this.#isActive) return text(403, "the station is not in pairing mode");
    return this.#take(new Map([...this.#known(), ...pairingFields(given)]));
  }

  /** New parameters out of some fields and those that there are. */
  #complete({ given, required, dropped = [] }: Offer): Reply {
    const { preset, pairingRecord } = this.#options;
    const missing = required.filter((name) => !given.has(name) && !preset.has(name));
    const problem = missing.length > 0 ? `missing: ${missing.join(", ")}` : problemOfPart(given);
    if (problem !== undefined) return text(400, problem);
    const current = pairingRecord.read();
    const kept = [...(current ? fieldsOf(current) : this.#draft)].filter(([name]) => !dropped.includes(name));
    const fields = new Map([...preset, ...kept, ...given]);
    if (missingFields(fields, { wifi: this.#hasWiFi }).length === 0) return this.#take(fields);
    this.#draft = fields;
    return this.#keep({ fields, isTried: false }) ?? OK;
  }

  /** Parameters that will be tried, if they are whole. */
  #take(fields: Fields): Reply {
    const parsed = parseParameters(fields, { wifi: this.#hasWiFi });
    if (!parsed.ok) return text(400, parsed.message);
    const problem = this.#keep({ fields, isTried: true });
    if (problem) return problem;
    // The answer leaves first: joining may move the radio to another channel, and the phone with it.
    this.#giveUp();
    this.#draft = fields;
    this.#candidateTimer = this.#options.board.clock.set(() => this.#try(parsed.parameters), ANSWER_MS);
    this.#lastFailure = undefined;
    return OK;
  }

  #keep(candidate: CandidateRecord): Reply | undefined {
    try {
      this.#options.candidateRecord.write(candidate);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#options.board.log(`pairing: the candidate could not be stored: ${error.message}`);
      return text(500, "the station cannot store the parameters; reset it and try again");
    }
  }

  #status(): Reply {
    const { lastFailure } = this;
    const fields = this.#known();
    return json({
      mode: this.#isActive ? "pairing" : "operating",
      waitingFor: this.#isActive && !this.isTrying ? missingFields(fields, { wifi: this.#hasWiFi }) : [],
      trying: this.isTrying,
      lastFailure: lastFailure ? { code: lastFailure.code, message: lastFailure.message } : null,
      network: this.#options.board.io.network.kind,
      preset: [...this.#options.preset.keys()],
      ...this.#options.describe(),
    });
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
    this.#lastFailure = problem;
    if (problem) {
      // Whoever comes after a power cut is to know, too.
      if (this.#keep({ fields: this.#draft, isTried: false, failure: problem })) {
        this.#options.candidateRecord.clear();
      }
      this.#options.board.log(`pairing: failed: ${problem.code}: ${problem.message}`);
      this.#options.onFailed(problem);
      return;
    }
    this.#options.candidateRecord.clear();
    this.#draft = new Map();
    this.#linger = this.#ownNetwork.isOpen
      ? this.#options.board.clock.set(() => this.#endLinger(), LINGER_MS)
      : undefined;
    this.#isActive = false;
    this.#isFallback = false;
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

  /** What was given before the start, or has failed; what was being tried then was interrupted by it. */
  #takeUp(): void {
    const { candidateRecord, pairingRecord, board } = this.#options;
    const { fields, isTried, failure } = candidateRecord.read() ?? {};
    if (!fields) return;
    const stored = pairingRecord.read();
    this.#lastFailure = failure;
    if (isTried && !this.#isSame(fields, stored)) {
      const message = "the power went while the parameters were tried; pair again";
      this.#lastFailure = { code: "interrupted", message };
      board.log(`pairing: failed: interrupted: ${message}`);
    }
    // Where something works a failure is told once; else until something does.
    if (!stored) {
      this.#draft = fields;
      if (isTried) this.#keep({ fields, isTried: false, failure: this.#lastFailure });
    } else if (isTried || failure) candidateRecord.clear();
  }

  /** It was proven, and the power went before that was noted. */
  #isSame(fields: Fields, stored: PairingParameters | undefined): boolean {
    const parsed = parseParameters(fields, { wifi: this.#hasWiFi });
    return JSON.stringify(stored) === (parsed.ok ? JSON.stringify(parsed.parameters) : "");
  }
}
