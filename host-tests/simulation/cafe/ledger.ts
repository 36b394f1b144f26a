/**
 * Charging sessions as the world sees them: who was allowed to charge, when the contactor was closed, what the meter
 * counted meanwhile. The station is never asked.
 */

import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { virtualCrypto } from "../../virtual-board/crypto.js";
import type { Device } from "../../virtual-board/index.js";
import type { VirtualClock } from "../../world/clock.js";
import { Random } from "../../world/random.js";
import type { Diary } from "./diary.js";
import { type Permit, type Session, settle } from "./settlement.js";

/** The vehicle that is there. */
interface Visit {
  permits: Permit[];
  session: Session | undefined;
  /** Has been interrupted, and nobody has been allowed to charge since. */
  mayResume: boolean;
}

/** A vehicle has 60 s to begin to draw, from when the station hears; an answer takes up to 14 s to get there. */
const PERMIT_MS = 75_000;
/** IEC 61851-1 table A.6: from the vehicle's leaving C or D. */
const OPENING_MS = 100;
const HASHES = virtualCrypto(new Random(0));

/** What stands for a tag where there was none. */
export const NO_CARD_HASH = "0".repeat(64);

export function hashOf(tag: string): string {
  return encodeHex(HASHES.sha256(encodeUTF8(tag)));
}

export interface LedgerOptions {
  readonly clock: VirtualClock;
  readonly device: Device;
  readonly diary: Diary;
  /** The meter's true reading, Wh. */
  readonly meterWh: () => number;
  /** The owner has, at some time, wanted sessions to go on after a power cut. */
  readonly mayResume: () => boolean;
  /** The owner has, at some time, wanted people to charge without a card. */
  readonly mayBeFree: () => boolean;
  /** Seconds since 1970 at the world's start. */
  readonly epochS: number;
}

export class Ledger {
  #options: LedgerOptions;
  #visit: Visit | undefined;
  #sessions: Session[] = [];
  /** What the station's meter has lost at power cuts. */
  #lostWh = 0;
  #wasClosed = false;
  #wasDrawing = false;
  #leftDrawingMs = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
    options.device.vehicle.watch(() => this.#look());
  }

  /** A session is under way, as far as the world can see. */
  get isCharging(): boolean {
    return this.#visit?.session !== undefined && this.#visit.session.endMs === undefined;
  }

  /** Only for a vehicle that is there. */
  permit(tag: string, method: Permit["method"]): void {
    this.#visit?.permits.push({ tag, method, atMs: this.#options.clock.monotonicMs() });
  }

  /** The firmware has ended, by a cut or a crash. */
  interrupt(): void {
    const { clock, diary, device, meterWh } = this.#options;
    const now = clock.monotonicMs();
    if (device.vehicle.isContactorClosed) diary.accuse("the contactor is closed and nothing holds it");
    if (this.#visit) this.#visit.permits = [];
    const last = this.#sessions.at(-1);
    // The station hears of an end a moment after it.
    if (!last || (last.endMs !== undefined && now - last.endMs > OPENING_MS)) return;
    last.cuts++;
    if (last.startMs === now) last.isStillborn = true;
    // Also one that was stopped: with the power the station's memory of the stop has gone.
    if (this.#visit?.session === last) {
      this.#visit.mayResume = this.#options.mayResume();
    }
    if (last.endMs !== undefined) return;
    last.endMs = now;
    last.endWh = meterWh();
  }

  /** Everything that ended has to be at the platform, once, and nothing else. */
  settle(accepted: readonly JSONObject[]): void {
    const { diary, epochS } = this.#options;
    const sessions = this.#sessions.filter(({ endMs }) => endMs !== undefined);
    const { violations, lostWh } = settle({ sessions, accepted, epochS, lostWh: this.#lostWh });
    for (const violation of violations) diary.accuse(violation);
    this.#lostWh = lostWh;
    this.#sessions = this.#sessions.filter(({ endMs }) => endMs === undefined);
  }

  /** Something about the vehicle, the pilot or the contactor has changed. */
  #look(): void {
    const { device } = this.#options;
    const { vehicle } = device;
    if (vehicle.state === "unplugged") this.#leave();
    else this.#visit ??= { permits: [], session: undefined, mayResume: false };
    this.#watchDrawing();
    const isClosed = vehicle.isContactorClosed;
    if (isClosed && !this.#wasClosed) this.#close();
    this.#wasClosed = isClosed;
    // The station takes its offer back: it has ended the session.
    if (vehicle.dutyPermille === 1000 && device.isRunning) this.#end();
  }

  #leave(): void {
    this.#end();
    this.#visit = undefined;
  }

  #end(): void {
    const session = this.#visit?.session;
    if (!session || session.endMs !== undefined) return;
    session.endMs = this.#options.clock.monotonicMs();
    session.endWh = this.#options.meterWh();
    this.#options.diary.note(`a session of ${session.endWh - session.startWh} Wh has ended`);
  }

  #watchDrawing(): void {
    const { clock, device, diary } = this.#options;
    const { vehicle } = device;
    const isDrawing = vehicle.state === "ready" || vehicle.state === "ready-with-ventilation";
    if (isDrawing || !this.#wasDrawing) {
      this.#wasDrawing = isDrawing;
      return;
    }
    this.#wasDrawing = false;
    this.#leftDrawingMs = clock.monotonicMs();
    const sinceMs = this.#leftDrawingMs;
    clock.set(() => {
      const isStill = !this.#wasDrawing && this.#leftDrawingMs === sinceMs;
      if (isStill && vehicle.isContactorClosed)
        diary.accuse(`the contactor is closed ${OPENING_MS} ms after the vehicle left C and D`);
    }, OPENING_MS);
  }

  /** The contactor has closed. */
  #close(): void {
    const { clock, diary } = this.#options;
    const now = clock.monotonicMs();
    if (!this.#wasDrawing && now - this.#leftDrawingMs > OPENING_MS)
      diary.accuse("the contactor closes on a vehicle that is in neither C nor D");
    const visit = this.#visit;
    const session = visit?.session;
    if (visit) visit.permits = visit.permits.filter(({ atMs }) => now - atMs <= PERMIT_MS);
    if (!visit) {
      diary.accuse("the contactor closes without a vehicle");
    } else if (session && session.endMs === undefined) {
      return;
    } else if (session && visit.mayResume && visit.permits.length === 0 && !this.#options.mayBeFree()) {
      session.offMs += now - (session.endMs ?? now);
      session.endMs = undefined;
      visit.mayResume = false;
      diary.count("resumed");
      diary.note("the session goes on");
    } else {
      this.#begin(visit);
    }
  }

  #begin(visit: Visit): void {
    const { clock, diary, meterWh } = this.#options;
    const now = clock.monotonicMs();
    const free: Permit = { tag: NO_CARD_HASH, method: "free", atMs: now };
    const permits = this.#options.mayBeFree() ? [...visit.permits, free] : visit.permits;
    if (permits.length === 0) diary.accuse("the contactor closes and nobody has allowed it");
    const before = visit.mayResume ? visit.session : undefined;
    visit.permits = [];
    visit.mayResume = false;
    visit.session = {
      permits,
      startMs: now,
      startWh: meterWh(),
      endMs: undefined,
      endWh: 0,
      cuts: 0,
      offMs: 0,
      isStillborn: false,
      before,
    };
    this.#sessions.push(visit.session);
    diary.count("session");
    diary.note("a session has begun");
  }
}
