/** Firmware updates over the air: settings and identity of the station for the module `updates`. */

import type { Board } from "../../modules/board/index.js";
import { decodeHex } from "../../modules/bytes/index.js";
import type { Fault } from "../../modules/faults/index.js";
import type { LogLevel } from "../../modules/telemetry/index.js";
import type { TraceSink } from "../../modules/trace/index.js";
import {
  type UpdateSettings,
  type UpdateState,
  Updates,
  type UpdatesHost,
  updateFormat,
} from "../../modules/updates/index.js";
import { firmwareUploadRoute, type Route } from "../../modules/web/index.js";
import type { Config } from "../config.js";
import type { Connectivity } from "../connectivity.js";
import type { StationIdentity } from "../platform/identity.js";
import type { Records } from "../records.js";
import type { Settings } from "../settings.js";

export interface MakeUpdatesOptions {
  readonly board: Board;
  readonly config: Config;
  readonly identity: StationIdentity;
  readonly records: Records;
}

/** The station, as updates see it. */
export class StationUpdatesHost implements UpdatesHost {
  private readonly _options: StationUpdatesHostOptions;

  constructor(options: StationUpdatesHostOptions) {
    this._options = options;
  }

  get updateSettings(): UpdateSettings {
    const { autoUpdate, updateTime, staging } = this._options.settings.now;
    return { auto: autoUpdate, time: updateTime, staging };
  }

  get updateServer(): string | undefined {
    const { config, connectivity } = this._options;
    const host = connectivity.parameters?.host;
    return config.updateServer ?? (host === undefined ? undefined : `https://${host}`);
  }

  get isFree(): boolean {
    return this._options.station.isFree;
  }

  get isOnline(): boolean {
    return this._options.connectivity.platform.isOnline;
  }

  get isUp(): boolean {
    const { station, connectivity } = this._options;
    return station.isRadioReady && (connectivity.isPairing || connectivity.isLinkUp);
  }

  get problem(): string | undefined {
    return this._options.connectivity.problem?.message;
  }

  restart(reason: string): void {
    this._options.station.restart(reason);
  }

  takeApproval(): boolean {
    return this._options.station.takeApproval();
  }

  handleUpdateChanged({ type }: UpdateState): void {
    const { connectivity, trace } = this._options;
    connectivity.platform.update();
    trace.add("update", type);
  }

  handleUpdateNews(message: string, outcome: "validated" | "rolled-back"): void {
    const { connectivity, station } = this._options;
    if (outcome === "validated") connectivity.platform.notify(message, "info");
    else station.reportFault({ code: "update-rolled-back", message }, "warning");
  }
}

export interface StationUpdatesHostOptions {
  readonly config: Config;
  readonly settings: { readonly now: Pick<Settings, "autoUpdate" | "updateTime" | "staging"> };
  readonly connectivity: Pick<Connectivity, "isLinkUp" | "isPairing" | "parameters" | "platform" | "problem">;
  readonly trace: TraceSink;
  readonly station: {
    readonly isFree: boolean;
    readonly isRadioReady: boolean;
    takeApproval(): boolean;
    restart(reason: string): void;
    reportFault(fault: Fault, level: LogLevel): void;
  };
}

/** The route of the HTTP API at which the owner uploads a firmware. */
export function uploadRoute(board: Pick<Board, "firmwareSlot">, updates: Pick<Updates, "upload">): Route {
  return firmwareUploadRoute({
    slotBytes: board.firmwareSlot.byteLength,
    open: (announced) => updates.upload(announced),
  });
}

export function makeUpdates(
  { board, config, identity, records }: MakeUpdatesOptions,
  host: UpdatesHost,
): Updates {
  return new Updates({
    board,
    deviceId: identity.deviceId,
    productId: identity.productId,
    runningVersion: identity.firmwareVersion,
    publicKey: config.updateKey === undefined ? undefined : decodeHex(config.updateKey),
    record: records.open(updateFormat),
    host,
  });
}
