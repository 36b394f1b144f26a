import type { Board, IO, Timer } from "../../modules/board/index.js";
import { type Link, makeLink } from "../../modules/network/index.js";
import { Pairing } from "../../modules/pairing/index.js";
import type { Updates } from "../../modules/updates/index.js";
import { firmwareUploadRoute } from "../../modules/web/index.js";
import { readIdentity } from "../platform/identity.js";
import { ownerFormat } from "../platform/owner.js";
import type { Records } from "../records.js";
import type { StationOptions } from "../station-options.js";
import { pairingSetup } from "../ui/pairing-setup.js";
import type { BootCounter } from "./boot-counter.js";
import { makeUpdates } from "./updates.js";

/** What made it crash may be gone by then: a broker's answer, a network. */
const RETRY_MS = 30 * 60_000;
/** For the phone to read of the success. */
const PAIRED_RESTART_MS = 10_000;

/**
 * What runs instead of a station that crashes as soon as it starts: pairing mode, and everything else off; the
 * contactor's pin is never touched, and its pull-down keeps it open. New parameters, half an hour, or somebody who
 * switches it off and on give the station another try. A crash is no consent: where the station has an owner, new
 * parameters need the admin login, as firmware does.
 */
export class SafeMode implements IO {
  private _board: Board;
  private _boots: BootCounter;
  private _link: Link;
  private _pairing: Pairing;
  private _updates: Updates;
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
      // Nothing is looked for: it would be the same again.
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
        problem: { code: "crashes", message: "the station crashed three times as it started" },
        status: "unavailable",
        name: identity.name,
        update: this._updates.text ?? null,
        energyWh: null,
        tagLearning: false,
      }),
      routes: () => [
        firmwareUploadRoute({
          slotBytes: board.firmwareSlot.byteLength,
          open: (announced) => this._updates.upload(announced),
        }),
      ],
      onTrying: () => this._pairing.begin(),
      onPaired: () => this._restartIn(PAIRED_RESTART_MS),
      onFailed: () => this._link.leave(),
      onRestart: () => this._restartIn(0),
      onReset: () => {
        records.erase();
        this._restartIn(0);
      },
    });
    board.log("station: rescue: it crashed three times as it started; only pairing is on");
    this._pairing.enter();
    this._timer = board.clock.set(() => this._retry(), RETRY_MS);
  }

  close(): void {
    this._board.clock.clear(this._timer);
    this._updates.close();
    this._pairing.close();
    this._link.close();
  }

  /** The station was paired, or all of its parameters are built in or provisioned. */
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
    this._timer = this._board.clock.set(() => this._board.restart("another try after a rescue"), delayMs);
  }
}
