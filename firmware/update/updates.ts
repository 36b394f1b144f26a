/** Firmware over the air, as this station has it. */

import type { Board } from "../../modules/board/index.js";
import { decodeHex } from "../../modules/bytes/index.js";
import type { Property } from "../../modules/telemetry/index.js";
import {
  PUBLIC_KEY_BYTES,
  parseTimeOfDay,
  parseURL,
  Updates,
  type UpdatesOptions,
  updateFormat,
} from "../../modules/updates/index.js";
import type { Config } from "../config.js";
import type { StationIdentity } from "../platform/identity.js";
import type { Records } from "../records.js";
import type { OptionStore, Options } from "../settings.js";

export interface StationUpdatesOptions
  extends Pick<
    UpdatesOptions,
    "isFree" | "isOnline" | "isUp" | "problem" | "restart" | "onChanged" | "onNews"
  > {
  readonly board: Board;
  readonly config: Config;
  readonly identity: StationIdentity;
  readonly records: Records;
  readonly options: { readonly now: Pick<Options, "autoUpdate" | "updateTime" | "staging"> };
  /** Of the platform that the station is paired with. */
  readonly host: () => string | undefined;
}

export function makeUpdates(station: StationUpdatesOptions): Updates {
  const { config, identity, options } = station;
  return new Updates({
    ...station,
    deviceId: identity.deviceId,
    productId: identity.productId,
    runningVersion: identity.firmwareVersion,
    publicKey: config.updateKey === undefined ? undefined : decodeHex(config.updateKey),
    record: station.records(updateFormat),
    settings: () => ({
      auto: options.now.autoUpdate,
      time: options.now.updateTime,
      staging: options.now.staging,
    }),
    server: () => {
      const host = station.host();
      return config.updateServer ?? (host === undefined ? undefined : `https://${host}`);
    },
  });
}

/** What is wrong with what a configuration says of updates, by its fields. */
export function updateConfigErrors({ updateServer, updateKey }: Config): [keyof Config, string][] {
  const errors: [keyof Config, string][] = [];
  if (updateServer !== undefined && !(parseURL(updateServer) && /^\w+:\/\/[^/]+$/.test(updateServer))) {
    errors.push([
      "updateServer",
      "http:// or https://, a host, and a port where it is another, without a path",
    ]);
  }
  if (updateKey !== undefined && decodeHex(updateKey)?.length !== PUBLIC_KEY_BYTES) {
    errors.push(["updateKey", `${2 * PUBLIC_KEY_BYTES} hex digits`]);
  }
  return errors;
}

/** Of the node `firmware` (docs/protocol.md, section 5), beside its version. */
export function updateProperties(
  updates: Updates,
  options: OptionStore,
  keep: (change: Parameters<OptionStore["set"]>[0]) => string | undefined,
): Property[] {
  const flag = (id: string, name: string, field: "autoUpdate" | "staging"): Property => ({
    id,
    name,
    datatype: "boolean",
    value: () => options.now[field],
    set: (word) => keep({ [field]: word === "true" }),
  });
  return [
    { id: "updatestate", name: "Update", datatype: "string", value: () => updates.text ?? "none" },
    {
      id: "update",
      name: "Update now",
      datatype: "enum",
      // A downgrade is only for who asks for one.
      format: "false,true,downgrade",
      value: () => "false",
      set: (word) =>
        word === "false" ? undefined : updates.request({ allowsDowngrade: word === "downgrade" }),
    },
    flag("autoupdate", "Update by itself", "autoUpdate"),
    {
      id: "updatetime",
      name: "When it updates by itself (UTC)",
      datatype: "string",
      value: () => options.now.updateTime,
      set: (text) =>
        parseTimeOfDay(text) === undefined ? "it must be a time, HH:MM" : keep({ updateTime: text }),
    },
    flag("staging", "Take what is not for everybody yet", "staging"),
  ];
}
