/** Firmware updates over the air: settings and identity of the station for the module `updates`. */

import type { Board } from "../../modules/board/index.js";
import { decodeHex } from "../../modules/bytes/index.js";
import { Updates, type UpdatesOptions, updateFormat } from "../../modules/updates/index.js";
import { firmwareUploadRoute, type Route } from "../../modules/web/index.js";
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
  /** Host of the platform that the station is paired with; `undefined` for an unpaired station. */
  readonly host: () => string | undefined;
}

/** The route of the HTTP API at which the owner uploads a firmware. */
export function uploadRoute(board: Pick<Board, "firmwareSlot">, updates: Pick<Updates, "upload">): Route {
  return firmwareUploadRoute({
    slotBytes: board.firmwareSlot.byteLength,
    open: (announced) => updates.upload(announced),
  });
}

export function makeUpdates(station: StationUpdatesOptions): Updates {
  const { config, identity, settingsStore } = station;
  return new Updates({
    ...station,
    deviceId: identity.deviceId,
    productId: identity.productId,
    runningVersion: identity.firmwareVersion,
    publicKey: config.updateKey === undefined ? undefined : decodeHex(config.updateKey),
    record: station.records.open(updateFormat),
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
