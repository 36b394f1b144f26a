import type { Board, IO, Timer } from "../modules/board/index.js";
import type { Failure } from "../modules/failure/index.js";
import type { ConnectionFailureCode, Fault, FaultReporter } from "../modules/faults/index.js";
import type { MQTTFailure } from "../modules/mqtt/index.js";
import { type Link, type LinkListener, type LinkState, makeLink } from "../modules/network/index.js";
import type { Pairing, PairingHost, PairingParameters, StatusViewer } from "../modules/pairing/index.js";
import type { Route } from "../modules/web/index.js";
import type { CommandFailure } from "./commands.js";
import {
  INITIAL_STATE,
  type LifeCycle,
  type LifeCycleEffect,
  type LifeCycleInput,
  type LifeCycleState,
  lifeCycleOf,
  nextLifeCycle,
  parametersOf,
} from "./life-cycle.js";
import { tryBroker } from "./platform/broker-trial.js";
import { type StationIdentity, userOf } from "./platform/identity.js";
import { adoptOwner, isOwned } from "./platform/owner.js";
import { OwnerTransfer, type OwnerTransferHost } from "./platform/owner-transfer.js";
import { Platform, type PlatformListener } from "./platform/platform.js";
import type { StationSource } from "./platform/platform-connection.js";
import type { StationOptions } from "./station-options.js";
import { homieDevice } from "./ui/homie-device.js";
import { firmwareFields, makePairing } from "./ui/pairing-setup.js";

/** Interface of the station that `Connectivity` uses. */
export interface ConnectivityHost extends FaultReporter, StationSource {
  /** No session is under way and none is authorized. */
  readonly isFree: boolean;
  /** Finished sessions are not yet reported to the present owner's platform. */
  readonly hasUnreportedSessions: boolean;
  /** State, connection or pairing mode may have changed. */
  handleConnectivityChanged(): void;
  handlePlatformChanged(): void;
  /** Deletes everything of the previous owner. Throws if that could not be stored. */
  forgetOwner(): void;
  restart(reason: string): void;
  /** Returns the station's routes of the HTTP API. */
  apiRoutes(): readonly Route[];
  /** Returns the station's fields of `/status`. */
  describe(viewer: StatusViewer): Readonly<Record<string, unknown>>;
}

export interface ConnectivityOptions extends StationOptions {
  readonly identity: StationIdentity;
  readonly host: ConnectivityHost;
}

/** Duration of pairing mode on a station that has parameters, ms. */
const PAIRING_MODE_MS = 10 * 60_000;
/** Interval of checks whether a candidate is still tried when pairing mode ends, ms. */
const TRYING_MS = 10_000;

/** Network, platform, pairing and ownership transfer of a station. It performs the effects of the life cycle. */
export class Connectivity implements IO, LinkListener, OwnerTransferHost, PairingHost, PlatformListener {
  readonly link: Link;
  readonly platform: Platform;
  private readonly _transfer: OwnerTransfer;
  private readonly _board: Board;
  private readonly _options: ConnectivityOptions;
  private readonly _pairing: Pairing;
  private _state: LifeCycleState = INITIAL_STATE;
  private _transferFailure: Fault | undefined;
  private _pairingModeEnd: Timer | undefined;

  constructor(options: ConnectivityOptions) {
    const { board, identity, records, trace } = options;
    this._board = board;
    this._options = options;
    this.link = makeLink(board);
    this.platform = new Platform({ board, identity, link: this.link, device: homieDevice, trace });
    this._transfer = new OwnerTransfer({
      board,
      station: identity,
      records,
      platform: this.platform,
      host: this,
    });
    this._pairing = makePairing(options, { link: this.link, host: this });
    this.link.subscribe(this);
    this.platform.subscribe(this);
  }

  /** Starts with the parameters that are stored or preset; without any, in pairing mode. */
  start(): void {
    this._input({ type: "started", parameters: this._pairing.initialParameters });
  }

  get lifeCycle(): LifeCycle {
    return lifeCycleOf(this._state);
  }

  /** Proven parameters; `undefined` for an unpaired station. */
  get parameters(): PairingParameters | undefined {
    return parametersOf(this._state);
  }

  get isLinkUp(): boolean {
    return this.link.state.type === "up";
  }

  get isPairing(): boolean {
    return this._pairing.isActive;
  }

  /** Why the station is not online; `undefined` if it is, or if no attempt has failed. */
  get problem(): Failure<ConnectionFailureCode> | undefined {
    return this.link.failure ?? this.platform.failure;
  }

  /** State of an ownership transfer, and why the latest one failed. */
  get transferStatus(): { readonly isUnderWay: boolean; readonly failure: Fault | undefined } {
    return { isUnderWay: this._transfer.isUnderWay, failure: this._transferFailure };
  }

  /**
   * Turns pairing mode on: the access point opens and new parameters are accepted. On a paired station it lasts 10
   * minutes; the station operates with its parameters until new ones are tried.
   */
  enterPairingMode(): void {
    this._pairing.enter();
    this._board.clock.clear(this._pairingModeEnd);
    this._pairingModeEnd = this._board.clock.set(() => this._endPairingMode(), PAIRING_MODE_MS);
    this._options.host.handleConnectivityChanged();
  }

  /** Turns pairing mode off. An unpaired station stays in it: there is no other way to reach it. */
  leavePairingMode(): void {
    if (!this.parameters) return;
    this._clearPairingModeEnd();
    this._pairing.leave();
    this._options.host.handleConnectivityChanged();
  }

  /** Factory reset: erases everything except provisioned data, and restarts once no session is under way. */
  reset(): void {
    this._board.log("station: factory reset");
    this._input({ type: "reset", isFree: this._options.host.isFree });
  }

  /** To be called when no session is under way or authorized any more. */
  handleChargerFree(): void {
    this._input({ type: "charger-free" });
  }

  /** Starts a transfer to an owner, given by e-mail. Returns why it cannot start; `undefined` if it has. */
  transferTo(email: string): CommandFailure | undefined {
    const failure = this._transfer.start(email);
    if (!failure) this._transferFailure = undefined;
    return failure;
  }

  /** Sends the farewell to the platform, and releases everything within a second. */
  close(): void {
    this._transfer.close();
    this._pairing.close();
    this._board.clock.clear(this._pairingModeEnd);
    // The network stays up until the farewell is sent.
    this.platform.close(() => this.link.close());
  }

  handleLinkState(state: LinkState): void {
    const { trace } = this._options;
    if (state.type === "up") {
      trace.add("linkUp", this.link.signalPercent);
      this._input({ type: "link-up" });
    } else if (state.type === "joining" && state.failure) {
      trace.add("linkFailed", state.failure.code);
      const isBusy = this._pairing.isTrying || this._state.type === "transferring";
      if (this.parameters && !isBusy) this._board.log(`network: ${state.failure.message}`);
    }
  }

  handlePlatformChanged(): void {
    this._options.host.handlePlatformChanged();
    this._input({ type: "platform", isOnline: this.platform.isOnline });
    this._options.host.handleConnectivityChanged();
  }

  get transferBlocker(): string | undefined {
    const { host } = this._options;
    if (!host.isFree) return "a session is under way";
    if (host.hasUnreportedSessions) return "sessions wait for the platform";
    return this._pairing.isTrying ? "other parameters are being tried" : undefined;
  }

  handleTransferLeaving(): void {
    this._input({ type: "transfer" });
  }

  handleTransferred(parameters: PairingParameters): void {
    this._input({ type: "paired", parameters, isLinkUp: this.isLinkUp });
  }

  handleTransferFailed(fault: Fault): void {
    this._transferFailure = fault;
    this._options.host.reportFault(fault);
    this._input({ type: "transfer-failed", isLinkUp: this.isLinkUp });
  }

  get isOwned(): boolean {
    return isOwned(this._options.records, this._pairing.initialParameters);
  }

  tryBroker(parameters: PairingParameters, done: (failure: MQTTFailure | undefined) => void): IO {
    const { board, identity } = this._options;
    return tryBroker({ board, station: identity, parameters }, done);
  }

  apiRoutes(): readonly Route[] {
    return this._options.host.apiRoutes();
  }

  describe(viewer: StatusViewer): Readonly<Record<string, unknown>> {
    const secure = this.parameters?.tls ?? null;
    return { ...firmwareFields(this._options), secure, ...this._options.host.describe(viewer) };
  }

  handlePaired(parameters: PairingParameters): void {
    this._clearPairingModeEnd();
    this._input({ type: "paired", parameters, isLinkUp: this.isLinkUp });
  }

  handlePairingFailed(): void {
    this._input({ type: "candidate-failed" });
  }

  handleRestartRequest(): void {
    this._options.host.restart("requested over HTTP");
  }

  handleResetRequest(): void {
    this.reset();
  }

  private _input(input: LifeCycleInput): void {
    const before = this.lifeCycle;
    const { state, effects } = nextLifeCycle(this._state, input);
    const isChanged = state !== this._state;
    this._state = state;
    if (this.lifeCycle !== before) {
      this._board.log(`station: ${this.lifeCycle}`);
      this._options.trace.add("lifeCycle", this.lifeCycle);
    }
    for (const effect of effects) this._perform(effect);
    if (isChanged) this._options.host.handleConnectivityChanged();
  }

  private _perform(effect: LifeCycleEffect): void {
    switch (effect.type) {
      case "join":
        this.link.join(effect.parameters.wifi);
        break;
      case "leave-network":
        this.link.leave();
        break;
      case "connect":
        if (!effect.parameters.tls)
          this._board.log("platform: MQTT without TLS: others on the network can read it and change it");
        this.platform.connect({ parameters: effect.parameters, source: this._options.host });
        break;
      case "disconnect":
        this.platform.disconnect();
        break;
      case "leave-owner":
        this.platform.leave((isClean) => this._input({ type: "left", isClean }));
        break;
      case "begin-candidate":
        this._pairing.begin();
        break;
      case "cancel-candidate":
        this._pairing.forget();
        break;
      case "continue-transfer":
        this._transfer.continue(effect.isClean);
        break;
      case "cancel-transfer":
        this._transfer.close();
        break;
      case "adopt-owner":
        this._adoptOwner(effect.parameters, effect.isSure);
        break;
      case "enter-pairing-mode":
        this.enterPairingMode();
        break;
      case "erase-records":
        this._options.records.erase();
        break;
      case "restart":
        this._options.host.restart("factory reset");
        break;
    }
  }

  private _endPairingMode(): void {
    if (!this._pairing.isTrying) this.leavePairingMode();
    else this._pairingModeEnd = this._board.clock.set(() => this._endPairingMode(), TRYING_MS);
  }

  handleTrying(parameters: PairingParameters): void {
    const { crypto } = this._board;
    const present = this.parameters;
    const isOtherOwner = present !== undefined && userOf(crypto, present) !== userOf(crypto, parameters);
    this._input({
      type: "candidate",
      leavesOwner: isOtherOwner && this.platform.isOnline,
      isLeaving: this.platform.isLeaving,
    });
  }

  private _clearPairingModeEnd(): void {
    this._board.clock.clear(this._pairingModeEnd);
    this._pairingModeEnd = undefined;
  }

  private _adoptOwner(parameters: PairingParameters, isSure: boolean): void {
    const { board, records, host } = this._options;
    const forget = () => {
      this._transferFailure = undefined;
      this.platform.forgetOwner();
      host.forgetOwner();
    };
    adoptOwner({ board, records, parameters, isSure, forget });
  }
}
