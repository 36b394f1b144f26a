/** Fields of `/status` that concern pairing (docs/protocol.md, section 2). */
export interface PairingStatus {
  readonly deviceId: string;
  readonly state: string;
  /** Names of the fields of `/pair` that are built in or provisioned. */
  readonly preset: readonly string[];
  readonly trying: boolean;
  readonly lastFailure: { readonly code: string; readonly message: string } | null;
}

export interface AwaitPairedOptions {
  /** Reads `/status`. Rejects while the station cannot be reached. */
  readonly readStatus: () => Promise<PairingStatus>;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly nowMs: () => number;
}

const POLL_MS = 500;
/**
 * Time limit of pairing, ms: 0.5 s before the trial, 30 s to leave the previous account, 90 s for the trial, and a margin
 * for reaching the station again.
 */
const PAIRING_MS = 130_000;

/**
 * Polls `/status` after `/pair` until the trial has ended, and resolves with the device id of the paired station. The
 * access point may move to the router's channel during the trial, so the station cannot be reached for some seconds.
 * Rejects with the failure of the trial, or when the time is over.
 */
export async function awaitPaired({ readStatus, sleep, nowMs }: AwaitPairedOptions): Promise<string> {
  const deadlineMs = nowMs() + PAIRING_MS;
  let unreachable: string | undefined;
  while (nowMs() < deadlineMs) {
    await sleep(POLL_MS);
    let status: PairingStatus;
    try {
      status = await readStatus();
    } catch (error) {
      unreachable = (error as Error).message;
      continue;
    }
    unreachable = undefined;
    const { deviceId, state, trying, lastFailure } = status;
    if (trying) continue;
    if (lastFailure) throw new Error(`pairing failed: ${lastFailure.code}: ${lastFailure.message}`);
    if (state === "online") return deviceId;
  }
  throw new Error(
    unreachable === undefined
      ? "the station did not come online in time; see its log"
      : `the station was not reached again: ${unreachable}; join its network, and look at /status`,
  );
}
