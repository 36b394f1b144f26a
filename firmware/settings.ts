/** The owner's settings, stored in the record `options`. */

import {
  OFFLINE_POLICIES,
  type OfflinePolicy,
  STATIC_CARDS,
  type StaticCards,
} from "../modules/authorization/index.js";
import type { Board } from "../modules/board/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../modules/charging/index.js";
import { type JSONObject, numberField, textField } from "../modules/json/index.js";
import type { RecordFormat, StoredRecord } from "../modules/settings/index.js";
import { parseTimeOfDay } from "../modules/updates/index.js";
import type { Config } from "./config.js";
import type { Records } from "./records.js";

export interface Settings {
  /** Limit of the offered current, 6-32 A. The installation's limit (`Config`) applies, too. */
  readonly currentLimitA: number;
  /** Authorization while the platform does not respond. */
  readonly offlinePolicy: OfflinePolicy;
  /** The card that started a session ends it when it is presented again. */
  readonly cardEnds: boolean;
  /** Where cards are accepted that have no secret and so can be copied. */
  readonly staticCards: StaticCards;
  /** A session that a power cut interrupted is resumed, if the vehicle is still plugged in. */
  readonly resumes: boolean;
  /** Time in which an authorized vehicle has to request energy, min; 0: as long as it is plugged in. */
  readonly authorizationMin: number;
  /** A vehicle that does not request energy 30 s after an offer is woken up, once. */
  readonly wakesUp: boolean;
  /** Free vend: a vehicle that plugs in charges without a card. */
  readonly isFree: boolean;
  /** Name in the advertisement and in telemetry; default: the built-in one. */
  readonly name?: string;
  /** The station checks for new firmware by itself, once a day. */
  readonly autoUpdate: boolean;
  /** Time of the daily check: `HH:MM`, UTC. */
  readonly updateTime: string;
  /** The station also installs releases of the staging channel. */
  readonly staging: boolean;
}

const MAX_NAME_CHARS = 64;

/** Defaults, except for the current limit, whose default is the installation's. */
const DEFAULTS = {
  offlinePolicy: "deny",
  cardEnds: true,
  staticCards: "all",
  resumes: false,
  authorizationMin: 0,
  wakesUp: false,
  isFree: false,
  autoUpdate: true,
  updateTime: "03:00",
  staging: false,
} as const;
/** Longest time of an authorization, min: a day. */
export const MAX_AUTHORIZATION_MIN = 24 * 60;
const CURRENT_A = { min: MIN_CURRENT_A, max: MAX_CURRENT_A };

type StoredSettings = Omit<Settings, "currentLimitA"> & { readonly currentLimitA?: number };

/** The record `options`. A field that is missing or invalid has its default. */
export const settingsFormat: RecordFormat<StoredSettings> = {
  key: "options",
  version: 1,
  parse: (fields: JSONObject) => ({
    currentLimitA: numberField(fields, "currentLimitA", CURRENT_A),
    offlinePolicy: OFFLINE_POLICIES.find((one) => one === fields.offlinePolicy) ?? DEFAULTS.offlinePolicy,
    cardEnds: typeof fields.cardEnds === "boolean" ? fields.cardEnds : DEFAULTS.cardEnds,
    staticCards: STATIC_CARDS.find((one) => one === fields.staticCards) ?? DEFAULTS.staticCards,
    resumes: typeof fields.resumes === "boolean" ? fields.resumes : DEFAULTS.resumes,
    authorizationMin:
      numberField(fields, "authorizationMin", { min: 0, max: MAX_AUTHORIZATION_MIN }) ??
      DEFAULTS.authorizationMin,
    wakesUp: typeof fields.wakesUp === "boolean" ? fields.wakesUp : DEFAULTS.wakesUp,
    isFree: typeof fields.isFree === "boolean" ? fields.isFree : DEFAULTS.isFree,
    name: textField(fields, "name", MAX_NAME_CHARS),
    autoUpdate: typeof fields.autoUpdate === "boolean" ? fields.autoUpdate : DEFAULTS.autoUpdate,
    updateTime: timeField(fields, "updateTime") ?? DEFAULTS.updateTime,
    staging: typeof fields.staging === "boolean" ? fields.staging : DEFAULTS.staging,
  }),
  format: (settings) => ({ ...settings }),
};

function timeField(fields: JSONObject, name: string): string | undefined {
  const text = textField(fields, name, 5);
  return text !== undefined && parseTimeOfDay(text) !== undefined ? text : undefined;
}

export interface SettingsListener {
  handleSettingsChanged(): void;
}

export class SettingsStore {
  private readonly _record: StoredRecord<StoredSettings>;
  private readonly _board: Board;
  private readonly _listeners: SettingsListener[] = [];
  private _settings: Settings;

  constructor({ board, config, records }: { board: Board; config: Config; records: Records }) {
    this._board = board;
    this._record = records.open(settingsFormat);
    const stored: StoredSettings = this._record.read() ?? DEFAULTS;
    this._settings = { ...stored, currentLimitA: stored.currentLimitA ?? config.currentLimitA };
  }

  /** Registers a listener until the restart. Listeners are called after `set`, in the order of subscription. */
  subscribe(listener: SettingsListener): void {
    this._listeners.push(listener);
  }

  /** The present settings. */
  get now(): Settings {
    return this._settings;
  }

  /**
   * Restores the defaults, except current limit and name, which belong to the installation. Throws storage errors; the
   * defaults then apply until the restart.
   */
  forgetOwner(): void {
    const { currentLimitA, name } = this._settings;
    this._settings = { ...DEFAULTS, currentLimitA, name };
    this._record.write(this._settings);
  }

  /** Changes settings and stores them. If they cannot be stored, changes nothing and returns `false`. */
  set(change: Partial<Settings>): boolean {
    const settings = { ...this._settings, ...change };
    const problem = this._record.tryWrite(settings);
    if (problem !== undefined) {
      this._board.log(`settings: the change is not stored: ${problem}`);
      return false;
    }
    this._settings = settings;
    for (const listener of this._listeners) listener.handleSettingsChanged();
    return true;
  }
}
