import type { Board, IO, Timer } from "../modules/board/index.js";
import { Charging, type ChargingEvent, type StationStatus } from "../modules/charging/index.js";
import { Indicator } from "../modules/indicator/index.js";
import type { MQTTFailure } from "../modules/mqtt/index.js";
import { type Link, type LinkFailure, type LinkState, makeLink } from "../modules/network/index.js";
import { firmwareUploadRoute, Pairing, type PairingParameters } from "../modules/pairing/index.js";
import { type Metadata, TagService } from "../modules/tag-service/index.js";
import type { LogLevel, Tree } from "../modules/telemetry/index.js";
import type { Updates } from "../modules/updates/index.js";
import { Access } from "./charger/access.js";
import { CurrentLimit } from "./charger/current-limit.js";
import { StationSessions } from "./charger/sessions.js";
import type { Config } from "./config.js";
import { readIdentity, type StationIdentity, userOf } from "./platform/identity.js";
import { Owner } from "./platform/owner.js";
import { OwnerChange } from "./platform/owner-transfer.js";
import { PlatformConnection } from "./platform/platform-connection.js";
import type { Records } from "./records.js";
import { OptionStore } from "./settings.js";
import { HoldButton } from "./ui/hold-button.js";
import { makeTree } from "./ui/homie-device.js";
import { pairingSetup } from "./ui/pairing-setup.js";
import { panelRoutes } from "./ui/panel-api.js";
import type { Restarts } from "./update/boot-counter.js";
import { makeUpdates } from "./update/updates.js";

export type LifeCycle =
  /** Parameters are missing: its own network is up, the HTTP API takes them. */
  | "unpaired"
  /** On its way into the network. */
  | "joining"
  /** In the network, on its way to the broker. */
  | "connecting"
  | "online"
  /** It was online; it goes on trying. */
  | "offline";

export interface StationOptions {
  readonly board: Board;
  /** Without mistakes (`configErrors`). */
  readonly config: Config;
  readonly records: Records;
  readonly restarts: Restarts;
}

/** For how long a button opens pairing mode of a station that has parameters: it takes them from anybody. */
const PAIRING_MODE_MS = 10 * 60_000;
/** Not before what is being tried has ended. */
const TRYING_MS = 10_000;
/** For the last words to the platform. */
const FAREWELL_MS = 1100;

/**
 * A charging station: puts the modules together and owns the life cycle. Charging and the tag service run from the
 * first moment to the last, whatever the network does.
 */
export class Station implements IO {
  private _board: Board;
  private _config: Config;
  private _identity: StationIdentity;
  private _records: Records;
  private _charging: Charging;
  private _sessions: StationSessions;
  private _options: OptionStore;
  private _currentLimit: CurrentLimit;
  private _indicator: Indicator;
  private _access: Access;
  private _updates: Updates;
  /** For people, once the platform can tell them. */
  private _news: { readonly message: string; readonly logLevel: LogLevel } | undefined;
  private _tree: Tree;
  private _owner: Owner;
  private _ownerChange: OwnerChange;
  private _lastError: string | undefined;
  private _tagService: TagService;
  private _link: Link;
  private _pairing: Pairing;
  private _button: HoldButton;
  private _platform: PlatformConnection | undefined;
  /** Takes its tree back. */
  private _leaving: PlatformConnection | undefined;
  private _parameters: PairingParameters | undefined;
  private _lifeCycle: LifeCycle = "unpaired";
  /** Why there is no network, until there is one. */
  private _linkFailure: LinkFailure | undefined;
  /** Why the broker was not reached the last time, while it is not. */
  private _brokerFailure: MQTTFailure | undefined;
  private _pairingModeEnd: Timer | undefined;
  /** It starts again when nobody charges any more. */
  private _isResetDue = false;
  private _ownerChangeFailure: string | undefined;
  private _isClosed = false;

  constructor(options: StationOptions) {
    const { board, config, records } = options;
    this._board = board;
    this._config = config;
    this._records = records;
    this._identity = readIdentity(board, config, records);
    this._indicator = new Indicator({ board });
    this._charging = new Charging({ board, onEvent: (event) => this._followCharging(event) });
    this._options = new OptionStore({ board, config, records });
    this._currentLimit = this._makeCurrentLimit();
    this._sessions = this._makeSessions(records);
    this._access = this._makeAccess(records);
    this._updates = this._makeUpdates(records);
    this._tree = this._makeTree(options.restarts);
    this._owner = new Owner({ board, records, forget: () => this._forgetOwner() });
    this._ownerChange = this._makeOwnerChange(records);
    this._tagService = this._makeTagService();
    this._link = makeLink({
      board,
      onChanged: (state) => this._followLink(state),
      onChannel: (channel) => this._pairing.followChannel(channel),
    });
    const setup = pairingSetup({ ...options, identity: this._identity, link: this._link });
    this._pairing = this._makePairing(setup);
    this._button = new HoldButton({
      board,
      onPairing: () => this.enterPairingMode(),
      onReset: () => this.resetToProvisioned(),
    });
    this._parameters = setup.pairingRecord.read() ?? this._pairing.presetParameters;
    if (this._parameters) this._operate(this._parameters);
    else this.enterPairingMode();
  }

  get lifeCycle(): LifeCycle {
    return this._lifeCycle;
  }

  get status(): StationStatus {
    return this._charging.status;
  }

  get updates(): Updates {
    return this._updates;
  }

  /**
   * Opens the station's own network for new parameters, for 10 minutes where there are some; what runs goes on until
   * new ones are tried.
   */
  enterPairingMode(): void {
    this._pairing.enter();
    this._board.clock.clear(this._pairingModeEnd);
    this._pairingModeEnd = this._board.clock.set(() => this._endPairingMode(), PAIRING_MODE_MS);
    this._show();
  }

  private _endPairingMode(): void {
    if (!this._pairing.isTrying) this.leavePairingMode();
    else this._pairingModeEnd = this._board.clock.set(() => this._endPairingMode(), TRYING_MS);
  }

  /** Not while nothing is known of a network: nobody would reach the station any more. */
  leavePairingMode(): void {
    if (!this._parameters) return;
    this._pairing.leave();
    this._show();
  }

  /**
   * Forgets everything but what was provisioned, and starts again. A vehicle that charges goes on charging: the start
   * is when it has ended, pairing mode at once.
   */
  resetToProvisioned(): void {
    this._board.log("station: factory reset");
    this._records.erase();
    this._isResetDue = true;
    if (this._endReset()) return;
    this._pairing.forget();
    this._ownerChange.close();
    this._letGo();
    this._parameters = undefined;
    this._link.leave();
    this._enter("unpaired");
    this.enterPairingMode();
  }

  /** Ends the session under way, or an authorization that is not used yet. */
  stopCharging(): void {
    this._charging.stop();
  }

  /**
   * Goes to another owner, an e-mail, as the platform allows; says later how it went, in telemetry. Gives why it
   * cannot begin, if it cannot.
   */
  changeOwner(owner: string): string | undefined {
    const problem = this._ownerChange.start(owner);
    if (problem === undefined) this._ownerChangeFailure = undefined;
    return problem;
  }

  /** Opens the contactor at once, says goodbye to the platform, gives everything back within a second. */
  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._charging.close();
    this._currentLimit.close();
    this._indicator.close();
    this._sessions.close();
    this._access.close();
    this._updates.close();
    this._tagService.close();
    this._ownerChange.close();
    this._pairing.close();
    this._button.close();
    this._board.clock.clear(this._pairingModeEnd);
    // The last words still need the network.
    const platform = this._platform ?? this._leaving;
    if (platform) platform.close(() => this._link.close());
    else this._link.close();
  }

  private _makeCurrentLimit(): CurrentLimit {
    return new CurrentLimit({
      board: this._board,
      allowedA: () => Math.min(this._config.currentLimitA, this._options.now.currentLimitA),
      onLimit: (limitA) => this._charging.setLimit(limitA),
      complain: (message) => this._complain(message),
    });
  }

  private _makeSessions(records: Records): StationSessions {
    return new StationSessions({
      board: this._board,
      records,
      meterPulsesPerKWh: this._config.meterPulsesPerKWh,
      charging: this._charging,
      resumes: () => this._options.now.resumes,
      requests: () => (this._platform?.isOnline ? this._platform.requests : undefined),
      complain: (message) => this._complain(message),
      onChanged: () => this._platform?.update(),
    });
  }

  private _makeAccess(records: Records): Access {
    return new Access({
      board: this._board,
      config: this._config,
      records,
      options: () => this._options.now,
      charging: this._charging,
      signal: (signal) => this._indicator.signal(signal),
      isProvisioned: this._identity.responseKey !== undefined,
      isOnline: () => this._platform?.isOnline === true,
      requests: () => this._platform?.requests,
      complain: (message) => this._complain(message),
      onBusy: () => this._show(),
      onChanged: () => this._showAll(),
    });
  }

  private _makeOwnerChange(records: Records): OwnerChange {
    return new OwnerChange({
      board: this._board,
      deviceId: this._identity.deviceId,
      records,
      obstacle: () => {
        if (!this._isFree) return "a session is under way";
        if (this._sessions.waiting > 0) return "sessions wait for the platform";
        return this._pairing.isTrying ? "other parameters are tried" : undefined;
      },
      requests: () => this._platform?.requests,
      parameters: () => this._parameters,
      leave: (done) => {
        const platform = this._platform;
        this._platform = undefined;
        this._letGo();
        this._enter("joining");
        if (platform) this._leaveOwner(platform, done);
        else done(false);
      },
      onMoved: (parameters) => this._operate(parameters),
      onStayed: (why) => {
        this._ownerChangeFailure = why;
        this._complain(`station: ${why}`);
        if (this._parameters && !this._platform) this._operate(this._parameters);
      },
    });
  }

  private _makeUpdates(records: Records): Updates {
    return makeUpdates({
      board: this._board,
      config: this._config,
      identity: this._identity,
      records,
      options: this._options,
      host: () => this._parameters?.host,
      isFree: () => this._isFree,
      isOnline: () => this._lifeCycle === "online",
      isUp: () => this._tagService.isReady && (this._pairing.isActive || this._link.state.type === "up"),
      problem: () => this._problem()?.message,
      restart: (reason) => this._restart(reason),
      onChanged: () => this._platform?.update(),
      onNews: (message, outcome) => {
        this._news = { message, logLevel: outcome === "confirmed" ? "info" : "warning" };
        this._tellNews();
      },
    });
  }

  private _makeTree({ count, lastEnd }: Restarts): Tree {
    const { meter } = this._sessions;
    return makeTree({
      options: this._options,
      maxCurrentA: this._config.currentLimitA,
      firmwareVersion: this._identity.firmwareVersion,
      status: () => this._charging.status,
      sessionId: () => this._charging.session?.id,
      // The meter goes on estimating between pulses: of an open contactor it knows nothing.
      powerW: meter.isThere ? () => (this._charging.isContactorClosed ? meter.powerW : 0) : undefined,
      energyWh: () => this._sessions.energyWh,
      start: () => this._access.startWithoutCard(),
      stop: () => this.stopCharging(),
      lastError: () => this._lastError,
      lastResult: () => this._access.lastResult,
      sessions: this._sessions,
      temperatureC: () => this._currentLimit.temperatureC,
      listedTags: () => this._access.listedTags,
      isLearning: () => this._access.isLearning,
      setLearning: (isOn) => this._access.setLearning(isOn),
      signalPercent: () => this._link.signalPercent,
      uptimeS: () => Math.floor(this._board.clock.monotonicMs() / 1000),
      heapBytes: () => this._board.heapBytes?.() ?? 0,
      restarts: {
        count,
        reason: lastEnd.type === "power" ? lastEnd.type : `${lastEnd.type}: ${lastEnd.reason}`,
      },
      onOptions: () => {
        this._currentLimit.update();
        this._access.letIn();
        this._access.followPlatform();
        this._showAll();
      },
      changeOwner: (owner) => this.changeOwner(owner),
      updates: this._updates,
    });
  }

  private _makeTagService(): TagService {
    return new TagService({
      board: this._board,
      deviceId: this._identity.deviceId,
      name: this._name,
      companyId: this._config.companyId,
      metadata: this._metadata(),
      newSource: () => this._access.newPhone(),
      log: (line) => this._board.log(line),
    });
  }

  private _makePairing({ about, ...setup }: ReturnType<typeof pairingSetup>): Pairing {
    const { meter } = this._sessions;
    return new Pairing({
      ...setup,
      routes: () => [
        firmwareUploadRoute({
          slotBytes: this._board.firmwareSlot.byteLength,
          open: (announced) => this._updates.upload(announced),
        }),
        ...panelRoutes({
          setName: (name) => this._rename(name),
          setLearning: (isOn) => this._access.setLearning(isOn),
          changeOwner: (owner) => this.changeOwner(owner),
        }),
      ],
      describe: () => ({
        ...about,
        state: this._lifeCycle,
        problem: this._problem(),
        status: this._charging.status,
        name: this._name,
        update: this._updates.text ?? null,
        energyWh: meter.isThere ? { session: this._sessions.energyWh, total: meter.energyWh } : null,
        tagLearning: this._access.isLearning,
        ownerChange: { isUnderWay: this._ownerChange.isUnderWay, failure: this._ownerChangeFailure ?? null },
      }),
      onTrying: (parameters, begin) => this._makeWay(parameters, begin),
      onPaired: (parameters) => this._operate(parameters),
      onFailed: () => this._resume(),
      onRestart: () => this._restart("asked for"),
      onReset: () => this.resetToProvisioned(),
    });
  }

  private _restart(reason: string): void {
    this.close();
    this._board.clock.set(() => this._board.restart(reason), FAREWELL_MS);
  }

  /** Nobody charges, or has been let in to. */
  private get _isFree(): boolean {
    return this.status !== "authorized" && this.status !== "charging";
  }

  /** `true`: a reset is due, and the station starts again. */
  private _endReset(): boolean {
    if (!this._isResetDue || !this._isFree) return false;
    // A session that has ended since is not for the next owner.
    this._records.erase();
    this._restart("factory reset");
    return true;
  }

  private get _name(): string {
    return this._options.now.name ?? this._identity.name;
  }

  private _rename(name: string): string | undefined {
    if (!this._options.set({ name })) return "the station cannot store it";
    this._tagService.rename(name);
    this._platform?.rename(name);
    return undefined;
  }

  /** Uses parameters that were proven, now or before. */
  private _operate(parameters: PairingParameters): void {
    this._letGo();
    this._owner.follow(parameters, { isSure: this._isResetDue });
    // A reset has forgotten whose it was, and is over with that.
    this._isResetDue = false;
    this._parameters = parameters;
    const { state } = this._link;
    this._enter("joining");
    // The candidate that was just proven has left the link up.
    if (state.type === "up") this._followLink(state);
    else this._link.join(parameters.wifi);
  }

  /** What the owner before has left here is nobody's. Throws when not all of that could be stored; it holds all the same. */
  private _forgetOwner(): void {
    let failure: unknown;
    const steps = [
      () => this._options.forgetOwner(),
      () => this._access.forgetOwner(),
      () => this._charging.stop(),
      () => this._sessions.forgetOwner(),
      () => this._currentLimit.update(),
    ];
    for (const step of steps) {
      try {
        step();
      } catch (error) {
        failure ??= error;
      }
    }
    this._lastError = undefined;
    this._ownerChangeFailure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** A candidate is about to be tried. One of another owner's: the tree of this one is taken back, where it can be. */
  private _makeWay(parameters: PairingParameters, begin: () => void): void {
    const { crypto } = this._board;
    const [platform, present] = [this._platform, this._parameters];
    const isAnother = present && userOf(crypto, present) !== userOf(crypto, parameters);
    const leaves = isAnother && platform?.isOnline;
    this._ownerChange.close();
    if (leaves) this._platform = undefined;
    this._letGo();
    this._enter("joining");
    if (leaves) this._leaveOwner(platform, begin);
    else if (this._leaving) this._leaving.leave(begin);
    else begin();
  }

  /** Takes back what is retained under the owner. Nobody else uses the account, or the client id, meanwhile. */
  private _leaveOwner(platform: PlatformConnection, done: (isClean: boolean) => void): void {
    this._leaving = platform;
    platform.leave((isClean) => {
      this._leaving = undefined;
      done(isClean);
    });
  }

  /** A candidate failed: what there was before still stands. */
  private _resume(): void {
    this._linkFailure = undefined;
    if (!this._parameters) {
      this._link.leave();
      this._enter("unpaired");
      return;
    }
    this._enter("joining");
    this._link.join(this._parameters.wifi);
  }

  /** A candidate is tried, or an owner has changed: the session with the broker ends. */
  private _letGo(): void {
    this._platform?.close();
    this._platform = undefined;
    this._sessions.followPlatform(false);
    this._access.followPlatform();
  }

  private _followLink(state: LinkState): void {
    this._pairing.followLink(state);
    if (state.type === "up") this._linkFailure = undefined;
    else if (state.type === "joining" && state.failure) this._linkFailure = state.failure;
    const parameters = this._parameters;
    if (!parameters || this._pairing.isTrying || this._ownerChange.isTrying) return;
    if (state.type === "up" && !this._platform) {
      this._enter("connecting");
      this._platform = new PlatformConnection({
        board: this._board,
        identity: { ...this._identity, name: this._name },
        parameters,
        tree: this._tree,
        localIP: () => (this._link.state.type === "up" ? this._link.state.address : undefined),
        onChanged: (online, failure) => this._followPlatform(online, failure),
      });
    }
    // A lost network shows in the broker's session; it goes on when there is a network again.
    if (state.type === "joining" && state.failure) this._board.log(`network: ${state.failure.message}`);
  }

  private _followPlatform(online: boolean, failure: MQTTFailure | undefined): void {
    if (failure) this._board.log(`platform: ${failure.message}`);
    if (online || failure) this._brokerFailure = failure;
    this._sessions.followPlatform(online);
    this._access.followPlatform();
    if (online) {
      this._updates.followBroker();
      this._tellNews();
      this._enter("online");
    } else
      this._enter(this._lifeCycle === "online" || this._lifeCycle === "offline" ? "offline" : "connecting");
  }

  /** What keeps a paired station from being online; `null` when nothing does. */
  private _problem(): { code: string; message: string } | null {
    const failure = this._linkFailure ?? this._brokerFailure;
    return failure ? { code: failure.code, message: failure.message } : null;
  }

  private _followCharging(event: ChargingEvent): void {
    this._sessions.follow(event);
    this._platform?.update();
    switch (event.type) {
      case "status":
        this._board.log(`charging: ${event.status}`);
        this._indicator.show(event.status);
        if (event.status === "plugged") this._access.letIn();
        this._show();
        this._updates.followSession();
        if (this._isResetDue) this._board.clock.set(() => this._endReset(), 0);
        break;
      case "session-started":
        this._board.log(`charging: session ${event.session.id} of tag …${event.session.grant.tagEnd} starts`);
        break;
      case "session-ended":
        this._board.log(`charging: session ${event.sessionId} ends: ${event.why}`);
        break;
      case "faulted":
        this._complain(`charging: faulted: ${event.reason}`);
        break;
    }
  }

  /** Says what went wrong in the log, in telemetry and to people. */
  private _complain(message: string): void {
    this._board.log(message);
    this._lastError = message;
    this._platform?.notify(message, "error");
  }

  private _tellNews(): void {
    if (!this._news || !this._platform?.isOnline) return;
    this._platform.notify(this._news.message, this._news.logLevel);
    this._news = undefined;
  }

  private _enter(lifeCycle: LifeCycle): void {
    if (lifeCycle !== this._lifeCycle) this._board.log(`station: ${lifeCycle}`);
    this._lifeCycle = lifeCycle;
    this._show();
  }

  private _showAll(): void {
    this._show();
    this._platform?.update();
  }

  private _show(): void {
    if (this._isClosed) return;
    this._tagService.update(this._metadata());
  }

  private _metadata(): Metadata {
    const { status } = this._charging;
    return {
      acceptsTags: status === "plugged" && !this._access.isBusy,
      platformReachable: this._platform?.isOnline ?? false,
      authorizesOffline: this._access.authorizesOffline,
      pairing: this._pairing?.isActive ?? true,
      status,
    };
  }
}
