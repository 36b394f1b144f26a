import type { Board, IO, Timer } from "../../modules/board/index.js";
import type { Failure } from "../../modules/failure/index.js";
import type { ConnectionFailureCode } from "../../modules/faults/index.js";
import type { MQTTFailure } from "../../modules/mqtt/index.js";
import { type Link, makeLink } from "../../modules/network/index.js";
import type { Pairing, PairingHost, PairingParameters } from "../../modules/pairing/index.js";
import type { UpdateSettings, Updates, UpdatesHost } from "../../modules/updates/index.js";
import type { Route } from "../../modules/web/index.js";
import { tryBroker } from "../platform/broker-trial.js";
import { readIdentity, type StationIdentity } from "../platform/identity.js";
import { isOwned } from "../platform/owner.js";
import type { StationOptions } from "../station-options.js";
import { HoldButton, type HoldButtonListener } from "../ui/hold-button.js";
import { firmwareFields, makePairing } from "../ui/pairing-setup.js";
import { makeUpdates, uploadRoute } from "./updates.js";

/**
 * Duration of safe mode, ms. The cause of the crashes may have passed by then: a response of the broker, a network. A
 * station that always crashes starts normally once in this time.
 */
const RETRY_MS = 30 * 60_000;
const CRASHED = "the station crashed three times soon after its start";
/** Delay of the restart after pairing, ms: the phone reads of the success before it. */
const PAIRED_RESTART_MS = 10_000;
const NO_UPDATES: UpdateSettings = { auto: false, time: "03:00", staging: false };

/**
 * Safe mode: runs in place of a station that crashed several times in a row soon after its start, and on a board whose
 * wiring is unknown. Pairing mode and the button are on, and everything else is off. The contactor's pin is not initialized, and its
 * pull-down keeps the contactor open. The station starts again, on probation, after new parameters, after `RETRY_MS`, or
 * after a power cycle. A crash must not give the station away: if it has an owner, new parameters need the admin login,
 * as a firmware upload does.
 */
export class SafeMode implements IO, HoldButtonListener, PairingHost, UpdatesHost {
  private readonly _board: Board;
  private readonly _options: StationOptions;
  private readonly _identity: StationIdentity;
  private readonly _link: Link;
  private readonly _pairing: Pairing;
  private readonly _updates: Updates;
  /** `undefined` while the wiring is unknown. */
  private readonly _button: HoldButton | undefined;
  private _timer: Timer;

  constructor(options: StationOptions) {
    const { board, config, records } = options;
    this._board = board;
    this._link = makeLink(board);
    const identity = readIdentity(board, config, records);
    this._options = options;
    this._identity = identity;
    this._updates = makeUpdates({ ...options, identity }, this);
    this._pairing = makePairing({ ...options, identity }, { link: this._link, host: this });
    board.log(`station: safe mode: ${board.wiringProblem ?? CRASHED}; only pairing is on`);
    this._pairing.enter();
    if (board.wiringProblem === undefined) this._button = new HoldButton({ board, listener: this });
    this._timer = board.clock.set(() => this._retry(), RETRY_MS);
  }

  close(): void {
    this._board.clock.clear(this._timer);
    this._button?.close();
    this._updates.close();
    this._pairing.close();
    this._link.close();
  }

  get isFree(): boolean {
    return true;
  }

  get isOnline(): boolean {
    return false;
  }

  get isUp(): boolean {
    return false;
  }

  get problem(): undefined {
    return undefined;
  }

  get updateServer(): undefined {
    return undefined;
  }

  /** No check for updates: it may be the cause of the crashes. */
  get updateSettings(): UpdateSettings {
    return NO_UPDATES;
  }

  takeApproval(): boolean {
    return this._button?.takePress() ?? false;
  }

  /** Pairing mode is on already. */
  enterPairingMode(): void {}

  resetToProvisioned(): void {
    this.handleResetRequest();
  }

  handleUpdateChanged(): void {}

  handleUpdateNews(): void {}

  restart(): void {
    this._restartIn(0);
  }

  get isOwned(): boolean {
    return isOwned(this._options.records, this._pairing.initialParameters);
  }

  tryBroker(parameters: PairingParameters, done: (failure: MQTTFailure | undefined) => void): IO {
    return tryBroker({ board: this._board, station: this._identity, parameters }, done);
  }

  apiRoutes(): readonly Route[] {
    return [uploadRoute(this._board, this._updates)];
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      ...firmwareFields({ ...this._options, identity: this._identity }),
      state: "rescue",
      problem: this._cause,
      status: "unavailable",
      name: this._identity.name,
      update: this._updates.text ?? null,
      energyWh: null,
      tagLearning: false,
    };
  }

  /** `problem` of `/status`. */
  private get _cause(): Failure<ConnectionFailureCode> {
    const { wiringProblem } = this._board;
    if (wiringProblem !== undefined) return { code: "wiring-invalid", message: wiringProblem };
    return { code: "crashes", message: CRASHED };
  }

  handleTrying(): void {
    this._pairing.begin();
  }

  handlePaired(): void {
    this._restartIn(PAIRED_RESTART_MS);
  }

  handlePairingFailed(): void {
    this._link.leave();
  }

  handleRestartRequest(): void {
    this._restartIn(0);
  }

  handleResetRequest(): void {
    this._options.records.erase();
    this._restartIn(0);
  }

  private _retry(): void {
    if (this._pairing.isTrying) this._timer = this._board.clock.set(() => this._retry(), RETRY_MS);
    else this._restartIn(0);
  }

  private _restartIn(delayMs: number): void {
    this._board.clock.clear(this._timer);
    this._options.boots.giveAnotherTry();
    this._timer = this._board.clock.set(() => this._board.restart("normal start after safe mode"), delayMs);
  }
}
