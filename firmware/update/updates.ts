/** Firmware over the air, as this station has it. */

import type { Board } from "../../modules/board/index.js";
import { decodeHex } from "../../modules/bytes/index.js";
import { Updates, type UpdatesOptions, updateFormat } from "../../modules/updates/index.js";
import type { Config } from "../config.js";
import type { StationIdentity } from "../platform/identity.js";
import type { Records } from "../records.js";
import type { Settings } from "../settings.js";

export interface StationUpdatesOptions
  extends Pick<
    UpdatesOptions,
    "isFree" | "isOnline" | "isUp" | "problem" | "restart" | "onChanged" | "onNews"
  > {
  readonly board: Board;
  readonly config: Config;
  readonly identity: StationIdentity;
  readonly records: Records;
  readonly settingsStore: { readonly now: Pick<Settings, "autoUpdate" | "updateTime" | "staging"> };
  /** Of the platform that the station is paired with. */
  readonly host: () => string | undefined;
}

export function makeUpdates(station: StationUpdatesOptions): Updates {
  const { config, identity, settingsStore } = station;
  return new Updates({
    ...station,
    deviceId: identity.deviceId,
    productId: identity.productId,
    runningVersion: identity.firmwareVersion,
    publicKey: config.updateKey === undefined ? undefined : decodeHex(config.updateKey),
    record: station.records(updateFormat),
    settings: () => ({
      auto: settingsStore.now.autoUpdate,
      time: settingsStore.now.updateTime,
      staging: settingsStore.now.staging,
    }),
    server: () => {
      const host = station.host();
      return config.updateServer ?? (host === undefined ? undefined : `https://${host}`);
    },
  });
}
