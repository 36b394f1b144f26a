/** The world's charging sessions against the platform's book: each once, with its card, its energy and its times. */

import type { GrantMethod } from "../../../modules/charging/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { LOG_SLOTS } from "../../../modules/sessions/index.js";

/** Somebody who decides has said that a vehicle may charge. */
export interface Permit {
  /** Lower-case hex SHA-256 of the tag; 64 zeros for the owner's own. */
  readonly tag: string;
  /** Its last 4 characters. */
  readonly tagEnd: string;
  readonly method: GrantMethod;
  readonly atMs: number;
  /** No more than this, A. */
  readonly maxA: number;
}

/** From the contactor's first closing to where the station, the vehicle or the power has ended it. */
export interface Session {
  /** One of these it was that let it begin. */
  readonly permits: readonly Permit[];
  readonly startMs: number;
  readonly startWh: number;
  endMs: number | undefined;
  endWh: number;
  /** Power cuts and crashes in it, and at its end. */
  cuts: number;
  /** Without power, before it went on. */
  offMs: number;
  /** Cut at the moment of its start: nobody may know of it. */
  interruptedAtStart: boolean;
  /** One of these has ended it. */
  whys: string[];
  /** The station knew the time when it began, or when it ended and had never been interrupted. */
  isDated: boolean;
  /** The firmware has ended since. */
  isOfEarlierRun: boolean;
  /** It ended before the station knew the time; from this moment on, if nothing came between, it is dated. */
  datedFromMs: number | undefined;
  /** It may also be this one that goes on: a card was presented after the cut, and from outside nobody can tell. */
  readonly before: Session | undefined;
}

export interface SettlementOptions {
  /** That have ended, in their order. */
  readonly sessions: readonly Session[];
  /** What the platform has accepted, in any order. */
  readonly accepted: readonly JSONObject[];
  /** Seconds since 1970 at the world's start. */
  readonly epochS: number;
  /** By how much the station's meter is behind before the first of them, Wh. */
  readonly lostWh: number;
  /** As many were given up for want of room, by what the station says. */
  readonly givenUp: number;
  /** When the platform first had a session, by its id. */
  readonly reportedMs: (id: unknown) => number | undefined;
}

export interface Settlement {
  readonly violations: readonly string[];
  /** By how much the station's meter is behind after the last. */
  readonly lostWh: number;
  /** Sessions that were given up for want of room. */
  readonly missing: number;
}

/** A power cut loses no more, */
const CUT_WH = 100;
/** and of the time no more, */
const CUT_S = 61;
/** and a clock is as exact as that. */
const CLOCK_TOLERANCE_S = 2;

interface Matching {
  readonly open: readonly JSONObject[];
  /** By how much the meter is behind, at least, and by how much more it may be. */
  readonly lostWh: number;
  readonly unsureWh: number;
  readonly missing: readonly Session[];
}

/** What holds for all of them. */
type Terms = Pick<SettlementOptions, "epochS" | "reportedMs">;

export function settle({ sessions, accepted, lostWh, givenUp, ...terms }: SettlementOptions): Settlement {
  let matching: Matching = { open: accepted, lostWh, unsureWh: 0, missing: [] };
  const violations: string[] = [];
  let missing = 0;
  for (const chain of chainsOf(sessions)) {
    const before = matching;
    matching = match(chain, { ...matching, missing: [] }, terms);
    for (const session of matching.missing) {
      // The oldest makes room for a new one when so many wait.
      if (sessions.length - 1 - sessions.indexOf(session) >= LOG_SLOTS) missing++;
      else violations.push(missingText(session, { ...matching, lostWh: before.lostWh }, terms));
    }
  }
  for (const extra of matching.open) violations.push(`nobody charged this: ${JSON.stringify(extra)}`);
  // Of one that was given up when the power went the count may be lost; one that the platform has may be among them.
  const cuts = sessions.reduce((sum, session) => sum + session.cuts, 0);
  const most = Math.max(0, sessions.length - LOG_SLOTS);
  if (givenUp < missing - cuts || givenUp > most)
    violations.push(`${missing} sessions are given up, and the station says ${givenUp}`);
  return { violations, lostWh: matching.lostWh, missing };
}

/** Sessions that may be one, each with those that follow it. */
function chainsOf(sessions: readonly Session[]): Session[][] {
  const chains: Session[][] = [];
  for (const session of sessions) {
    const last = chains.at(-1);
    if (last && session.before && last.at(-1) === session.before) last.push(session);
    else chains.push([session]);
  }
  return chains;
}

/** The way to take a chain for one or for several sessions that leaves the fewest missing. */
function match(chain: readonly Session[], from: Matching, terms: Terms): Matching {
  const [first] = chain;
  if (!first) return from;
  const missing = first.interruptedAtStart ? from.missing : [...from.missing, first];
  const unsureWh = from.unsureWh + CUT_WH * first.cuts;
  let best = match(chain.slice(1), { ...from, unsureWh, missing }, terms);
  let whole = first;
  for (let length = 1; length <= chain.length; length++) {
    if (length > 1) whole = joined(whole, chain[length - 1] ?? whole);
    const found = from.open.find((one) => differences(whole, one, from, terms).length === 0);
    if (!found) continue;
    const open = from.open.filter((one) => one !== found);
    const lostWh = whole.endWh - Number(found.endWh);
    const rest = match(chain.slice(length), { ...from, open, lostWh, unsureWh: 0 }, terms);
    const isBetter =
      rest.missing.length < best.missing.length ||
      (rest.missing.length === best.missing.length && rest.open.length < best.open.length);
    if (isBetter) best = rest;
  }
  return best;
}

/** Two as one, which a cut has interrupted. */
function joined(first: Session, second: Session): Session {
  const { endMs, endWh } = second;
  const whys = [...first.whys, ...second.whys];
  const offMs = first.offMs + second.offMs + second.startMs - (first.endMs ?? second.startMs);
  return { ...first, endMs, endWh, offMs, whys, cuts: first.cuts + second.cuts };
}

/** What of an accepted session does not fit this one. */
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
  // It starts exactly where the one before ended: energy never runs backwards, and none is lost between sessions.
  const behindWh = startWh - Number(accepted.startWh);
  if (!(behindWh >= lostWh && behindWh <= lostWh + unsureWh))
    wrong.push(`${startWh - lostWh} Wh at its start`);
  const missingWh = endWh - behindWh - Number(accepted.endWh);
  if (!(missingWh >= 0 && missingWh <= CUT_WH * cuts)) wrong.push(`${missingWh} Wh missing`);
  const shortS = (endMs - startMs - offMs) / 1000 - Number(accepted.seconds);
  // The time without power does not count.
  if (!(shortS >= -CLOCK_TOLERANCE_S && shortS <= CLOCK_TOLERANCE_S + CUT_S * cuts))
    wrong.push(`${shortS} s missing`);
  return wrong.concat(wrongDates(session, accepted, epochS, reportedMs(accepted.id)));
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
  // One that went on after a cut may end before the station knows the time again.
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
