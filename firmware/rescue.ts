import type { Board, IO, Timer } from "../modules/board/index.js";
import { type Link, makeLink } from "../modules/network/index.js";
import { firmwareUploadRoute, Pairing } from "../modules/pairing/index.js";
import type { Updates } from "../modules/updates/index.js";
import { readIdentity } from "./identity.js";
import { pairingSetup } from "./pairing-setup.js";
import type { Restarts } from "./restarts.js";
import type { StationOptions } from "./station.js";
import { makeUpdates } from "./updates.js";

/** What made it crash may be gone by then: a broker's answer, a network. */
const RETRY_MS = 30 * 60_000;
/** For the phone to read of the success. */
const PAIRED_RESTART_MS = 10_000;

/**
 * What runs instead of a station that crashes as soon as it starts: pairing mode, and everything else off; the
 * contactor's pin is never touched, and its pull-down keeps it open. New parameters, half an hour, or somebody who
 * switches it off and on give the station another try.
 */
export class Rescue implements IO {
  #board: Board;
  #restarts: Restarts;
  #link: Link;
  #pairing: Pairing;
  #updates: Updates;
  #timer: Timer;

  constructor(options: StationOptions) {
    const { board, config, records, restarts } = options;
    this.#board = board;
    this.#restarts = restarts;
    this.#link = makeLink({
      board,
      onChanged: (state) => this.#pairing.followLink(state),
      onChannel: (channel) => this.#pairing.followChannel(channel),
    });
    const identity = readIdentity(board, config, records);
    const { about, ...setup } = pairingSetup({ ...options, identity, link: this.#link });
    this.#updates = makeUpdates({
      ...options,
      identity,
      // Nothing is looked for: it would be the same again.
      options: { now: { autoUpdate: false, updateTime: "03:00", staging: false } },
      host: () => undefined,
      isFree: () => true,
      isOnline: () => false,
      isUp: () => false,
      problem: () => undefined,
      restart: () => this.#restartIn(0),
      onChanged: () => {},
    });
    this.#pairing = new Pairing({
      ...setup,
      describe: () => ({
        ...about,
        state: "rescue",
        problem: { code: "crashes", message: "the station crashed three times as it started" },
        status: "unavailable",
        name: identity.name,
        update: this.#updates.text ?? null,
        energyWh: null,
        tagLearning: false,
      }),
      routes: () => [
        firmwareUploadRoute({
          slotBytes: board.firmwareSlot.byteLength,
          open: (announced) => this.#updates.upload(announced),
        }),
      ],
      onTrying: () => {},
      onPaired: () => this.#restartIn(PAIRED_RESTART_MS),
      onFailed: () => this.#link.leave(),
      onRestart: () => this.#restartIn(0),
      onReset: () => {
        records.erase();
        this.#restartIn(0);
      },
    });
    board.log("station: rescue: it crashed three times as it started; only pairing is on");
    this.#pairing.enter();
    this.#timer = board.clock.set(() => this.#retry(), RETRY_MS);
  }

  close(): void {
    this.#board.clock.clear(this.#timer);
    this.#updates.close();
    this.#pairing.close();
    this.#link.close();
  }

  #retry(): void {
    if (this.#pairing.isTrying) this.#timer = this.#board.clock.set(() => this.#retry(), RETRY_MS);
    else this.#restartIn(0);
  }

  #restartIn(delayMs: number): void {
    this.#board.clock.clear(this.#timer);
    this.#restarts.giveAnotherTry();
    this.#timer = this.#board.clock.set(() => this.#board.restart("another try after a rescue"), delayMs);
  }
}
