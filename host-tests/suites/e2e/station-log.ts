import type { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";

/** Waits like `waitFor`. The error of a timeout ends with the station's log. */
export async function waitForStation<T>(
  station: VirtualStation,
  what: string,
  look: (station: VirtualStation) => T | undefined | false,
  timeoutMs?: number,
): Promise<T> {
  try {
    return await waitFor(what, () => look(station), timeoutMs);
  } catch (error) {
    const log = station.device.logLines.map((line) => `  ${line}`).join("\n");
    throw new Error(`${(error as Error).message}\nlog of the station:\n${log}`);
  }
}
