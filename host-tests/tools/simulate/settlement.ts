/**
 * Settlement of the observed charging sessions with those that the platform accepted: each once, with its
 * card, energy and times.
 */

import type { GrantMethod } from "../../../modules/charging/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { LOG_SLOTS } from "../../../modules/sessions/index.js";

/** Permission for a vehicle to charge, from the platform, the owner or the station's offline data. */
export interface Permit {
  /** Lower-case hex SHA-256 of the tag; 64 zeros for the owner's remote start. */
  readonly tag: string;
  /** Last 4 characters of the tag. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
  readonly atMs: number;
  /** Current limit, A. */
  readonly maxA: number;
}

/**
 * Observed charging session: from the first closing of the contactor to its end by station, vehicle or power.
 */
export interface Session {
  /** Permits that may have started the session. */
  readonly permits: readonly Permit[];
  readonly startMs: number;
  readonly startWh: number;
  endMs: number | undefined;
  endWh: number;
  /** Number of power cuts and crashes during the session and at its end. */
  cuts: number;
  /** Time without power before the session resumed, ms. */
  offMs: number;
  /**
   * The station may have no record of the session: the power was cut at the moment of the start, or the contactor never
   * closed.
   */
  isOptional: boolean;
  /** Possible reasons for the end. */
  whys: string[];
  /** The station knew the time at the start, or at the end of a session that was never interrupted. */
  isDated: boolean;
  /** A Modbus meter may not have answered in the session, or at its end. */
  mayBeUnread: boolean;
  /** The firmware has ended since. */
  isOfEarlierRun: boolean;
  /**
   * Time from which the session is dated, ms, if it ended before the station knew the time and no
   * interruption followed.
   */
  datedFromMs: number | undefined;
  /**
   * Session that this one may continue: a card was presented after the cut, and an observer cannot
   * distinguish the two cases.
   */
  readonly before: Session | undefined;
}

export interface SettlementOptions {
  /** Ended sessions, in order. */
  readonly sessions: readonly Session[];
  /** Sessions that the platform has accepted, in any order. */
  readonly accepted: readonly JSONObject[];
  /** Seconds since 1970 at the start of the simulation. */
  readonly epochS: number;
  /** Energy by which the station's meter is behind before the first session, Wh. */
  readonly lostWh: number;
  /** Number of sessions dropped for lack of room, by the station's counter. */
  readonly givenUp: number;
  /** Time at which the platform first received a session, by session id, ms. */
  readonly reportedMs: (id: unknown) => number | undefined;
}

export interface Settlement {
  readonly violations: readonly string[];
  /** Energy by which the station's meter is behind after the last session, Wh. */
  readonly lostWh: number;
  /** Number of sessions dropped for lack of room. */
  readonly missing: number;
}

/** Maximum energy lost by a power cut, Wh. */
const CUT_WH = 100;
/** Maximum duration lost by a power cut, s. */
const CUT_S = 61;
/** Tolerance of clock readings, s: 2 s, and 2 s of a busy firmware (stalls.ts). */
const CLOCK_TOLERANCE_S = 4;

interface Matching {
  readonly open: readonly JSONObject[];
  /** Minimum energy by which the meter is behind, Wh. */
  readonly lostWh: number;
  /** Further energy by which the meter may be behind, Wh. */
  readonly unsureWh: number;
  readonly missing: readonly Session[];
}

/** Terms that apply to all sessions. */
type Terms = Pick<SettlementOptions, "epochS" | "reportedMs">;

export function settle({ sessions, accepted, lostWh, givenUp, ...terms }: SettlementOptions): Settlement {
  let matching: Matching = { open: accepted, lostWh, unsureWh: 0, missing: [] };
  const violations: string[] = [];
  let missing = 0;
  for (const chain of chainsOf(sessions)) {
    const before = matching;
    matching = match(chain, { ...matching, missing: [] }, terms);
    for (const session of matching.missing) {
      // A new session replaces the oldest one when LOG_SLOTS sessions are queued.
      if (sessions.length - 1 - sessions.indexOf(session) >= LOG_SLOTS) missing++;
      else violations.push(missingText(session, { ...matching, lostWh: before.lostWh }, terms));
    }
  }
  for (const extra of matching.open)
    violations.push(`no vehicle charged in this session: ${JSON.stringify(extra)}`);
  // A power cut may lose the count of a dropped session. A dropped session may also have reached the
  // platform.
  const cuts = sessions.reduce((sum, session) => sum + session.cuts, 0);
  const most = Math.max(0, sessions.length - LOG_SLOTS);
  if (givenUp < missing - cuts || givenUp > most)
    violations.push(`${missing} sessions are given up, and the station says ${givenUp}`);
  return { violations, lostWh: matching.lostWh, missing };
}

/** Groups sessions that may have been one session, in order. */
function chainsOf(sessions: readonly Session[]): Session[][] {
  const chains: Session[][] = [];
  for (const session of sessions) {
    const last = chains.at(-1);
    if (last && session.before && last.at(-1) === session.before) last.push(session);
    else chains.push([session]);
  }
  return chains;
}

/** Returns the way to split a chain into sessions that leaves the fewest missing. */
function match(chain: readonly Session[], from: Matching, terms: Terms): Matching {
  const [first] = chain;
  if (!first) return from;
  const missing = first.isOptional ? from.missing : [...from.missing, first];
  const unsureWh = from.unsureWh + CUT_WH * first.cuts;
  let best = match(chain.slice(1), { ...from, unsureWh, missing }, terms);
  let whole = first;
  for (let length = 1; length <= chain.length; length++) {
    if (length > 1) whole = joined(whole, chain[length - 1] ?? whole);
    const found = from.open.find((one) => differences(whole, one, from, terms).length === 0);
    if (!found) continue;
    const open = from.open.filter((one) => one !== found);
    const behindWh = whole.endWh - Number(found.endWh);
    // The reading catches up when a Modbus meter answers again.
    const [lostWh, unsureWh] = isMarked(found) ? [0, behindWh] : [behindWh, 0];
    const rest = match(chain.slice(length), { ...from, open, lostWh, unsureWh }, terms);
    const isBetter =
      rest.missing.length < best.missing.length ||
      (rest.missing.length === best.missing.length && rest.open.length < best.open.length);
    if (isBetter) best = rest;
  }
  return best;
}

/** Joins two sessions that a power cut separated. */
function joined(first: Session, second: Session): Session {
  const { endMs, endWh } = second;
  const whys = [...first.whys, ...second.whys];
  const offMs = first.offMs + second.offMs + second.startMs - (first.endMs ?? second.startMs);
  const mayBeUnread = first.mayBeUnread || second.mayBeUnread;
  return { ...first, endMs, endWh, offMs, whys, cuts: first.cuts + second.cuts, mayBeUnread };
}

/** Differences between an observed session and an accepted one, as text. */
function differences(
  session: Session,
  accepted: JSONObject,
  { lostWh, unsureWh }: Matching,
  { epochS, reportedMs }: Terms,
): string[] {
  const { permits, startMs, startWh, endMs = 0, endWh, cuts, offMs, whys } = session;
  const wrong: string[] = [];
  const isPermitted = permits.some(
    ({ tag, tagEnd, method }) =>
      tag === accepted.tag && tagEnd === accepted.tagEnd && method === accepted.method,
  );
  if (!isPermitted) wrong.push("the card is another");
  if (!whys.some((why) => why === accepted.why)) wrong.push(`why is not ${whys.join(" or ")}`);
  if (isMarked(accepted)) {
    if (!session.mayBeUnread && cuts === 0) wrong.push("the meter has answered, and it is marked");
    // Energy may be missing, but none of another session is billed.
    const isInside =
      Number(accepted.startWh) >= startWh - lostWh - unsureWh && Number(accepted.endWh) <= endWh;
    if (!isInside) wrong.push("it has energy of another session");
  } else {
    // The start matches the previous end exactly: energy never runs backwards, and none is lost between
    // sessions.
    const behindWh = startWh - Number(accepted.startWh);
    if (!(behindWh >= lostWh && behindWh <= lostWh + unsureWh))
      wrong.push(`${startWh - lostWh} Wh at its start`);
    const missingWh = endWh - behindWh - Number(accepted.endWh);
    if (!(missingWh >= 0 && missingWh <= CUT_WH * cuts)) wrong.push(`${missingWh} Wh missing`);
  }
  const shortS = (endMs - startMs - offMs) / 1000 - Number(accepted.seconds);
  // The time without power does not count.
  if (!(shortS >= -CLOCK_TOLERANCE_S && shortS <= CLOCK_TOLERANCE_S + CUT_S * cuts))
    wrong.push(`${shortS} s missing`);
  return wrong.concat(wrongDates(session, accepted, epochS, reportedMs(accepted.id)));
}

/** Whether the station has marked a session because of its meter. */
function isMarked({ meterFault }: JSONObject): boolean {
  return meterFault !== undefined;
}

function wrongDates(
  { startMs, endMs = 0, cuts, offMs, isDated, datedFromMs }: Session,
  { start, end }: JSONObject,
  epochS: number,
  reportedMs = 0,
): string[] {
  const wrong: string[] = [];
  const lateS = Number(start) - epochS - startMs / 1000;
  if (start !== null && Math.abs(lateS) > CLOCK_TOLERANCE_S) wrong.push(`start ${lateS} s late`);
  const earlyS = epochS + endMs / 1000 - Number(end);
  const mayBeEarlyS = CLOCK_TOLERANCE_S + CUT_S * cuts + offMs / 1000;
  if (end !== null && !(earlyS >= -CLOCK_TOLERANCE_S && earlyS <= mayBeEarlyS))
    wrong.push(`end ${earlyS} s early`);
  const hasToBeDated = isDated || (datedFromMs !== undefined && cuts === 0 && datedFromMs < reportedMs);
  // A session resumed after a cut may end before the station knows the time again.
  if (hasToBeDated && (start === null || (end === null && cuts === 0))) wrong.push("it has no dates");
  return wrong;
}

function missingText(session: Session, matching: Matching, terms: Terms): string {
  const [nearest] = matching.open
    .map((one) => ({ one, wrong: differences(session, one, matching, terms) }))
    .sort((a, b) => a.wrong.length - b.wrong.length);
  const near = nearest ? `; there is ${JSON.stringify(nearest.one)}: ${nearest.wrong.join(", ")}` : "";
  return `the platform has no such session: ${JSON.stringify(session)}${near}`;
}
