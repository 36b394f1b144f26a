import type { Config } from "../../firmware/config.js";
import type { Target } from "./targets.js";

export interface UpdateKeyOptions {
  readonly debug: boolean;
  /** Build although the firmware has no update key: for development. */
  readonly unsigned: boolean;
}

/**
 * Throws an error if a release for a board has no `config.updateKey`: nothing could update such a board over the air.
 * Debug builds, the simulator and the emulated chip, which has a key of its own, are for development and are exempt.
 */
export function checkUpdateKey(
  target: Target,
  { debug, unsigned }: UpdateKeyOptions,
  { updateKey }: Pick<Config, "updateKey">,
): void {
  if (target.isSigned && unsigned) {
    throw new Error(
      `${target.name} cannot be built with --unsigned: neither an update nor a cable could change the firmware of such a board`,
    );
  }
  if (updateKey !== undefined || unsigned || target.chip === undefined || target.isEmulated) return;
  if (debug && !target.isSigned) return;
  throw new Error(
    "config.updateKey is not set, so no update could be installed: run npm run sign -- key --out firmware-key.pem, " +
      "and copy the public key that it prints to updateKey in firmware/config.ts" +
      (target.isSigned ? "" : "; for development, build with -- --unsigned"),
  );
}

/** Returns the line of the build's output about the update key; `undefined` for a target without updates. */
export function updateKeyLine(target: Target, { updateKey }: Pick<Config, "updateKey">): string | undefined {
  if (target.chip === undefined || target.isEmulated) return undefined;
  return updateKey === undefined
    ? "updates           NONE: built without config.updateKey, for development only; /status has firmware.isSigned false"
    : `updates           signed by the key ${updateKey}`;
}
