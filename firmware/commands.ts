import type { Updates } from "../modules/updates/index.js";
import type { Charger } from "./charger/charger.js";
import type { Connectivity } from "./connectivity.js";
import type { Settings, SettingsStore } from "./settings.js";

/** The owner's commands. Each method returns why it cannot be carried out; `undefined` if it was. */
export interface StationCommands {
  change(settings: Partial<Settings>): string | undefined;
  /** Authorizes the plugged-in vehicle without a card. */
  start(): string | undefined;
  /** Ends the session under way, or an authorization that is not used yet. */
  stop(): undefined;
  setLearning(isOn: boolean): undefined;
  /** Starts an ownership transfer; its outcome is reported in telemetry and `/status`. */
  transferTo(email: string): string | undefined;
  update(options: { readonly allowsDowngrade: boolean }): string | undefined;
}

export interface CommandsOptions {
  readonly settings: SettingsStore;
  readonly charger: Charger;
  readonly updates: Updates;
  readonly connectivity: Pick<Connectivity, "transferTo">;
}

/** Carries out commands that arrive on telemetry's `/set` topics and from the panel. */
export class Commands implements StationCommands {
  private readonly _options: CommandsOptions;

  constructor(options: CommandsOptions) {
    this._options = options;
  }

  change(settings: Partial<Settings>): string | undefined {
    return this._options.settings.set(settings) ? undefined : "the station cannot store it";
  }

  start(): string | undefined {
    return this._options.charger.start();
  }

  stop(): undefined {
    this._options.charger.stop();
  }

  setLearning(isOn: boolean): undefined {
    this._options.charger.learning.set(isOn);
  }

  transferTo(email: string): string | undefined {
    return this._options.connectivity.transferTo(email);
  }

  update(options: { readonly allowsDowngrade: boolean }): string | undefined {
    return this._options.updates.request(options);
  }
}
