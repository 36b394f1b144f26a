/** The world's charging sessions against the platform's book: each once, with its card, its energy and its times. */

import type { GrantMethod } from "../../../modules/charging/index.js";
import type { JSONObject } from "../../../modules/json/index.js";

/** Somebody who decides has said that a vehicle may charge. */
export interface Permit {
  /** Lower-case hex SHA-256 of the tag; 64 zeros for the owner's own. */
  readonly tag: string;
  readonly method: GrantMethod;
  readonly atMs: number;
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
  isStillborn: boolean;
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
}

export interface Settlement {
  readonly violations: readonly string[];
  /** By how much the station's meter is behind after the last. */
  readonly lostWh: number;
}

/** A power cut loses no more, */
const CUT_WH = 100;
/** and of the time no more, */
const CUT_S = 61;
/** and a clock is as exact as that. */
const CLOCK_TOLERANCE_S = 2;

interface Matching {
  readonly open: readonly JSONObject[];
  readonly lostWh: number;
  readonly missing: readonly Session[];
}

export function settle({ sessions, accepted, epochS, lostWh }: SettlementOptions): Settlement {
  let matching: Matching = { open: accepted, lostWh, missing: [] };
  const violations: string[] = [];
  for (const chain of chainsOf(sessions)) {
    matching = match(chain, { ...matching, missing: [] }, epochS);
    for (const session of matching.missing) violations.push(missingText(session, matching, epochS));
  }
  for (const extra of matching.open) violations.push(`nobody charged this: ${JSON.stringify(extra)}`);
  return { violations, lostWh: matching.lostWh };
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
function match(chain: readonly Session[], from: Matching, epochS: number): Matching {
  const [first] = chain;
  if (!first) return from;
  const missing = first.isStillborn ? from.missing : [...from.missing, first];
  let best = match(chain.slice(1), { ...from, missing }, epochS);
  let whole = first;
  for (let length = 1; length <= chain.length; length++) {
    if (length > 1) whole = joined(whole, chain[length - 1] ?? whole);
    const found = from.open.find((one) => differences(whole, one, from.lostWh, epochS).length === 0);
    if (!found) continue;
    const open = from.open.filter((one) => one !== found);
    const lostWh = whole.endWh - Number(found.endWh);
    const rest = match(chain.slice(length), { ...from, open, lostWh }, epochS);
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
  const offMs = first.offMs + second.offMs + second.startMs - (first.endMs ?? second.startMs);
  return { ...first, endMs, endWh, offMs, cuts: first.cuts + second.cuts };
}

/** What of an accepted session does not fit this one. */
function differences(session: Session, accepted: JSONObject, lostWh: number, epochS: number): string[] {
  const { permits, startMs, startWh, endMs = 0, endWh, cuts, offMs } = session;
  const wrong: string[] = [];
  const isPermitted = permits.some(({ tag, method }) => tag === accepted.tag && method === accepted.method);
  if (!isPermitted) wrong.push("the card is another");
  // It starts exactly where the one before ended: energy never runs backwards, and none is lost between sessions.
  if (accepted.startWh !== startWh - lostWh) wrong.push(`${startWh - lostWh} Wh at its start`);
  const missingWh = endWh - lostWh - Number(accepted.endWh);
  if (!(missingWh >= 0 && missingWh <= CUT_WH * cuts)) wrong.push(`${missingWh} Wh missing`);
  const lateS = Number(accepted.start) - epochS - startMs / 1000;
  if (accepted.start !== null && Math.abs(lateS) > CLOCK_TOLERANCE_S) wrong.push(`start ${lateS} s late`);
  const earlyS = epochS + endMs / 1000 - Number(accepted.end);
  const mayBeEarlyS = CLOCK_TOLERANCE_S + CUT_S * cuts + offMs / 1000;
  if (accepted.end !== null && !(earlyS >= -CLOCK_TOLERANCE_S && earlyS <= mayBeEarlyS))
    wrong.push(`end ${earlyS} s early`);
  const shortS = (endMs - startMs) / 1000 - Number(accepted.seconds);
  // Of an interrupted one nobody counts the time without power.
  if (cuts === 0 && Math.abs(shortS) > CLOCK_TOLERANCE_S) wrong.push(`${shortS} s missing`);
  return wrong;
}

function missingText(session: Session, { open, lostWh }: Matching, epochS: number): string {
  const [nearest] = open
    .map((one) => ({ one, wrong: differences(session, one, lostWh, epochS) }))
    .sort((a, b) => a.wrong.length - b.wrong.length);
  const near = nearest ? `; there is ${JSON.stringify(nearest.one)}: ${nearest.wrong.join(", ")}` : "";
  return `the platform has no such session: ${JSON.stringify(session)}${near}`;
}
