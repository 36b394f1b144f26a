import type { Board, IO, Timer } from "../../modules/board/index.js";
import { type Link, makeLink } from "../../modules/network/index.js";
import { Pairing } from "../../modules/pairing/index.js";
import type { Updates } from "../../modules/updates/index.js";
import { readIdentity } from "../platform/identity.js";
import { ownerFormat } from "../platform/owner.js";
import type { Records } from "../records.js";
import type { StationOptions } from "../station-options.js";
import { pairingSetup } from "../ui/pairing-setup.js";
import type { BootCounter } from "./boot-counter.js";
import { makeUpdates, uploadRoute } from "./updates.js";

/**
 * Duration of safe mode, ms. The cause of the crashes may have passed by then: a response of the broker, a network. A
 * station that always crashes starts normally once in this time.
 */
const RETRY_MS = 30 * 60_000;
/** Delay of the restart after pairing, ms: the phone reads of the success before it. */
const PAIRED_RESTART_MS = 10_000;

/**
 * Safe mode: runs in place of a station that crashed several times in a row soon after its start. Pairing mode is on
 * and everything else is off. The contactor's pin is not initialized, and its pull-down keeps the contactor open.
 * The station starts normally, on probation, after new parameters, after `RETRY_MS`, or after a power cycle. A crash must not
 * give the station away: if it has an owner, new parameters need the admin login, as a firmware upload does.
 */
export class SafeMode implements IO {
  private readonly _board: Board;
  private readonly _boots: BootCounter;
  private readonly _link: Link;
  private readonly _pairing: Pairing;
  private readonly _updates: Updates;
  private _timer: Timer;

  constructor(options: StationOptions) {
    const { board, config, records, boots } = options;
    this._board = board;
    this._boots = boots;
    this._link = makeLink(board);
    const identity = readIdentity(board, config, records);
    const { about, ...setup } = pairingSetup({ ...options, identity, link: this._link });
    this._updates = makeUpdates({
      ...options,
      identity,
      // No check for updates: it may be the cause of the crashes.
      settingsStore: { now: { autoUpdate: false, updateTime: "03:00", staging: false } },
      host: () => undefined,
      isFree: () => true,
      isOnline: () => false,
      isUp: () => false,
      problem: () => undefined,
      restart: () => this._restartIn(0),
      onChanged: () => {},
    });
    this._pairing = new Pairing({
      ...setup,
      pairNeedsLogin: () => this._hasOwner(options.records),
      describe: () => ({
        ...about,
        state: "rescue",
        problem: { code: "crashes", message: "the station crashed three times soon after its start" },
        status: "unavailable",
        name: identity.name,
        update: this._updates.text ?? null,
        energyWh: null,
        tagLearning: false,
      }),
      routes: () => [uploadRoute(board, this._updates)],
      onTrying: () => this._pairing.begin(),
      onPaired: () => this._restartIn(PAIRED_RESTART_MS),
      onFailed: () => this._link.leave(),
      onRestart: () => this._restartIn(0),
      onReset: () => {
        records.erase();
        this._restartIn(0);
      },
    });
    board.log("station: safe mode: it crashed three times soon after its start; only pairing is on");
    this._pairing.enter();
    this._timer = board.clock.set(() => this._retry(), RETRY_MS);
  }

  close(): void {
    this._board.clock.clear(this._timer);
    this._updates.close();
    this._pairing.close();
    this._link.close();
  }

  /** The station was paired before, or all of its parameters are built in or provisioned. */
  private _hasOwner(records: Records): boolean {
    return this._pairing.initialParameters !== undefined || records(ownerFormat).read() !== undefined;
  }

  private _retry(): void {
    if (this._pairing.isTrying) this._timer = this._board.clock.set(() => this._retry(), RETRY_MS);
    else this._restartIn(0);
  }

  private _restartIn(delayMs: number): void {
    this._board.clock.clear(this._timer);
    this._boots.giveAnotherTry();
    this._timer = this._board.clock.set(() => this._board.restart("normal start after safe mode"), delayMs);
  }
}
