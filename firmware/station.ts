import type { Board, IO } from "../modules/board/index.js";
import type { StationStatus } from "../modules/charging/index.js";
import type { Fault } from "../modules/faults/index.js";
import { BoundedMap } from "../modules/limits/index.js";
import type { StatusViewer } from "../modules/pairing/index.js";
import { TagService } from "../modules/tag-service/index.js";
import type { LogLevel } from "../modules/telemetry/index.js";
import type { Trace } from "../modules/trace/index.js";
import type { Updates } from "../modules/updates/index.js";
import type { Route } from "../modules/web/index.js";
import { Charger } from "./charger/charger.js";
import type { ChargerListener } from "./charger/charger-listener.js";
import { withInstallationLimit } from "./config.js";
import { Connectivity, type ConnectivityHost } from "./connectivity.js";
import type { LifeCycle } from "./life-cycle.js";
import { LiveSnapshot } from "./live-snapshot.js";
import { readIdentity } from "./platform/identity.js";
import { type SettingsListener, SettingsStore } from "./settings.js";
import type { StationSnapshot } from "./snapshot.js";
import type { StationOptions } from "./station-options.js";
import { Commands } from "./ui/commands.js";
import { HoldButton, type HoldButtonListener } from "./ui/hold-button.js";
import { panelRoutes } from "./ui/panel-api.js";
import { faultText, metadataOf, statusFields } from "./ui/status.js";
import { makeUpdates, StationUpdatesHost, uploadRoute } from "./update/updates.js";

/** Delay of a restart, ms: the farewell has to reach the platform before it. */
const FAREWELL_MS = 1100;
/** Minimum time between two equal notices, ms: a contact that chatters would send the owner one each second. */
const NOTICE_INTERVAL_MS = 10 * 60_000;
/** Number of notices that are remembered for it. */
const MAX_NOTICES = 8;

/**
 * A charging station, composed of its parts: the charger, which works without a network; connectivity, which reaches
 * the platform; updates; and the tag service, at which phones present their tags.
 */
export class Station implements IO, ChargerListener, ConnectivityHost, HoldButtonListener, SettingsListener {
  readonly updates: Updates;
  /** Performs the owner's commands from telemetry and panel. */
  readonly commands: Commands;
  /** The present status: the source of advertisement, `/status` and telemetry. */
  readonly snapshot: StationSnapshot;
  private readonly _board: Board;
  private readonly _trace: Trace;
  private readonly _settings: SettingsStore;
  private readonly _connectivity: Connectivity;
  private readonly _charger: Charger;
  private readonly _tagService: TagService;
  private readonly _button: HoldButton;
  /** Name in the advertisement and in telemetry. */
  name: string;
  /** Latest fault of the present owner's time. */
  lastError: Fault | undefined;
  /** Monotonic times of the latest notices by their texts, ms. Made for the first one. */
  private _noticesMs: BoundedMap<string, number> | undefined;
  private _isClosed = false;

  constructor(given: StationOptions) {
    const { board, records, trace } = given;
    this._board = board;
    this._trace = trace;
    const identity = readIdentity(board, given.config, records);
    const config = withInstallationLimit(given.config, identity.installationLimitA);
    const options = { ...given, config };
    const settings = new SettingsStore(options);
    this._settings = settings;
    this.name = settings.now.name ?? identity.name;
    const connectivity = new Connectivity({ ...options, identity, host: this });
    this._connectivity = connectivity;
    const { platform } = connectivity;
    this._charger = new Charger({ ...options, settings, platform, reporter: this, listener: this });
    const updatesHost = new StationUpdatesHost({ config, settings, connectivity, station: this, trace });
    this.updates = makeUpdates({ board, config, identity, records }, updatesHost);
    // Commands and snapshot share one object of the parts.
    const { _charger: charger, updates } = this;
    const parts = { ...options, identity, settings, connectivity, charger, updates, station: this };
    this.commands = new Commands(parts);
    this.snapshot = new LiveSnapshot(parts);
    this._tagService = new TagService({
      board,
      deviceId: identity.deviceId,
      name: this.name,
      companyId: config.companyId,
      metadata: metadataOf(this.snapshot),
      sources: charger.access,
    });
    this._button = new HoldButton({ board, listener: this });
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

  /** Factory reset: erases everything except provisioned data, and restarts once no session is under way. */
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
    this._settings.close();
    this._connectivity.close();
  }

  /** Closes the station, and restarts the board after the farewell. */
  restart(reason: string): void {
    this.close();
    this._board.clock.set(() => this._board.restart(reason), FAREWELL_MS);
  }

  reportFault(fault: Fault, level: LogLevel = "error"): void {
    const text = faultText(fault);
    this._board.log(`fault: ${text}`);
    this._trace.add("fault", fault.code);
    this.lastError = fault;
    this._notify(text, level);
  }

  reportRecovery(fault: Fault): void {
    const text = faultText(fault);
    this._board.log(`fault over: ${text}`);
    this._notify(text, "info");
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
    if (name !== undefined && name !== this.name) {
      this.name = name;
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
    this.lastError = undefined;
    this._noticesMs = undefined;
    let failure: unknown;
    try {
      this._settings.forgetOwner();
    } catch (error) {
      failure = error;
    }
    failure = this._charger.forgetOwner() ?? failure;
    // The end of the previous owner's session is forgotten, too.
    this._trace.clear();
    if (failure !== undefined) throw failure;
  }

  private _updateAdvertisement(): void {
    if (!this._isClosed) this._tagService?.update(metadataOf(this.snapshot));
  }

  get isRadioReady(): boolean {
    return this._tagService.isReady;
  }

  takeApproval(): boolean {
    return this._button.takePress();
  }

  apiRoutes(): readonly Route[] {
    return [uploadRoute(this._board, this.updates), ...panelRoutes(this.commands, this._trace)];
  }

  describe(viewer: StatusViewer): Readonly<Record<string, unknown>> {
    return statusFields(this.snapshot, viewer);
  }

  /** Notifies the owner's app, of an equal text at most once in 10 minutes. */
  private _notify(text: string, level: LogLevel): void {
    const nowMs = this._board.clock.monotonicMs();
    this._noticesMs ??= new BoundedMap(MAX_NOTICES);
    if (nowMs - (this._noticesMs.get(text) ?? Number.NEGATIVE_INFINITY) < NOTICE_INTERVAL_MS) return;
    this._noticesMs.set(text, nowMs);
    this._connectivity.platform.notify(text, level);
  }
}
