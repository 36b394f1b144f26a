import type { Board, IO, Timer } from "../board/index.js";
import type { Link, LinkListener, LinkState } from "../network/index.js";
import type { RecordSource, StoredRecord } from "../settings/index.js";
import {
  captiveReply,
  GET,
  GET_AND_POST,
  HTTPAPI,
  json,
  type Login,
  OK,
  panelRoute,
  probeRoute,
  type Reply,
  type Route,
  type Router,
  text,
} from "../web/index.js";
import { AccessPoint } from "./access-point.js";
import { Candidate } from "./candidate.js";
import type { PairingFailure } from "./failure.js";
import type { PairingHost, StatusViewer } from "./host.js";
import { CachedScan, managementRoutes } from "./management.js";
import { combine, type Offer, refusePreset, withPreset } from "./offer.js";
import {
  type CandidateRecord,
  candidateFormat,
  type Fields,
  fieldsOf,
  isSame,
  missingFields,
  type PairingParameters,
  pairingFields,
  pairingFormat,
  parseParameters,
} from "./parameters.js";

export interface PairingOptions {
  readonly board: Board;
  /** The network link; pairing subscribes to its states. */
  readonly link: Link;
  readonly login: Login;
  readonly records: RecordSource;
  /** Built-in or provisioned fields. The owner enters the others. */
  readonly preset: Fields;
  readonly productTitle: string;
  /** 8-63 characters; `undefined` on a board without Wi-Fi. */
  readonly accessPointPassword: string | undefined;
  readonly host: PairingHost;
}

/** Time that the access point stays open after success, ms, so that the phone can read the result. */
const LINGER_MS = 30_000;
/** Time without the network after which the access point opens as a fallback, ms. */
const FALLBACK_MS = 5 * 60_000;
/** Delay of an action, ms, so that the response to its request reaches the phone first. */
const ANSWER_MS = 500;

/** Progress of a pairing attempt, from the response to `/pair` to its result. */
type Attempt =
  | { readonly type: "none" }
  /** The response is sent first: joining may move the radio to another channel and disconnect the phone. */
  | { readonly type: "answering"; readonly timer: Timer }
  /** The station still uses the link or the account; `begin` continues. */
  | { readonly type: "waiting"; readonly parameters: PairingParameters }
  | { readonly type: "running"; readonly candidate: Candidate };

const NO_ATTEMPT: Attempt = { type: "none" };
const NO_FIELDS: Fields = new Map();

/**
 * Pairing: the access point, the HTTP API, and candidates for new parameters. A candidate replaces the record `pairing`
 * in one write, and only after the broker was reached with it.
 */
export class Pairing implements IO, LinkListener, Router {
  private readonly _options: PairingOptions;
  private readonly _accessPoint: AccessPoint;
  private readonly _api: HTTPAPI;
  private readonly _networks: CachedScan;
  private _isActive = false;
  private _attempt: Attempt = NO_ATTEMPT;
  private _lastFailure: PairingFailure | undefined;
  /** Incomplete or failed fields that were given while no working parameters exist. */
  private _draft: Fields = NO_FIELDS;
  /** Runs while the access point stays open after success. */
  private _lingerTimer: Timer | undefined;
  /** Runs from the loss of the network until the fallback. */
  private _fallbackTimer: Timer | undefined;
  private _isFallback = false;

  constructor(options: PairingOptions) {
    this._options = options;
    const { board, productTitle, accessPointPassword: password } = options;
    this._accessPoint = new AccessPoint({ board, productTitle, password });
    this._api = new HTTPAPI({ board, login: options.login, router: this });
    this._networks = new CachedScan({ clock: board.clock, link: options.link });
    this._restore();
    options.link.subscribe(this);
  }

  /** Finds a route of the HTTP API. One list of routes exists at a time, to need less memory. */
  route(path: string): Route | undefined {
    const hasPath = (one: Route) => one.path === path;
    return (
      this._pairingRoutes().find(hasPath) ??
      this._options.host.apiRoutes().find(hasPath) ??
      this._managementRoutes().find(hasPath) ??
      panelRoute(this._options.board, path) ??
      probeRoute(path, this._isAsking)
    );
  }

  replyToForeignHost(path: string): Reply | undefined {
    return captiveReply(path, this._isAsking);
  }

  /** Parameters at the start: the stored ones, or the preset ones if they are complete. */
  get initialParameters(): PairingParameters | undefined {
    const stored = this._pairingRecord.read();
    if (stored) return stored;
    const parsed = parseParameters(this._options.preset, { wifi: this._hasWiFi });
    return parsed.ok ? parsed.parameters : undefined;
  }

  /** Whether pairing mode is active: `/pair` is accepted. */
  get isActive(): boolean {
    return this._isActive;
  }

  /** Failure of the latest attempt; `undefined` after success. */
  get lastFailure(): PairingFailure | undefined {
    return this._lastFailure;
  }

  /** Enters pairing mode and opens the access point. */
  enter(): void {
    this._isActive = true;
    this._updateAccessPoint();
    // A station on Ethernet is paired over Ethernet.
    if (this._options.board.io.network.kind === "ethernet") this._options.link.join(undefined);
  }

  /** Leaves pairing mode. A candidate is canceled, and the previous parameters stay in use. */
  leave(): void {
    const wasTrying = this.isTrying;
    this._cancelAttempt();
    if (wasTrying) {
      this._candidateRecord.clear();
      this._lastFailure = {
        code: "given-up",
        message: "pairing mode was left while the parameters were tried",
      };
      this._options.host.handlePairingFailed(this._lastFailure);
    }
    this._isActive = false;
    this._endLinger();
  }

  /** Discards unverified fields. Call it after the records are erased. */
  forget(): void {
    this._cancelAttempt();
    this._draft = NO_FIELDS;
    this._lastFailure = undefined;
  }

  /** Handles a state of the link: candidate and fallback depend on it. */
  handleLinkState(state: LinkState): void {
    if (this._attempt.type === "running") this._attempt.candidate.handleLinkState(state);
    if (state.type === "joining") {
      this._fallbackTimer ??= this._options.board.clock.set(() => this._setFallback(true), FALLBACK_MS);
      return;
    }
    this._options.board.clock.clear(this._fallbackTimer);
    this._fallbackTimer = undefined;
    // During an attempt the access point stays open, so that the phone can read the result.
    if (!this.isTrying) this._setFallback(false);
  }

  /** Moves the access point to the channel of the network. */
  handleLinkChannel(channel: number): void {
    this._accessPoint.moveTo(channel);
  }

  /** Starts the waiting candidate, if any. Call it when link and account are released. */
  begin(): void {
    const { _attempt: attempt } = this;
    if (attempt.type !== "waiting") return;
    const { parameters } = attempt;
    const { board, link, host } = this._options;
    const candidate = new Candidate({
      clock: board.clock,
      link,
      parameters,
      tryBroker: (tried, done) => host.tryBroker(tried, done),
      onDone: (failure) => this._conclude(parameters, failure),
    });
    this._attempt = { type: "running", candidate };
    // An Ethernet link that is already up reports no state.
    if (!this._hasWiFi) candidate.handleLinkState(link.state);
  }

  close(): void {
    this._cancelAttempt();
    this._options.board.clock.clear(this._lingerTimer);
    this._options.board.clock.clear(this._fallbackTimer);
    this._api.close();
    this._accessPoint.close();
  }

  /** Whether the station needs input from the panel. */
  private get _isAsking(): boolean {
    return this._isActive || this._isFallback;
  }

  private get _pairingRecord(): StoredRecord<PairingParameters> {
    return this._options.records.open(pairingFormat);
  }

  private get _candidateRecord(): StoredRecord<CandidateRecord> {
    return this._options.records.open(candidateFormat);
  }

  private get _hasWiFi(): boolean {
    return this._options.board.io.network.kind === "wifi";
  }

  private _setFallback(isFallback: boolean): void {
    if (isFallback !== this._isFallback)
      this._options.board.log(`pairing: fallback ${isFallback ? "on" : "off"}`);
    this._isFallback = isFallback;
    this._updateAccessPoint();
  }

  private _endLinger(): void {
    this._options.board.clock.clear(this._lingerTimer);
    this._lingerTimer = undefined;
    this._updateAccessPoint();
  }

  private _updateAccessPoint(): void {
    if (this._isAsking || this._lingerTimer) this._accessPoint.open();
    else this._accessPoint.close();
  }

  private _pairingRoutes(): Route[] {
    return [
      { path: "/healthcheck", methods: GET, answer: () => OK },
      {
        path: "/pair",
        methods: GET_AND_POST,
        changes: true,
        needsLogin: () => this._isActive && this._options.host.isOwned,
        allowsInitialPassword: true,
        answer: (fields) => this._pair(fields),
      },
      { path: "/status", methods: GET, usesLogin: true, answer: (_fields, head) => this._status(head) },
    ];
  }

  private _managementRoutes(): Route[] {
    const { board, host } = this._options;
    return managementRoutes({
      ...this._options,
      networks: this._networks,
      offer: (offer) => this._complete(offer),
      // Apps send this after new parameters. An attempt does not need a restart.
      restart: () => board.clock.set(() => this.isTrying || host.handleRestartRequest(), ANSWER_MS),
      reset: () => board.clock.set(() => host.handleResetRequest(), ANSWER_MS),
    });
  }

  /** Fields that the station has. Fields of a failed attempt must be given again. */
  private _knownFields(): Fields {
    return withPreset(this._lastFailure ? NO_FIELDS : this._draft, this._options.preset);
  }

  private _pair(given: Fields): Reply {
    if (!this._isActive) return text(403, "the station is not in pairing mode");
    const fields = pairingFields(given);
    // Fields of a draft came with the login, or are on trial: a request without the login would send them to its own host.
    const { preset } = this._options;
    return refusePreset(fields, preset) ?? this._startAttempt(new Map([...preset, ...fields]));
  }

  /** Combines given fields with the current parameters. Tries the result when it is complete. */
  private _complete(offer: Offer): Reply {
    const current = this._pairingRecord.read();
    const present = current ? fieldsOf(current) : this._draft;
    const fields = combine(offer, { preset: this._options.preset, present });
    if ("status" in fields) return fields;
    if (missingFields(fields, { wifi: this._hasWiFi }).length === 0) return this._startAttempt(fields);
    this._draft = fields;
    return this._persist({ fields, isTried: false }) ?? OK;
  }

  /** Validates fields and starts an attempt. */
  private _startAttempt(fields: Fields): Reply {
    const parsed = parseParameters(fields, { wifi: this._hasWiFi });
    if (!parsed.ok) return text(400, parsed.message);
    const problem = this._persist({ fields, isTried: true });
    if (problem) return problem;
    this._cancelAttempt();
    this._draft = fields;
    const timer = this._options.board.clock.set(() => this._requestLink(parsed.parameters), ANSWER_MS);
    this._attempt = { type: "answering", timer };
    this._lastFailure = undefined;
    return OK;
  }

  private _persist(candidate: CandidateRecord): Reply | undefined {
    const problem = this._candidateRecord.tryWrite(candidate);
    if (problem === undefined) return undefined;
    this._options.board.log(`pairing: the candidate could not be stored: ${problem}`);
    return text(500, "the station cannot store the parameters; reset it and try again");
  }

  private _status({ isLoggedIn }: StatusViewer): Reply {
    const fields = this._knownFields();
    const { board, login, preset, host } = this._options;
    return json({
      mode: this._isActive ? "pairing" : "operating",
      waitingFor: this._isActive && !this.isTrying ? missingFields(fields, { wifi: this._hasWiFi }) : [],
      trying: this.isTrying,
      lastFailure: this._lastFailure ?? null,
      network: board.io.network.kind,
      preset: [...preset.keys()],
      ...(isLoggedIn && { passwordIsInitial: login.isInitial }),
      ...host.describe({ isLoggedIn }),
    });
  }

  private _requestLink(parameters: PairingParameters): void {
    this._attempt = { type: "waiting", parameters };
    this._options.host.handleTrying(parameters);
  }

  private _conclude(parameters: PairingParameters, failure: PairingFailure | undefined): void {
    this._attempt = NO_ATTEMPT;
    const problem = failure ?? this._commit(parameters);
    this._lastFailure = problem;
    if (problem) {
      // The failure is stored, so that `/status` reports it after a power cut too.
      if (this._persist({ fields: this._draft, isTried: false, failure: problem })) {
        this._candidateRecord.clear();
      }
      this._options.board.log(`pairing: failed: ${problem.code}: ${problem.message}`);
      this._options.host.handlePairingFailed(problem);
      return;
    }
    this._candidateRecord.clear();
    this._draft = NO_FIELDS;
    this._lingerTimer = this._accessPoint.isOpen
      ? this._options.board.clock.set(() => this._endLinger(), LINGER_MS)
      : undefined;
    this._isActive = false;
    this._isFallback = false;
    this._options.host.handlePaired(parameters);
  }

  private _commit(parameters: PairingParameters): PairingFailure | undefined {
    const problem = this._pairingRecord.tryWrite(parameters);
    return problem === undefined
      ? undefined
      : { code: "storage-failed", message: `the parameters could not be stored: ${problem}` };
  }

  /** Whether an attempt is in progress. */
  get isTrying(): boolean {
    return this._attempt.type !== "none";
  }

  private _cancelAttempt(): void {
    const { _attempt: attempt } = this;
    this._attempt = NO_ATTEMPT;
    if (attempt.type === "answering") this._options.board.clock.clear(attempt.timer);
    else if (attempt.type === "running") attempt.candidate.close();
  }

  /** Restores the candidate record at the start. An attempt in progress was interrupted by the restart. */
  private _restore(): void {
    const { board } = this._options;
    const { fields, isTried, failure } = this._candidateRecord.read() ?? {};
    if (!fields) return;
    const stored = this._pairingRecord.read();
    this._lastFailure = failure;
    // With the stored parameters, the attempt succeeded just before the power failed.
    if (isTried && !isSame(fields, stored, { wifi: this._hasWiFi })) {
      const message = "the power failed while the parameters were tried; pair again";
      this._lastFailure = { code: "interrupted", message };
      board.log(`pairing: failed: interrupted: ${message}`);
    }
    // With working parameters the failure is reported once, without them until an attempt succeeds.
    if (!stored) {
      this._draft = fields;
      if (isTried) this._persist({ fields, isTried: false, failure: this._lastFailure });
    } else if (isTried || failure) this._candidateRecord.clear();
  }
}
