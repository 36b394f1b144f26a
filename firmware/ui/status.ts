import type { Fault } from "../../modules/faults/index.js";
import type { StatusViewer } from "../../modules/pairing/index.js";
import type { Metadata } from "../../modules/tag-service/index.js";
import type { StationSnapshot } from "../snapshot.js";

/** Returns the metadata of the advertisement (docs/protocol.md, section 3). */
export function metadataOf(snapshot: StationSnapshot): Metadata {
  return {
    acceptsTags: snapshot.acceptsTags,
    platformReachable: snapshot.isOnline,
    authorizesOffline: snapshot.authorizesOffline,
    pairing: snapshot.isPairing,
    status: snapshot.status,
  };
}

/** Text of a fault in log, telemetry and notifications. */
export function faultText({ code, message }: Fault): string {
  return `${code}: ${message}`;
}

/** Returns the station's fields of `/status` (docs/protocol.md, section 2). Pairing adds its own. */
export function statusFields(
  snapshot: StationSnapshot,
  { isLoggedIn }: StatusViewer,
): Readonly<Record<string, unknown>> {
  const { energyWh, lastError, meterWh, offer, problem, transfer } = snapshot;
  return {
    state: snapshot.lifeCycle,
    problem: problem ? { code: problem.code, message: problem.message } : null,
    status: snapshot.status,
    // The text of a fault may have the end of a card's number.
    ...(isLoggedIn && { lastError: lastError ?? null }),
    current: { offeredA: offer.currentA, limitedBy: offer.limitedBy, installationA: snapshot.installationA },
    name: snapshot.name,
    update: snapshot.update ?? null,
    energyWh: meterWh === undefined ? null : { session: energyWh, total: meterWh },
    tagLearning: snapshot.isLearning,
    ownerChange: { isUnderWay: transfer.isUnderWay, failure: transfer.failure ?? null },
  };
}
