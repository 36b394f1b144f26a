import type { Board, IO } from "../modules/board/index.js";
import type { StationStatus } from "../modules/charging/index.js";
import { TagService } from "../modules/tag-service/index.js";
import type { Updates } from "../modules/updates/index.js";
import { firmwareUploadRoute, type Route } from "../modules/web/index.js";
import { Charger, type ChargerListener } from "./charger/charger.js";
import { Connectivity, type ConnectivityHost } from "./connectivity.js";
import type { LifeCycle } from "./life-cycle.js";
import { readIdentity, type StationIdentity } from "./platform/identity.js";
import { type SettingsListener, SettingsStore } from "./settings.js";
import type { StationSnapshot } from "./snapshot.js";
import type { StationOptions } from "./station-options.js";
import { Commands } from "./ui/commands.js";
import { HeapSampler } from "./ui/heap-sampler.js";
import { HoldButton } from "./ui/hold-button.js";
import { panelRoutes } from "./ui/panel-api.js";
import { metadataOf, statusFields } from "./ui/status.js";
import { makeUpdates } from "./update/updates.js";

/** Time for the farewell to reach the platform before a restart, ms. */
const FAREWELL_MS = 1100;

/**
 * A charging station, composed of its parts: the charger, which knows no network; connectivity, which leads to the
 * platform; updates; and the tag service, through which phones present their tags.
 */
export class Station implements IO, ChargerListener, ConnectivityHost, SettingsListener {
  readonly updates: Updates;
  /** Carries out the commands of telemetry and panel. */
  readonly commands: Commands;
  private readonly _board: Board;
  private readonly _options: StationOptions;
  private readonly _identity: StationIdentity;
  private readonly _settings: SettingsStore;
  private readonly _connectivity: Connectivity;
  private readonly _charger: Charger;
  private readonly _tagService: TagService;
  private readonly _button: HoldButton;
  private readonly _heap: HeapSampler;
  private _name: string;
  private _lastError: string | undefined;
  private _isClosed = false;

  constructor(options: StationOptions) {
    const { board, config, records } = options;
    this._board = board;
    this._options = options;
    this._heap = new HeapSampler(board);
    const identity = readIdentity(board, config, records);
    this._identity = identity;
    const settings = new SettingsStore(options);
    this._settings = settings;
    this._name = settings.now.name ?? identity.name;
    const connectivity = new Connectivity({ ...options, identity, host: this, api: this._api() });
    this._connectivity = connectivity;
    const { platform } = connectivity;
    this._charger = new Charger({ ...options, settings, platform, reporter: this, listener: this });
    this.updates = this._makeUpdates();
    this.commands = new Commands({ settings, charger: this._charger, updates: this.updates, connectivity });
    this._tagService = new TagService({
      board,
      deviceId: identity.deviceId,
      name: this._name,
      companyId: config.companyId,
      metadata: metadataOf(this.snapshot()),
      newSource: () => this._charger.access.newCentral(),
      log: (line) => board.log(line),
    });
    this._button = new HoldButton({
      board,
      onPairing: () => this.enterPairingMode(),
      onReset: () => this.resetToProvisioned(),
    });
    settings.subscribe(this);
    connectivity.start();
  }

  get lifeCycle(): LifeCycle {
    return this._connectivity.lifeCycle;
  }

  get status(): StationStatus {
    return this._charger.status;
  }

  enterPairingMode(): void {
    this._connectivity.enterPairingMode();
  }

  leavePairingMode(): void {
    this._connectivity.leavePairingMode();
  }

  /** Erases everything but what was provisioned, and restarts once no session is under way. */
  resetToProvisioned(): void {
    this._connectivity.reset();
  }

  /** Ends the session under way, or an authorization that is not used yet. */
  stopCharging(): void {
    this._charger.stop();
  }

  /** Opens the contactor at once, sends the farewell to the platform, and releases everything within a second. */
  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this._charger.close();
    this.updates.close();
    this._tagService.close();
    this._button.close();
    this._connectivity.close();
  }

  /** Closes the station, and restarts the board once the farewell is sent. */
  restart(reason: string): void {
    this.close();
    this._board.clock.set(() => this._board.restart(reason), FAREWELL_MS);
  }

  reportFault(message: string): void {
    this._board.log(message);
    this._lastError = message;
    this._connectivity.platform.notify(message, "error");
  }

  get isFree(): boolean {
    return this._charger.isFree;
  }

  get hasUnreportedSessions(): boolean {
    return this._charger.sessions.waiting > 0;
  }

  handlePlatformChanged(): void {
    this._charger.handlePlatformChanged();
    if (this._connectivity.platform.isOnline) this.updates.handleBrokerReached();
  }

  handleConnectivityChanged(): void {
    this._updateAdvertisement();
  }

  handleSettingsChanged(): void {
    this._charger.handleSettingsChanged();
    const { name } = this._settings.now;
    if (name !== undefined && name !== this._name) {
      this._name = name;
      this._tagService.rename(name);
      this._connectivity.platform.rename(name);
    }
    this.handleChargerChanged();
  }

  handleChargerStatus(): void {
    this.updates.handleSessionChanged();
    if (this.isFree) this._board.clock.set(() => this._connectivity.handleChargerFree(), 0);
  }

  handleChargerChanged(): void {
    this._updateAdvertisement();
    this._connectivity.platform.update();
  }

  handleBusyChanged(): void {
    this._updateAdvertisement();
  }

  forgetOwner(): void {
    this._lastError = undefined;
    let failure: unknown;
    try {
      this._settings.forgetOwner();
    } catch (error) {
      failure = error;
    }
    failure = this._charger.forgetOwner() ?? failure;
    if (failure !== undefined) throw failure;
  }

  /** The present status; the source of advertisement, `/status` and telemetry. */
  snapshot(): StationSnapshot {
    const { _charger: charger, _connectivity: connectivity } = this;
    const { access, sessions } = charger;
    const { boots, config } = this._options;
    return {
      lifeCycle: connectivity.lifeCycle,
      problem: connectivity.problem,
      isPairing: connectivity.isPairing,
      isOnline: connectivity.platform.isOnline,
      name: this._name,
      firmwareVersion: this._identity.firmwareVersion,
      status: charger.status,
      acceptsTags: charger.acceptsTags,
      authorizesOffline: access.authorizesOffline,
      sessionId: charger.sessionId,
      powerW: charger.powerW,
      energyWh: charger.energyWh,
      meterWh: charger.meterWh,
      temperatureC: charger.temperatureC,
      lastError: this._lastError,
      lastResult: access.lastResult,
      listedTags: access.listedTags,
      isLearning: charger.learning.isOn,
      waitingSessions: sessions.waiting,
      givenUpSessions: sessions.givenUp,
      settings: this._settings.now,
      installationA: config.currentLimitA,
      update: this.updates.text,
      transfer: connectivity.transferStatus,
      signalPercent: connectivity.link.signalPercent,
      uptimeS: Math.floor(this._board.clock.monotonicMs() / 1000),
      heapBytes: this._heap.bytes,
      restarts: { count: boots.count, reason: boots.resetText },
    };
  }

  private _updateAdvertisement(): void {
    if (!this._isClosed) this._tagService?.update(metadataOf(this.snapshot()));
  }

  private _api() {
    const routes = (): Route[] => [
      firmwareUploadRoute({
        slotBytes: this._board.firmwareSlot.byteLength,
        open: (announced) => this.updates.upload(announced),
      }),
      ...panelRoutes(this.commands),
    ];
    return { routes, describe: () => statusFields(this.snapshot()) };
  }

  private _makeUpdates(): Updates {
    const { _connectivity: connectivity } = this;
    return makeUpdates({
      ...this._options,
      identity: this._identity,
      settingsStore: this._settings,
      host: () => connectivity.parameters?.host,
      isFree: () => this.isFree,
      isOnline: () => connectivity.platform.isOnline,
      isUp: () => this._tagService.isReady && (connectivity.isPairing || connectivity.isLinkUp),
      problem: () => connectivity.problem?.message,
      restart: (reason) => this.restart(reason),
      onChanged: () => connectivity.platform.update(),
      onNews: (message, outcome) =>
        connectivity.platform.notify(message, outcome === "validated" ? "info" : "warning"),
    });
  }
}
