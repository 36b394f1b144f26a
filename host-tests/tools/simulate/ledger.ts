/**
 * Charging sessions as the world sees them: who was allowed to charge, when the contactor was closed, what the meter
 * counted meanwhile. The station is never asked.
 */

import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { virtualCrypto } from "../../virtual/board/crypto.js";
import type { Device } from "../../virtual/board/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { INSTALLED_A } from "./expected-state.js";
import { type Permit, type Session, settle } from "./settlement.js";

/** The vehicle that is there. */
interface Visit {
  readonly sinceMs: number;
  permits: Permit[];
  session: Session | undefined;
  /** Has been interrupted, and nobody has been allowed to charge since. */
  mayResume: boolean;
  /** Its session has ended while it was there, and the station remembers that. */
  hasToLeave: boolean;
}

/** A card that somebody has written or swiped. */
interface Presented {
  readonly tag: string;
  readonly method: Permit["method"];
  readonly atMs: number;
  /** The platform has said something of it, in time. */
  isAnswered: boolean;
}

/** A vehicle has 60 s to begin to draw, from when the station hears; an answer takes up to 14 s to get there. */
const PERMIT_MS = 75_000;
/** From a card's being presented to its result. */
const RESULT_MS = 16_000;
/** A tag that is written in the air reaches the station this much later. */
const RADIO_MS = 300;
/** IEC 61851-1 table A.6: from the vehicle's leaving C or D. */
const OPENING_MS = 100;
/** For a station that is in reach to do what it is told. */
const OBEDIENCE_MS = 2000;
/** The station dates what has ended as often (modules/sessions), and a little for the way. */
const DATING_MS = 62_000;
/** IEC 61851-1 table A.8: a duty between these states a current, of 60 mA a permille. */
const LOWEST_OFFER_PERMILLE = 80;
const HIGHEST_OFFER_PERMILLE = 970;
const PERMILLE_PER_A = 1000 / 60;
const HASHES = virtualCrypto(new Random(0));

/** What stands for a tag where there was none. */
const NO_CARD = { tag: "0".repeat(64), tagEnd: "-" };
const hashes = new Map<string, string>();

export function hashOf(tag: string): string {
  const hash = hashes.get(tag) ?? encodeHex(HASHES.sha256(encodeUTF8(tag)));
  hashes.set(tag, hash);
  return hash;
}

export interface LedgerOptions {
  readonly clock: VirtualClock;
  readonly device: Pick<Device, "vehicle" | "isRunning">;
  readonly eventLog: Pick<EventLog, "reportViolation" | "note" | "count">;
  /** The meter's true reading, Wh. */
  readonly meterWh: () => number;
  /** The owner has, at some time, wanted sessions to go on after a power cut. */
  readonly mayResume: () => boolean;
  /** The owner has, at some time, wanted people to charge without a card. */
  readonly mayBeFree: () => boolean;
  /** The most that the owner may have allowed, A. */
  readonly mostA: () => number;
  /** What the station may let a tag have by itself, A. */
  readonly offlineA: (tag: string) => number | undefined;
  /** The station hears what it is told. */
  readonly isInReach: () => boolean;
  /** Seconds since 1970 at the world's start. */
  readonly epochS: number;
}

export class Ledger {
  #options: LedgerOptions;
  #visit: Visit | undefined;
  #sessions: Session[] = [];
  #presented: Presented[] = [];
  /** When somebody was allowed to charge with a tag. */
  #permittedMs = new Map<string, number>();
  /** When the platform first had a session, by its id. */
  #reportedMs = new Map<unknown, number>();
  /** What the station's meter has lost at power cuts. */
  #lostWh = 0;
  #givenUp = 0;
  /** The offer that was looked at last: the same again is as right as it was. */
  #checked: { readonly session?: Session; readonly dutyPermille?: number; readonly mostA?: number } = {};
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

  /** Of the latest session, Wh. */
  get latestWh(): number | undefined {
    const latest = this.#visit?.session ?? this.#sessions.at(-1);
    return latest && latest.endWh - latest.startWh;
  }

  /** Somebody writes a tag, or swipes it. */
  present(tag: string, method: Permit["method"]): void {
    const now = this.#now;
    this.#presented = this.#presented.filter(({ atMs }) => now - atMs <= PERMIT_MS);
    this.#presented.push({ tag, method, atMs: now, isAnswered: false });
  }

  /** The platform has said something of a card, and the station hears it: it does not decide by itself. */
  noteAnswered(tag: string): void {
    const now = this.#now;
    for (const one of this.#presented)
      if (one.tag === tag && now - one.atMs < RESULT_MS) one.isAnswered = true;
  }

  /** The platform lets a card charge that was presented for the vehicle that is there. */
  permit(tag: string, method: Permit["method"], maxA = INSTALLED_A): void {
    this.#permittedMs.set(tag, this.#now);
    const visit = this.#visit;
    const isOfThisVisit = this.#presented.some(
      (one) => one.tag === tag && one.method === method && isDuring(visit, one.atMs),
    );
    if (visit && isOfThisVisit) visit.permits.push({ ...cardOf(tag), method, atMs: this.#now, maxA });
  }

  /** The owner lets the vehicle that is there charge. */
  permitRemote(): void {
    const permit: Permit = { ...NO_CARD, method: "remote", atMs: this.#now, maxA: INSTALLED_A };
    this.#visit?.permits.push(permit);
  }

  /** Somebody was told that a tag may charge. */
  isPermitted(tag: string): boolean {
    const atMs = this.#permittedMs.get(tag);
    if (atMs !== undefined && this.#now - atMs <= RESULT_MS) return true;
    const isOfLate = (one: Presented) => one.tag === tag && this.#now - one.atMs <= RESULT_MS;
    return this.#presented.some((one) => isOfLate(one) && this.#offlineA(one) !== undefined);
  }

  /** The owner stops whatever is under way. */
  stop(): void {
    const { clock, eventLog, isInReach } = this.#options;
    const session = this.isCharging ? this.#visit?.session : undefined;
    if (!session || !isInReach()) return;
    const { cuts } = session;
    clock.set(() => {
      if (isInReach() && session.cuts === cuts && session.endMs === undefined)
        eventLog.reportViolation(`the owner has stopped it, and it goes on after ${OBEDIENCE_MS} ms`);
    }, OBEDIENCE_MS);
  }

  /** The station knows the time from now on. */
  noteTime(): void {
    for (const session of this.#sessions) {
      if (session.endMs !== undefined && !session.isOfEarlierRun)
        session.datedFromMs ??= this.#now + DATING_MS;
    }
  }

  /** The platform has a session. */
  noteReported(id: unknown): void {
    if (!this.#reportedMs.has(id)) this.#reportedMs.set(id, this.#now);
  }

  /** The firmware has ended, by a cut or a crash. */
  interrupt(): void {
    const { eventLog, device, meterWh } = this.#options;
    const now = this.#now;
    if (device.vehicle.isContactorClosed)
      eventLog.reportViolation("the contactor is closed and nothing holds it");
    if (this.#visit) {
      this.#visit.permits = [];
      this.#visit.hasToLeave = false;
    }
    this.#presented = [];
    for (const session of this.#sessions) {
      session.isOfEarlierRun = true;
      if (session.datedFromMs !== undefined && session.datedFromMs > now) session.datedFromMs = undefined;
    }
    const last = this.#sessions.at(-1);
    // The station hears of an end a moment after it.
    if (!last || (last.endMs !== undefined && now - last.endMs > OPENING_MS)) return;
    last.cuts++;
    last.whys.push("interrupted");
    if (last.startMs === now) last.interruptedAtStart = true;
    // Also one that was stopped: with the power the station's memory of the stop has gone.
    if (this.#visit?.session === last) {
      this.#visit.mayResume = this.#options.mayResume();
    }
    if (last.endMs !== undefined) return;
    last.endMs = now;
    last.endWh = meterWh();
  }

  /** Everything that ended has to be at the platform, once, and nothing else; what was given up the station says. */
  settle(accepted: readonly JSONObject[], givenUp: number): void {
    const { eventLog, epochS } = this.#options;
    const sessions = this.#sessions.filter(({ endMs }) => endMs !== undefined);
    const { violations, lostWh, missing } = settle({
      sessions,
      accepted,
      epochS,
      lostWh: this.#lostWh,
      givenUp: givenUp - this.#givenUp,
      reportedMs: (id) => this.#reportedMs.get(id),
    });
    for (const violation of violations) eventLog.reportViolation(violation);
    for (let i = 0; i < missing; i++) eventLog.count("given up");
    this.#lostWh = lostWh;
    this.#givenUp = givenUp;
    this.#reportedMs.clear();
    this.#sessions = this.#sessions.filter(({ endMs }) => endMs === undefined);
  }

  /** What has to hold after each step, and not only when something has changed at the vehicle. */
  check(): void {
    const { vehicle } = this.#options.device;
    if (!this.#isOffered) {
      if (vehicle.isContactorClosed)
        this.#options.eventLog.reportViolation("current flows that is not offered");
      return;
    }
    const visit = this.#visit;
    if (!visit) return;
    if (visit.hasToLeave)
      this.#options.eventLog.reportViolation("current is offered to a vehicle that has to leave first");
    const { dutyPermille } = vehicle;
    const { session } = visit;
    const mostA = this.#options.mostA();
    const last = this.#checked;
    if (last.session === session && last.dutyPermille === dutyPermille && last.mostA === mostA) return;
    this.#checked = { session, dutyPermille, mostA };
    const isUnderWay = session !== undefined && (session.endMs === undefined || visit.mayResume);
    const permits = isUnderWay ? session.permits.concat(this.#permitsOf(visit)) : this.#permitsOf(visit);
    const most = Math.min(mostA, Math.max(...permits.map(({ maxA }) => maxA)));
    if (permits.length > 0 && dutyPermille > most * PERMILLE_PER_A)
      this.#options.eventLog.reportViolation(`a duty of ${dutyPermille} ‰ where ${most} A are allowed`);
  }

  get #now(): number {
    return this.#options.clock.monotonicMs();
  }

  get #isOffered(): boolean {
    const { dutyPermille } = this.#options.device.vehicle;
    return dutyPermille >= LOWEST_OFFER_PERMILLE && dutyPermille <= HIGHEST_OFFER_PERMILLE;
  }

  #offlineA({ tag, isAnswered }: Presented): number | undefined {
    return isAnswered ? undefined : this.#options.offlineA(tag);
  }

  /** Those that count now: without the platform the station decides some time after the card was presented. */
  #permitsOf(visit: Visit): Permit[] {
    const now = this.#now;
    const permits = visit.permits.filter(({ atMs }) => now - atMs <= PERMIT_MS);
    for (const one of this.#presented) {
      const maxA = isDuring(visit, one.atMs) && now - one.atMs <= PERMIT_MS ? this.#offlineA(one) : undefined;
      if (maxA !== undefined) permits.push({ ...cardOf(one.tag), method: one.method, atMs: one.atMs, maxA });
    }
    if (this.#options.mayBeFree()) permits.push({ ...NO_CARD, method: "free", atMs: now, maxA: INSTALLED_A });
    return permits;
  }

  /** Something about the vehicle, the pilot or the contactor has changed. */
  #look(): void {
    const { device } = this.#options;
    const { vehicle } = device;
    if (vehicle.state === "unplugged") this.#leave();
    else
      this.#visit ??= {
        sinceMs: this.#now,
        permits: [],
        session: undefined,
        mayResume: false,
        hasToLeave: false,
      };
    this.#watchDrawing();
    const isClosed = vehicle.isContactorClosed;
    if (isClosed && !this.#wasClosed) this.#close();
    this.#wasClosed = isClosed;
    // The station takes its offer back: it has ended the session.
    if (vehicle.dutyPermille === 1000 && device.isRunning) this.#takeBack();
  }

  #leave(): void {
    this.#end("unplugged");
    this.#visit = undefined;
  }

  #takeBack(): void {
    const { state } = this.#options.device.vehicle;
    const isFault = state === "shorted" || state === "without-diode";
    if (this.#visit && this.isCharging) this.#visit.hasToLeave = true;
    this.#end(isFault ? "faulted" : "stopped");
  }

  #end(why: string): void {
    const session = this.#visit?.session;
    if (!session || session.endMs !== undefined) return;
    session.endMs = this.#now;
    session.endWh = this.#options.meterWh();
    session.whys.push(why);
    session.isDated ||= session.cuts === 0 && this.#options.clock.epochMs() !== undefined;
    this.#options.eventLog.note(`a session of ${session.endWh - session.startWh} Wh has ended`);
  }

  #watchDrawing(): void {
    const { clock, device, eventLog } = this.#options;
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
        eventLog.reportViolation(`the contactor is closed ${OPENING_MS} ms after the vehicle left C and D`);
    }, OPENING_MS);
  }

  /** The contactor has closed. */
  #close(): void {
    const { eventLog } = this.#options;
    const now = this.#now;
    if (!this.#wasDrawing && now - this.#leftDrawingMs > OPENING_MS)
      eventLog.reportViolation("the contactor closes on a vehicle that is in neither C nor D");
    const visit = this.#visit;
    if (!visit) {
      eventLog.reportViolation("the contactor closes without a vehicle");
      return;
    }
    const { session } = visit;
    if (session && session.endMs === undefined) return;
    const permits = this.#permitsOf(visit);
    if (session && visit.mayResume && permits.length === 0 && !this.#options.mayBeFree()) {
      session.offMs += now - (session.endMs ?? now);
      session.endMs = undefined;
      session.whys = [];
      visit.mayResume = false;
      eventLog.count("resumed");
      eventLog.note("the session goes on");
    } else {
      this.#begin(visit, permits);
    }
  }

  #begin(visit: Visit, permits: readonly Permit[]): void {
    const { clock, eventLog, meterWh } = this.#options;
    if (permits.length === 0) eventLog.reportViolation("the contactor closes and nobody has allowed it");
    const before = visit.mayResume ? visit.session : undefined;
    visit.permits = [];
    visit.mayResume = false;
    visit.session = {
      permits,
      startMs: this.#now,
      startWh: meterWh(),
      endMs: undefined,
      endWh: 0,
      cuts: 0,
      offMs: 0,
      interruptedAtStart: false,
      whys: [],
      isDated: clock.epochMs() !== undefined,
      isOfEarlierRun: false,
      datedFromMs: undefined,
      before,
    };
    this.#sessions.push(visit.session);
    eventLog.count("session");
    eventLog.note("a session has begun");
  }
}

function isDuring(visit: Visit | undefined, atMs: number): boolean {
  return visit !== undefined && atMs >= visit.sinceMs - RADIO_MS;
}

/** What a session's record says of a tag. */
function cardOf(tag: string): { readonly tag: string; readonly tagEnd: string } {
  return { tag: hashOf(tag), tagEnd: tag.slice(-4) };
}
