/**
 * Ledger of charging sessions from an outside observer's view: who was allowed to charge, when the contactor
 * was closed, and what the meter counted meanwhile.
 */

import { encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { virtualCrypto } from "../../virtual/board/crypto.js";
import type { Device } from "../../virtual/board/index.js";
import type { VirtualClock } from "../../virtual/world/clock.js";
import { Random } from "../../virtual/world/random.js";
import { PERMILLE_PER_A } from "../../virtual/world/vehicle.js";
import type { EventLog } from "./event-log.js";
import { INSTALLED_A } from "./expected-state.js";
import type { Metering } from "./metering.js";
import { type Permit, type Session, settle } from "./settlement.js";

/** The plugged-in vehicle. */
interface PluggedIn {
  readonly sinceMs: number;
  permits: Permit[];
  session: Session | undefined;
  /**
   * Session that the station may have begun without a closed contactor: the vehicle was ready, and the guard may not have
   * closed the contactor, or not yet.
   */
  unseen: Session | undefined;
  /** Its session was interrupted and no new permit has been given since. */
  mayResume: boolean;
  /** The station has met a fault, and remembers that. */
  hasToLeave: boolean;
}

/** A vehicle that has left, and may return. */
interface Left {
  readonly pluggedIn: PluggedIn;
  /** Its session, if it was under way. */
  readonly session: Session | undefined;
  readonly atMs: number;
}

/** A tag that was written by a phone or swiped at the reader. */
interface Presented {
  readonly tag: string;
  readonly method: Permit["method"];
  readonly atMs: number;
  /** The platform's answer for it has arrived in time. */
  isAnswered: boolean;
  /** Highest current that the station may have allowed without the platform, A. */
  offlineA: number | undefined;
}

/** Time for which a permit counts that the station has not used for an offer, ms. Messages may be late. */
const PERMIT_MS = 75_000;
/** Maximum time from presenting a card to its result, ms. */
const RESULT_MS = 16_000;
/** Maximum delay of a tag on the radio, ms. */
const RADIO_MS = 300;
/**
 * Maximum time to command the contactor to open after the vehicle leaves C or D, ms: 100 ms (IEC 61851-1 table A.6)
 * without the opening time of a contactor, 30 ms.
 */
const OPENING_MS = 100 - 30;
/** Longest time from a ready vehicle to a closed contactor, ms: the minimum off time and debouncing. */
const CLOSING_MS = 2500;
/** Age of a measurement of the pilot at most, ms. */
const FAULT_MEMORY_MS = 20;
/** Time for which the contactor may stay closed after the offer was withdrawn, ms. */
const STOP_MS = 3000;
/** Time after a limit at which it is checked, ms. */
const SOON_MS = 50;
/** Time in which a vehicle that has left can return to its session, ms. The station waits for 3 s. */
const RETURN_MS = 2000;
/** Time for the cable of a vehicle that has returned to be measured, without an offer; the station may be busy. */
const CABLE_MS = 1000;
/**
 * Maximum time until the station has ended a session, ms: it waits for 3 s for a vehicle that has left, or for one that
 * has to stop.
 */
const ENDING_MS = 3000 + OPENING_MS;
/** Maximum time for a reachable station to execute the owner's stop, ms; a vehicle may ignore it for 3 s. */
const OBEDIENCE_MS = 5000;
/** Openings of the contactor in a row after which guests wait: the station gives it a growing off time after 8. */
const CALM_OPENINGS = 4;
/** Time in which an opening is forgotten, ms. */
const OPENING_FORGOTTEN_MS = 2 * 60_000;
/**
 * Maximum time until ended sessions get their dates, ms: the period of modules/sessions and the storage
 * delay.
 */
const DATING_MS = 62_000;
/** Maximum time from the end of a session to its last reading by Modbus, ms. */
const LAST_READING_MS = 8000;
const HASHES = virtualCrypto(new Random(0));

/** Tag fields of a session that started without a card. */
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
  readonly eventLog: Pick<EventLog, "reportViolation" | "record" | "count">;
  /** True meter reading, Wh. */
  readonly meterWh: () => number;
  /** The owner has, at some time, enabled resuming sessions after a power cut. */
  readonly mayResume: () => boolean;
  /** The owner has, at some time, enabled charging without a card. */
  readonly mayBeFree: () => boolean;
  /** Highest current limit that the owner may have set, A. */
  readonly mostA: () => number;
  /** Current that the station may allow a tag offline, A. */
  readonly offlineA: (tag: string) => number | undefined;
  /** The station receives the owner's commands. */
  readonly isInReach: () => boolean;
  /** Time at which the station has handled an event, ms, if it takes `delayMs` when it is not busy. */
  readonly handledMs: (eventMs: number, delayMs: number) => number;
  /** Seconds since 1970 at the start of the simulation. */
  readonly epochS: number;
  /** The Modbus meter; absent with an S0 meter. */
  readonly metering?: Pick<Metering, "wasFaultySince">;
}

export class Ledger {
  readonly #options: LedgerOptions;
  #pluggedIn: PluggedIn | undefined;
  #sessions: Session[] = [];
  #presented: Presented[] = [];
  /** Times at which the platform last allowed a tag, ms. */
  readonly #permittedMs = new Map<string, number>();
  /** Times at which the platform first received a session, by session id, ms. */
  readonly #reportedMs = new Map<unknown, number>();
  /** Energy by which the station's meter is behind after power cuts, Wh. */
  #lostWh = 0;
  #givenUp = 0;
  /** The offer that was checked last. The same offer needs no second check. */
  #checked: { readonly session?: Session; readonly dutyPermille?: number; readonly mostA?: number } = {};
  #wasClosed = false;
  #wasReady = false;
  #notReadySinceMs = 0;
  #left: Left | undefined;
  #returnedMs = Number.NEGATIVE_INFINITY;
  #wasOffered = false;
  /** Latest time at which the offer was withdrawn under a closed contactor, ms. */
  #withdrawnMs = Number.NEGATIVE_INFINITY;
  /** Openings that are not forgotten, and the time of the latest one, ms. */
  #openings = 0;
  #openedMs = 0;
  #wasFaulty = false;
  /** Latest time at which the pilot was shorted or the diode missing, ms. */
  #faultyMs = Number.NEGATIVE_INFINITY;

  constructor(options: LedgerOptions) {
    this.#options = options;
    options.device.vehicle.watch(() => this.#handleChange());
  }

  /** A session is under way, as far as an observer can see. */
  get isCharging(): boolean {
    return this.#pluggedIn?.session !== undefined && this.#pluggedIn.session.endMs === undefined;
  }

  /** The contactor has opened so seldom that its off time is the shortest. */
  get isContactorCalm(): boolean {
    return this.#openings - (this.#now - this.#openedMs) / OPENING_FORGOTTEN_MS < CALM_OPENINGS;
  }

  /** Energy of the latest session, Wh. */
  get latestWh(): number | undefined {
    const latest = this.#pluggedIn?.session ?? this.#sessions.at(-1);
    return latest && latest.endWh - latest.startWh;
  }

  /** Records a tag written by a phone or swiped. */
  present(tag: string, method: Permit["method"]): void {
    const now = this.#now;
    const pluggedIn = this.#pluggedIn;
    this.#presented = this.#presented.filter(
      ({ atMs }) => now - atMs <= PERMIT_MS || isDuring(pluggedIn, atMs),
    );
    const offlineA = this.#options.offlineA(tag);
    this.#presented.push({ tag, method, atMs: now, isAnswered: false, offlineA });
  }

  /**
   * The station has received the platform's answer to a request for a card, so it does not decide offline. A card that is
   * presented again while the station answers has a request of its own.
   */
  recordAnswered(tag: string): void {
    const now = this.#now;
    const isOpen = (one: Presented) => one.tag === tag && !one.isAnswered && now - one.atMs < RESULT_MS;
    const answered = this.#presented.find(isOpen);
    if (answered) answered.isAnswered = true;
  }

  /** The platform allows a card; the permit counts if the card was presented for this vehicle. */
  permit(tag: string, method: Permit["method"], maxA = INSTALLED_A): void {
    this.#permittedMs.set(tag, this.#now);
    const pluggedIn = this.#pluggedIn;
    const isForThisVehicle = this.#presented.some(
      (one) => one.tag === tag && one.method === method && isDuring(pluggedIn, one.atMs),
    );
    if (pluggedIn && isForThisVehicle)
      pluggedIn.permits.push({ ...cardOf(tag), method, atMs: this.#now, maxA });
  }

  /** The owner allows the plugged-in vehicle to charge. */
  permitRemote(): void {
    const permit: Permit = { ...NO_CARD, method: "remote", atMs: this.#now, maxA: INSTALLED_A };
    this.#pluggedIn?.permits.push(permit);
  }

  /** Whether a tag may have a positive result now, from the platform or offline. */
  isPermitted(tag: string): boolean {
    const atMs = this.#permittedMs.get(tag);
    if (atMs !== undefined && this.#now - atMs <= RESULT_MS) return true;
    const isRecent = (one: Presented) => one.tag === tag && this.#now - one.atMs <= RESULT_MS;
    return this.#presented.some((one) => isRecent(one) && offlineOf(one) !== undefined);
  }

  /** The owner stops the session under way. */
  stop(): void {
    const { clock, eventLog, isInReach } = this.#options;
    const last = this.#sessions.at(-1);
    // The station may handle the stop before the end of a session that waits for its vehicle, or that it has not noticed.
    if (last?.endMs !== undefined && this.#now <= this.#options.handledMs(last.endMs, ENDING_MS))
      last.whys.push("stopped");
    const session = this.isCharging ? this.#pluggedIn?.session : undefined;
    if (!session || !isInReach()) return;
    const { cuts } = session;
    clock.set(() => {
      if (isInReach() && session.cuts === cuts && session.endMs === undefined)
        eventLog.reportViolation(
          `the owner has stopped it, and the session continues after ${OBEDIENCE_MS} ms`,
        );
    }, OBEDIENCE_MS);
  }

  /** The station knows the time from now on. */
  onTimeKnown(): void {
    for (const session of this.#sessions) {
      if (session.endMs !== undefined && !session.isOfEarlierRun)
        session.datedFromMs ??= this.#now + DATING_MS;
    }
  }

  /** The platform has received a session. A message that waited may have been composed before the time was known. */
  recordReport(id: unknown, mayHaveWaited: boolean): void {
    if (!this.#reportedMs.has(id)) this.#reportedMs.set(id, mayHaveWaited ? 0 : this.#now);
  }

  /** The firmware has ended, by a power cut or a crash. */
  interrupt(): void {
    const { eventLog, device, meterWh } = this.#options;
    const now = this.#now;
    if (device.vehicle.isContactorClosed)
      eventLog.reportViolation("the contactor is still closed after the firmware has ended");
    this.#left = undefined;
    this.#openings = 0;
    if (this.#pluggedIn) {
      this.#pluggedIn.permits = [];
      this.#pluggedIn.hasToLeave = false;
      this.#pluggedIn.session = this.#takeUnseen() ?? this.#pluggedIn.session;
    }
    this.#presented = [];
    for (const session of this.#sessions) {
      session.isOfEarlierRun = true;
      if (session.datedFromMs !== undefined && session.datedFromMs > now) session.datedFromMs = undefined;
    }
    const last = this.#sessions.at(-1);
    if (!last) return;
    // The last reading of a Modbus meter follows the end.
    if (last.endMs !== undefined && now - last.endMs < LAST_READING_MS) last.mayBeUnread = true;
    if (last.endMs !== undefined && now > this.#options.handledMs(last.endMs, ENDING_MS)) return;
    last.cuts++;
    last.whys.push("interrupted");
    if (last.startMs === now) last.isOptional = true;
    // This includes a stopped session: the power cut erases the station's memory of the stop.
    if (this.#pluggedIn?.session === last) {
      this.#pluggedIn.mayResume = this.#options.mayResume();
    }
    if (last.endMs !== undefined) return;
    last.endMs = now;
    last.endWh = meterWh();
  }

  /**
   * Requires that the platform has each ended session once and nothing else. `givenUp` is the station's
   * counter.
   */
  settle(accepted: readonly JSONObject[], givenUp: number): void {
    const { eventLog, epochS } = this.#options;
    for (const session of this.#sessions) this.#recordMeterFault(session);
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

  /** Checks the invariants that hold after each step, also without a change at the vehicle. */
  check(): void {
    const { vehicle } = this.#options.device;
    this.#updateOffline();
    if (!this.#isOffered) {
      this.#checked = {};
      if (vehicle.isContactorClosed && this.#now > this.#options.handledMs(this.#withdrawnMs, STOP_MS))
        this.#options.eventLog.reportViolation("current flows that is not offered");
      return;
    }
    const pluggedIn = this.#pluggedIn;
    if (!pluggedIn) return;
    if (pluggedIn.hasToLeave)
      this.#options.eventLog.reportViolation("current is offered to a vehicle that has to leave first");
    const { dutyPermille } = vehicle;
    const { session } = pluggedIn;
    const mostA = this.#options.mostA();
    const last = this.#checked;
    if (last.session === session && last.dutyPermille === dutyPermille && last.mostA === mostA) return;
    this.#checked = { session, dutyPermille, mostA };
    const isUnderWay = session !== undefined && (session.endMs === undefined || pluggedIn.mayResume);
    const permits = isUnderWay
      ? session.permits.concat(this.#permitsOf(pluggedIn))
      : this.#permitsOf(pluggedIn);
    if (!isUnderWay && permits.length === 0)
      this.#options.eventLog.reportViolation("current is offered, and nobody has allowed it");
    const most = Math.min(mostA, Math.max(...permits.map(({ maxA }) => maxA)));
    if (permits.length > 0 && dutyPermille > most * PERMILLE_PER_A)
      this.#options.eventLog.reportViolation(`a duty of ${dutyPermille} ‰ where ${most} A are allowed`);
  }

  /** Records whether the meter may have been unread in a session, or at its end. */
  #recordMeterFault(session: Session): void {
    session.mayBeUnread ||= this.#options.metering?.wasFaultySince(session.startMs) ?? false;
  }

  get #now(): number {
    return this.#options.clock.monotonicMs();
  }

  get #isOffered(): boolean {
    return this.#options.device.vehicle.isOffered;
  }

  /** Looks whether the station may allow a card without the platform: it decides some time after the card was presented. */
  #updateOffline(): void {
    const now = this.#now;
    for (const one of this.#presented) {
      if (now - one.atMs > RESULT_MS) continue;
      const offlineA = this.#options.offlineA(one.tag);
      if (offlineA !== undefined) one.offlineA = Math.max(one.offlineA ?? 0, offlineA);
    }
  }

  /** Permits for the plugged-in vehicle. */
  #permitsOf(pluggedIn: PluggedIn): Permit[] {
    const now = this.#now;
    const permits = [...pluggedIn.permits];
    for (const one of this.#presented) {
      const maxA = isDuring(pluggedIn, one.atMs) ? offlineOf(one) : undefined;
      if (maxA !== undefined) permits.push({ ...cardOf(one.tag), method: one.method, atMs: one.atMs, maxA });
    }
    if (this.#options.mayBeFree()) permits.push({ ...NO_CARD, method: "free", atMs: now, maxA: INSTALLED_A });
    return permits;
  }

  /** Handles a change of the vehicle, the pilot or the contactor. */
  #handleChange(): void {
    const { device } = this.#options;
    const { vehicle } = device;
    if (vehicle.state === "unplugged") this.#leave();
    else this.#pluggedIn ??= this.#returned() ?? newlyPluggedIn(this.#now);
    if (this.#isFaulty || this.#wasFaulty) this.#faultyMs = this.#now;
    this.#wasFaulty = this.#isFaulty;
    this.#checkOpening();
    this.#expectSession();
    const isClosed = vehicle.isContactorClosed;
    const isSteady = vehicle.dutyPermille === 1000;
    if (isClosed && !this.#wasClosed) this.#close();
    if (isClosed && isSteady && this.#wasOffered) {
      this.#withdrawnMs = this.#now;
      this.#options.clock.set(() => this.check(), STOP_MS + SOON_MS);
    }
    if (!isClosed && this.#wasClosed) this.#countOpening();
    this.#wasOffered = this.#isOffered;
    this.#wasClosed = isClosed;
    // The station has withdrawn its offer, and the contactor has opened: it has ended the session.
    if (isSteady && !isClosed && device.isRunning && this.#now > this.#returnedMs + CABLE_MS)
      this.#handleOfferEnd();
  }

  #countOpening(): void {
    const forgotten = (this.#now - this.#openedMs) / OPENING_FORGOTTEN_MS;
    this.#openings = Math.max(0, this.#openings - forgotten) + 1;
    this.#openedMs = this.#now;
  }

  #leave(): void {
    const pluggedIn = this.#pluggedIn;
    if (!pluggedIn) return;
    const session = this.isCharging ? pluggedIn.session : undefined;
    // A stop may be under way.
    const isStopping = this.#options.device.vehicle.dutyPermille === 1000;
    if (isStopping) this.#end("unplugged", "stopped");
    else this.#end("unplugged");
    this.#left = { pluggedIn, session: isStopping ? undefined : session, atMs: this.#now };
    this.#pluggedIn = undefined;
  }

  /** The vehicle that has left and returns in time: its session has not ended. */
  #returned(): PluggedIn | undefined {
    const left = this.#left;
    this.#left = undefined;
    if (!left?.session || this.#now - left.atMs > RETURN_MS) return undefined;
    left.session.endMs = undefined;
    left.session.whys = [];
    this.#returnedMs = this.#now;
    this.#options.clock.set(() => this.#handleChange(), CABLE_MS + 1);
    return left.pluggedIn;
  }

  #handleOfferEnd(): void {
    if (this.#pluggedIn) {
      if (this.isCharging && this.#isFaulty) this.#pluggedIn.hasToLeave = true;
      this.#dropUsed(this.#pluggedIn);
    }
    if (this.#isFaulty) this.#end("faulted");
    // A fault that is just over may have been measured or not.
    else if (this.#now - this.#faultyMs <= FAULT_MEMORY_MS) this.#end("stopped", "faulted");
    else this.#end("stopped");
  }

  /** Drops permits of the session or authorization that has ended. One that is under way may be for the next one. */
  #dropUsed(pluggedIn: PluggedIn): void {
    const isRecent = ({ atMs }: { readonly atMs: number }) => this.#now - atMs <= PERMIT_MS;
    pluggedIn.permits = pluggedIn.permits.filter(isRecent);
    this.#presented = this.#presented.filter(isRecent);
  }

  get #isFaulty(): boolean {
    const { state } = this.#options.device.vehicle;
    return state === "shorted" || state === "without-diode";
  }

  /** Notes that the station may begin a session: the vehicle is authorized and ready. */
  #expectSession(): void {
    const pluggedIn = this.#pluggedIn;
    if (!pluggedIn || pluggedIn.unseen || this.isCharging || !this.#isOffered || !this.#wasReady) return;
    const before = pluggedIn.mayResume ? pluggedIn.session : undefined;
    const permits = this.#permitsOf(pluggedIn).concat(before?.permits ?? []);
    if (permits.length > 0) pluggedIn.unseen = this.#newSession(permits, before);
  }

  /** Adds the session that the contactor has not shown to those that the platform may have. */
  #takeUnseen(): Session | undefined {
    const unseen = this.#pluggedIn?.unseen;
    if (!unseen || !this.#pluggedIn) return undefined;
    this.#pluggedIn.unseen = undefined;
    unseen.isOptional = true;
    this.#sessions.push(unseen);
    return unseen;
  }

  #end(...whys: readonly string[]): void {
    const session = this.isCharging ? this.#pluggedIn?.session : this.#takeUnseen();
    if (!session) return;
    session.endMs = this.#now;
    session.endWh = this.#options.meterWh();
    this.#recordMeterFault(session);
    session.whys.push(...whys);
    session.isDated ||= session.cuts === 0 && this.#options.clock.epochMs() !== undefined;
    this.#options.eventLog.record(`a session of ${session.endWh - session.startWh} Wh has ended`);
  }

  #checkOpening(): void {
    const { clock, device, eventLog } = this.#options;
    const { vehicle } = device;
    const isReady = vehicle.state === "ready" || vehicle.state === "ready-with-ventilation";
    if (isReady || !this.#wasReady) {
      this.#wasReady = isReady;
      return;
    }
    this.#wasReady = false;
    this.#notReadySinceMs = clock.monotonicMs();
    const sinceMs = this.#notReadySinceMs;
    clock.set(() => {
      const isStill = !this.#wasReady && this.#notReadySinceMs === sinceMs;
      if (isStill && vehicle.isContactorClosed)
        eventLog.reportViolation(`the contactor is closed ${OPENING_MS} ms after the vehicle left C and D`);
    }, OPENING_MS);
  }

  /** The contactor has closed. */
  #close(): void {
    const { eventLog } = this.#options;
    const now = this.#now;
    if (!this.#wasReady && now - this.#notReadySinceMs > OPENING_MS)
      eventLog.reportViolation("the contactor closes on a vehicle that is in neither C nor D");
    const pluggedIn = this.#pluggedIn;
    if (!pluggedIn) {
      eventLog.reportViolation("the contactor closes without a vehicle");
      return;
    }
    const { session } = pluggedIn;
    if (session && session.endMs === undefined) return;
    const permits = this.#permitsOf(pluggedIn);
    if (session && pluggedIn.mayResume && permits.length === 0 && !this.#options.mayBeFree()) {
      session.offMs += now - (session.endMs ?? now);
      session.endMs = undefined;
      session.whys = [];
      session.isOptional = false;
      pluggedIn.mayResume = false;
      pluggedIn.unseen = undefined;
      eventLog.count("resumed");
      eventLog.record("the session resumes");
    } else {
      this.#begin(pluggedIn, permits);
    }
  }

  #begin(pluggedIn: PluggedIn, permits: readonly Permit[]): void {
    const { eventLog } = this.#options;
    if (permits.length === 0) eventLog.reportViolation("the contactor closes and nobody has allowed it");
    const before = this.#beganBefore(pluggedIn) ?? (pluggedIn.mayResume ? pluggedIn.session : undefined);
    pluggedIn.permits = [];
    pluggedIn.mayResume = false;
    pluggedIn.unseen = undefined;
    pluggedIn.session = this.#newSession(permits, before);
    this.#sessions.push(pluggedIn.session);
    eventLog.count("session");
    eventLog.record("a session has begun");
  }

  /** Returns the session that the station may have begun long before the contactor closes now. */
  #beganBefore({ unseen }: PluggedIn): Session | undefined {
    if (!unseen || this.#now - unseen.startMs <= CLOSING_MS) return undefined;
    unseen.endMs = this.#now;
    return this.#takeUnseen();
  }

  #newSession(permits: readonly Permit[], before: Session | undefined): Session {
    const { clock, meterWh } = this.#options;
    const last = this.#sessions.at(-1);
    const followsAtOnce = last?.endMs !== undefined && this.#now - last.endMs < LAST_READING_MS;
    // The next session takes the place of the last reading.
    if (last && followsAtOnce) last.mayBeUnread = true;
    return {
      permits,
      startMs: this.#now,
      startWh: meterWh(),
      endMs: undefined,
      endWh: meterWh(),
      cuts: 0,
      offMs: 0,
      isOptional: false,
      whys: [],
      isDated: clock.epochMs() !== undefined,
      isOfEarlierRun: false,
      mayBeUnread: followsAtOnce,
      datedFromMs: undefined,
      before,
    };
  }
}

function newlyPluggedIn(nowMs: number): PluggedIn {
  return {
    sinceMs: nowMs,
    permits: [],
    session: undefined,
    unseen: undefined,
    mayResume: false,
    hasToLeave: false,
  };
}

/** Current that the station may have allowed a card without the platform, A. */
function offlineOf({ isAnswered, offlineA }: Presented): number | undefined {
  return isAnswered ? undefined : offlineA;
}

function isDuring(pluggedIn: PluggedIn | undefined, atMs: number): boolean {
  return pluggedIn !== undefined && atMs >= pluggedIn.sinceMs - RADIO_MS;
}

/** Tag fields of a session's record. */
function cardOf(tag: string): { readonly tag: string; readonly tagEnd: string } {
  return { tag: hashOf(tag), tagEnd: tag.slice(-4) };
}
