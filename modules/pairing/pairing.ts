import type { Board, IO, Timer } from "../board/index.js";
import type { Link, LinkListener, LinkState } from "../network/index.js";
import type { StoredRecord } from "../settings/index.js";
import type { Login } from "../web/index.js";
import {
  GET,
  GET_AND_POST,
  HTTPAPI,
  json,
  OK,
  panelRoute,
  probeRoute,
  type Reply,
  type Route,
  text,
} from "../web/index.js";
import { AccessPoint } from "./access-point.js";
import { type BrokerFailure, Candidate } from "./candidate.js";
import type { PairingFailure } from "./failure.js";
import { managementRoutes, type Offer } from "./management.js";
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

export interface PairingOptions {
  readonly board: Board;
  /** Pairing subscribes to it. */
  readonly link: Link;
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
  /** `POST /pair` and `GET /pair` need the admin login now. */
  readonly pairNeedsLogin?: () => boolean;
  /** None: an open network. */
  readonly accessPointPassword: string | undefined;
  /** What else the HTTP API answers. */
  readonly routes: () => readonly Route[];
  /** What `/status` says of the firmware and the station; no secrets. */
  readonly describe: () => Readonly<Record<string, unknown>>;
  /** A candidate waits for the link and the account. The station frees both, then calls `begin`. */
  readonly onTrying: (parameters: PairingParameters) => void;
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

/** The progress of parameters from the answer to `/pair` to their proof. */
type Trial =
  | { readonly type: "none" }
  /** The answer leaves first: joining may move the radio, and the phone with it, to another channel. */
  | { readonly type: "answering"; readonly timer: Timer }
  /** The station still uses the link or the account. */
  | { readonly type: "waiting"; readonly parameters: PairingParameters }
  | { readonly type: "running"; readonly candidate: Candidate };

const NO_TRIAL: Trial = { type: "none" };

/**
 * Pairing: the station's own network, the HTTP API, and candidates that become the parameters once they have been
 * proven. The record `pairing` is only ever replaced by parameters with which the broker was reached, in one write.
 */
export class Pairing implements IO, LinkListener {
  private _options: PairingOptions;
  private _accessPoint: AccessPoint;
  private _api: HTTPAPI;
  private _isActive = false;
  private _trial: Trial = NO_TRIAL;
  private _lastFailure: PairingFailure | undefined;
  /** What was given and is not whole, or has failed, while there is nothing that works. */
  private _draft: Fields = new Map();
  /** Runs while the station's own network stays after success. */
  private _linger: Timer | undefined;
  /** Runs from when the network was lost to the fallback. */
  private _lost: Timer | undefined;
  private _isFallback = false;

  constructor(options: PairingOptions) {
    this._options = options;
    const { board, productTitle, accessPointPassword: password } = options;
    this._accessPoint = new AccessPoint({ board, productTitle, password });
    this._api = new HTTPAPI({
      board,
      login: options.login,
      route: (path) =>
        this._routes().find((one) => one.path === path) ??
        panelRoute(board, path) ??
        probeRoute(path, this._isActive || this._isFallback),
    });
    this._takeUp();
    options.link.subscribe(this);
  }

  /** Parameters to start with: the stored ones, or the preset ones if nothing is missing. */
  get initialParameters(): PairingParameters | undefined {
    const { pairingRecord, preset } = this._options;
    const stored = pairingRecord.read();
    if (stored) return stored;
    const parsed = parseParameters(preset, { wifi: this._hasWiFi });
    return parsed.ok ? parsed.parameters : undefined;
  }

  /** In pairing mode: `/pair` is answered. */
  get isActive(): boolean {
    return this._isActive;
  }

  get lastFailure(): PairingFailure | undefined {
    return this._lastFailure;
  }

  /** Into pairing mode: the station's own network comes up. */
  enter(): void {
    this._isActive = true;
    this._showNetwork();
    // A station on a wire is reached over it.
    if (this._options.board.io.network.kind === "ethernet") this._options.link.join(undefined);
  }

  /** Out of pairing mode; a candidate that is being tried is given up, and what there was before goes on. */
  leave(): void {
    const wasTrying = this.isTrying;
    this._giveUp();
    if (wasTrying) {
      this._options.candidateRecord.clear();
      this._lastFailure = {
        code: "given-up",
        message: "pairing mode was left while the parameters were tried",
      };
      this._options.onFailed(this._lastFailure);
    }
    this._isActive = false;
    this._endLinger();
  }

  /** What was given and is not proven goes, after the records have. */
  forget(): void {
    this._giveUp();
    this._draft = new Map();
    this._lastFailure = undefined;
  }

  handleLinkState(state: LinkState): void {
    if (this._trial.type === "running") this._trial.candidate.handleLinkState(state);
    if (state.type === "joining") {
      this._lost ??= this._options.board.clock.set(() => this._setFallback(true), FALLBACK_MS);
      return;
    }
    this._options.board.clock.clear(this._lost);
    this._lost = undefined;
    // Whoever gives other parameters over the fallback is to see what becomes of them.
    if (!this.isTrying) this._setFallback(false);
  }

  handleLinkChannel(channel: number): void {
    this._accessPoint.moveTo(channel);
  }

  /** Tries the candidate that waits, if there still is one: link and account are free. */
  begin(): void {
    const { _trial: trial } = this;
    if (trial.type !== "waiting") return;
    const { parameters } = trial;
    const { board, link, tryBroker } = this._options;
    const candidate = new Candidate({
      clock: board.clock,
      link,
      parameters,
      tryBroker,
      onDone: (failure) => this._conclude(parameters, failure),
    });
    this._trial = { type: "running", candidate };
    // A link that is up already (a wire) reports nothing by itself.
    if (!this._hasWiFi) candidate.handleLinkState(link.state);
  }

  close(): void {
    this._giveUp();
    this._options.board.clock.clear(this._linger);
    this._options.board.clock.clear(this._lost);
    this._api.close();
    this._accessPoint.close();
  }

  private get _hasWiFi(): boolean {
    return this._options.board.io.network.kind === "wifi";
  }

  private _setFallback(isFallback: boolean): void {
    if (isFallback !== this._isFallback)
      this._options.board.log(`pairing: fallback ${isFallback ? "on" : "off"}`);
    this._isFallback = isFallback;
    this._showNetwork();
  }

  private _endLinger(): void {
    this._options.board.clock.clear(this._linger);
    this._linger = undefined;
    this._showNetwork();
  }

  private _showNetwork(): void {
    if (this._isActive || this._isFallback || this._linger) this._accessPoint.open();
    else this._accessPoint.close();
  }

  private _routes(): Route[] {
    const { board, login, link, pairNeedsLogin, onRestart, onReset } = this._options;
    return [
      { path: "/healthcheck", methods: GET, answer: () => OK },
      {
        path: "/pair",
        methods: GET_AND_POST,
        changes: true,
        needsLogin: pairNeedsLogin?.() ?? false,
        answer: (fields) => this._pair(fields),
      },
      { path: "/status", methods: GET, answer: () => this._status() },
      ...this._options.routes(),
      ...managementRoutes({
        login,
        link,
        offer: (offer) => this._complete(offer),
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
  private _known(): Fields {
    return new Map([...this._options.preset, ...(this._lastFailure ? [] : this._draft)]);
  }

  private _pair(given: Fields): Reply {
    if (!this._isActive) return text(403, "the station is not in pairing mode");
    return this._take(new Map([...this._known(), ...pairingFields(given)]));
  }

  /** New parameters out of some fields and those that there are. */
  private _complete({ given, required, dropped = [] }: Offer): Reply {
    const { preset, pairingRecord } = this._options;
    const missing = required.filter((name) => !given.has(name) && !preset.has(name));
    const problem = missing.length > 0 ? `missing: ${missing.join(", ")}` : problemOfPart(given);
    if (problem !== undefined) return text(400, problem);
    const current = pairingRecord.read();
    const kept = [...(current ? fieldsOf(current) : this._draft)].filter(([name]) => !dropped.includes(name));
    const fields = new Map([...preset, ...kept, ...given]);
    if (missingFields(fields, { wifi: this._hasWiFi }).length === 0) return this._take(fields);
    this._draft = fields;
    return this._keep({ fields, isTried: false }) ?? OK;
  }

  /** Parameters that will be tried, if they are whole. */
  private _take(fields: Fields): Reply {
    const parsed = parseParameters(fields, { wifi: this._hasWiFi });
    if (!parsed.ok) return text(400, parsed.message);
    const problem = this._keep({ fields, isTried: true });
    if (problem) return problem;
    this._giveUp();
    this._draft = fields;
    const timer = this._options.board.clock.set(() => this._try(parsed.parameters), ANSWER_MS);
    this._trial = { type: "answering", timer };
    this._lastFailure = undefined;
    return OK;
  }

  private _keep(candidate: CandidateRecord): Reply | undefined {
    try {
      this._options.candidateRecord.write(candidate);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this._options.board.log(`pairing: the candidate could not be stored: ${error.message}`);
      return text(500, "the station cannot store the parameters; reset it and try again");
    }
  }

  private _status(): Reply {
    const { lastFailure } = this;
    const fields = this._known();
    return json({
      mode: this._isActive ? "pairing" : "operating",
      waitingFor: this._isActive && !this.isTrying ? missingFields(fields, { wifi: this._hasWiFi }) : [],
      trying: this.isTrying,
      lastFailure: lastFailure ? { code: lastFailure.code, message: lastFailure.message } : null,
      network: this._options.board.io.network.kind,
      preset: [...this._options.preset.keys()],
      ...this._options.describe(),
    });
  }

  private _try(parameters: PairingParameters): void {
    this._trial = { type: "waiting", parameters };
    this._options.onTrying(parameters);
  }

  private _conclude(parameters: PairingParameters, failure: PairingFailure | undefined): void {
    this._trial = NO_TRIAL;
    const problem = failure ?? this._commit(parameters);
    this._lastFailure = problem;
    if (problem) {
      // Whoever comes after a power cut is to know, too.
      if (this._keep({ fields: this._draft, isTried: false, failure: problem })) {
        this._options.candidateRecord.clear();
      }
      this._options.board.log(`pairing: failed: ${problem.code}: ${problem.message}`);
      this._options.onFailed(problem);
      return;
    }
    this._options.candidateRecord.clear();
    this._draft = new Map();
    this._linger = this._accessPoint.isOpen
      ? this._options.board.clock.set(() => this._endLinger(), LINGER_MS)
      : undefined;
    this._isActive = false;
    this._isFallback = false;
    this._options.onPaired(parameters);
  }

  private _commit(parameters: PairingParameters): PairingFailure | undefined {
    try {
      this._options.pairingRecord.write(parameters);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { code: "storage-failed", message: `the parameters could not be stored: ${error.message}` };
    }
  }

  /** Parameters were accepted and are not proven or refused yet. */
  get isTrying(): boolean {
    return this._trial.type !== "none";
  }

  private _giveUp(): void {
    const { _trial: trial } = this;
    this._trial = NO_TRIAL;
    if (trial.type === "answering") this._options.board.clock.clear(trial.timer);
    else if (trial.type === "running") trial.candidate.close();
  }

  /** What was given before the start, or has failed; what was being tried then was interrupted by it. */
  private _takeUp(): void {
    const { candidateRecord, pairingRecord, board } = this._options;
    const { fields, isTried, failure } = candidateRecord.read() ?? {};
    if (!fields) return;
    const stored = pairingRecord.read();
    this._lastFailure = failure;
    if (isTried && !this._isSame(fields, stored)) {
      const message = "the power went while the parameters were tried; pair again";
      this._lastFailure = { code: "interrupted", message };
      board.log(`pairing: failed: interrupted: ${message}`);
    }
    // Where something works a failure is told once; else until something does.
    if (!stored) {
      this._draft = fields;
      if (isTried) this._keep({ fields, isTried: false, failure: this._lastFailure });
    } else if (isTried || failure) candidateRecord.clear();
  }

  /** It was proven, and the power went before that was noted. */
  private _isSame(fields: Fields, stored: PairingParameters | undefined): boolean {
    const parsed = parseParameters(fields, { wifi: this._hasWiFi });
    return JSON.stringify(stored) === (parsed.ok ? JSON.stringify(parsed.parameters) : "");
  }
}
