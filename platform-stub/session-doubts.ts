/** Doubts about a finished session, as sentences for a person: it is accepted, but should be checked before it is billed. */

import type { SessionEntry } from "./entries.js";

/** Highest power of a charging station, W: 32 A and 253 V on three phases, and 10 %. */
const MAX_W = 26_800;
/** Energy that a session of any duration may have, Wh: the resolution of meters, and what a power cut leaves out. */
const ANY_WH = 1000;
/** Duration from which a session without energy is doubtful, s. */
const NO_ENERGY_S = 30 * 60;
/** Earliest plausible time, 2020-01-01 UTC, s. A clock that was not set begins in 1970 or 2000. */
const EARLIEST_S = 1_577_836_800;
/** Difference between two clocks that is not remarkable, s. */
const CLOCK_S = 5 * 60;
const S_PER_HOUR = 3600;
const FAULT_DOUBTS: Readonly<Record<string, string>> = {
  "meter-silent": "the meter did not answer at times, so that energy may be missing",
  "meter-unread": "the meter did not answer at the end, so that energy may be missing",
  "meter-backwards": "the meter ran backwards, jumped or was exchanged, so that energy may be missing",
};

/** Returns the doubts about a session; an empty array if it is plausible. */
export function doubtsOf(session: SessionEntry): string[] {
  const { meterFault, isDisputed } = session;
  return [
    ...energyDoubts(session),
    ...timeDoubts(session),
    ...(meterFault === undefined
      ? []
      : [FAULT_DOUBTS[meterFault] ?? `the meter had the fault ${meterFault}`]),
    ...(isDisputed ? ["it was reported again with other values"] : []),
  ];
}

function energyDoubts({ seconds, startWh, endWh }: SessionEntry): string[] {
  const energyWh = endWh - startWh;
  if (energyWh < 0) return [`the meter ran backwards, from ${startWh} to ${endWh} Wh`];
  const mostWh = ANY_WH + (MAX_W * seconds) / S_PER_HOUR;
  if (energyWh > mostWh)
    return [
      `${kWh(energyWh)} kWh are too much for ${seconds} s: a station delivers at most ${kWh(mostWh)} kWh in this time`,
    ];
  // The readings of a station without a meter are always 0.
  const hasMeter = endWh > 0;
  if (hasMeter && energyWh === 0 && seconds >= NO_ENERGY_S)
    return [
      `no energy in ${Math.round(seconds / 60)} min: the vehicle did not draw any, or the meter does not count`,
    ];
  return [];
}

function timeDoubts({ start, end, seconds, accepted }: SessionEntry): string[] {
  const doubts: string[] = [];
  for (const [name, time] of [
    ["start", start],
    ["end", end],
  ] as const) {
    if (time === null) continue;
    if (time < EARLIEST_S) doubts.push(`the ${name} is in ${yearOf(time)}: the station's clock was not set`);
    else if (time > accepted + CLOCK_S) doubts.push(`the ${name} is after the report`);
  }
  if (start === null || end === null) return doubts;
  if (end < start) doubts.push("the end is before the start");
  else if (seconds > end - start + CLOCK_S) doubts.push("it lasted longer than from its start to its end");
  return doubts;
}

function kWh(wh: number): string {
  return (wh / 1000).toFixed(1);
}

function yearOf(timeS: number): number {
  return new Date(timeS * 1000).getUTCFullYear();
}
