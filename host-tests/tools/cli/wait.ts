import { setTimeout as sleep } from "node:timers/promises";

const LOOK_EVERY_MS = 10;

/** Polls `look` and resolves to its first result. Rejects after the timeout. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false,
  timeoutMs = 15_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs / 1000} s: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}
