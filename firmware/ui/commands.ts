import type { Updates } from "../../modules/updates/index.js";
import type { Charger } from "../charger/charger.js";
import type { CommandFailure, StationCommands } from "../commands.js";
import type { Settings, SettingsStore } from "../settings.js";

export interface CommandsOptions {
  readonly settings: SettingsStore;
  readonly charger: Charger;
  readonly updates: Updates;
  readonly connectivity: Pick<StationCommands, "transferTo">;
}

/** Performs commands from telemetry's `/set` topics and from the panel. */
export class Commands implements StationCommands {
  private readonly _options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this._options = options;
  }

  change(settings: Partial<Settings>): CommandFailure | undefined {
    if (this._options.settings.set(settings)) return undefined;
    return { code: "storage-failed", message: "the station cannot store the setting" };
  }

  start(): CommandFailure | undefined {
    return this._options.charger.start();
  }

  stop(): undefined {
    this._options.charger.stop();
  }

  setManagedLimit(limitA: number): CommandFailure | undefined {
    return this._options.charger.currentLimit.setManaged(limitA);
  }

  setPaused(isPaused: boolean): undefined {
    this._options.charger.currentLimit.setPaused(isPaused);
  }

  setLearning(isOn: boolean): undefined {
    this._options.charger.learning.set(isOn);
  }

  transferTo(email: string): CommandFailure | undefined {
    return this._options.connectivity.transferTo(email);
  }

  update(options: { readonly allowsDowngrade: boolean }): CommandFailure | undefined {
    return this._options.updates.request(options);
  }
}
