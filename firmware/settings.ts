/** The owner's settings, stored in the record `options`. */

import {
  OFFLINE_POLICIES,
  type OfflinePolicy,
  STATIC_CARDS,
  type StaticCards,
} from "../modules/authorization/index.js";
import type { Board, IO, Timer } from "../modules/board/index.js";
import { isCurrentLimit, MAX_CURRENT_A, MIN_CURRENT_A, type Phases } from "../modules/charging/index.js";
import { type JSONObject, numberField, textField } from "../modules/json/index.js";
import { TokenBucket } from "../modules/limits/index.js";
import type { RecordFormat, StoredRecord } from "../modules/settings/index.js";
import { parseTimeOfDay } from "../modules/updates/index.js";
import type { Config } from "./config.js";
import type { Records } from "./records.js";

export interface Settings {
  /** Limit of the offered current, 6-32 A. The installation's limit (`Config`) applies, too. */
  readonly currentLimitA: number;
  /**
   * Limit while no energy manager has a lease, 0 or 6-32 A. `undefined`: there has been no manager, and there is no limit.
   */
  readonly fallbackA?: number;
  /** Duration of an energy manager's lease, s. */
  readonly leaseS: number;
  /** Number of phases, where a second contactor is wired. */
  readonly phases: Phases;
  /** Pause before and after a change of the phases, s. */
  readonly phasePauseS: number;
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
  leaseS: 300,
  phases: 3,
  phasePauseS: 10,
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
/**
 * Duration of an energy manager's lease, s. The default of 300 s survives a restart of the manager, and is short for a fuse:
 * one of 32 A endures 40 A for an hour (IEC 60269-1, conventional non-fusing current).
 */
export const LEASE_S = { min: 10, max: 86_400 };
/** Pause before and after a change of the phases, s. The default is EVerest's; some relays need 11 s between two changes. */
export const PHASE_PAUSE_S = { min: 5, max: 300 };
const CURRENT_A = { min: MIN_CURRENT_A, max: MAX_CURRENT_A };
/**
 * Number of changes that are stored at once. An energy manager that changes a setting each second would otherwise wear out
 * the flash within a year: 100,000 erasures of each of the partition's sectors.
 */
const QUICK_WRITES = 8;
/** Interval of further writes, ms. A power cut loses the changes since the latest one. */
const WRITE_INTERVAL_MS = 60_000;

type StoredSettings = Omit<Settings, "currentLimitA"> & { readonly currentLimitA?: number };

/** The record `options`. A field that is missing or invalid has its default. */
export const settingsFormat: RecordFormat<StoredSettings> = {
  key: "options",
  version: 1,
  parse: (fields: JSONObject) => ({
    currentLimitA: numberField(fields, "currentLimitA", CURRENT_A),
    fallbackA: fallbackField(fields),
    leaseS: numberField(fields, "leaseS", LEASE_S) ?? DEFAULTS.leaseS,
    phases: fields.phases === 1 ? 1 : DEFAULTS.phases,
    phasePauseS: numberField(fields, "phasePauseS", PHASE_PAUSE_S) ?? DEFAULTS.phasePauseS,
    offlinePolicy: OFFLINE_POLICIES.find((one) => one === fields.offlinePolicy) ?? DEFAULTS.offlinePolicy,
    cardEnds: flagField(fields, "cardEnds"),
    staticCards: STATIC_CARDS.find((one) => one === fields.staticCards) ?? DEFAULTS.staticCards,
    resumes: flagField(fields, "resumes"),
    authorizationMin:
      numberField(fields, "authorizationMin", { min: 0, max: MAX_AUTHORIZATION_MIN }) ??
      DEFAULTS.authorizationMin,
    wakesUp: flagField(fields, "wakesUp"),
    isFree: flagField(fields, "isFree"),
    name: textField(fields, "name", MAX_NAME_CHARS),
    autoUpdate: flagField(fields, "autoUpdate"),
    updateTime: timeField(fields, "updateTime") ?? DEFAULTS.updateTime,
    staging: flagField(fields, "staging"),
  }),
  format: (settings) => ({ ...settings }),
};

/** Names of the settings that are on or off. */
export type SettingsFlag = "autoUpdate" | "cardEnds" | "isFree" | "resumes" | "staging" | "wakesUp";

function flagField(fields: JSONObject, name: SettingsFlag): boolean {
  const value = fields[name];
  return typeof value === "boolean" ? value : DEFAULTS[name];
}

function fallbackField(fields: JSONObject): number | undefined {
  const limitA = numberField(fields, "fallbackA", { min: 0, max: MAX_CURRENT_A });
  return limitA !== undefined && isCurrentLimit(limitA) ? limitA : undefined;
}

function timeField(fields: JSONObject, name: string): string | undefined {
  const text = textField(fields, name, 5);
  return text !== undefined && parseTimeOfDay(text) !== undefined ? text : undefined;
}

export interface SettingsListener {
  handleSettingsChanged(): void;
}

/**
 * The settings and their record. A change is stored at once. After QUICK_WRITES changes the station stores one change a
 * minute, the latest: each change is in force at once, and a power cut loses those that are not stored yet.
 */
export class SettingsStore implements IO {
  private readonly _record: StoredRecord<StoredSettings>;
  private readonly _board: Board;
  private readonly _listeners: SettingsListener[] = [];
  private _settings: Settings;
  /** The record exists. Until then also an unchanged value is stored: a default may change with the firmware. */
  private _isStored: boolean;
  private _writes: TokenBucket | undefined;
  private _pendingWrite: Timer | undefined;

  constructor({ board, config, records }: { board: Board; config: Config; records: Records }) {
    this._board = board;
    this._record = records.open(settingsFormat);
    const stored = this._record.read();
    this._isStored = stored !== undefined;
    const { currentLimitA: installationA } = config;
    const currentLimitA = Math.min(installationA, stored?.currentLimitA ?? installationA);
    this._settings = { ...(stored ?? DEFAULTS), currentLimitA };
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
   * Restores the defaults, except those that belong to the installation: the limits, the phases and the name. Throws storage
   * errors; the defaults then apply until the restart.
   */
  forgetOwner(): void {
    const { currentLimitA, fallbackA, leaseS, name, phases, phasePauseS } = this._settings;
    this._settings = { ...DEFAULTS, currentLimitA, fallbackA, leaseS, name, phases, phasePauseS };
    this._clearPending();
    this._record.write(this._settings);
    this._isStored = true;
  }

  /** Changes settings and stores them. If they cannot be stored, changes nothing and returns `false`. */
  set(change: Partial<Settings>): boolean {
    if (this._isStored && this._hasAll(change)) return true;
    const settings = { ...this._settings, ...change };
    if (!this._store(settings)) return false;
    this._settings = settings;
    for (const listener of this._listeners) listener.handleSettingsChanged();
    return true;
  }

  /** Stores changes that are not stored yet. */
  close(): void {
    if (!this._pendingWrite) return;
    this._clearPending();
    this._write(this._settings);
  }

  private _hasAll(change: Partial<Settings>): boolean {
    for (const name of Object.keys(change) as (keyof Settings)[])
      if (change[name] !== this._settings[name]) return false;
    return true;
  }

  /** Stores settings now or later. Returns `false` if they cannot be stored. */
  private _store(settings: Settings): boolean {
    if (this._pendingWrite) return true;
    const { clock } = this._board;
    this._writes ??= new TokenBucket({ clock, capacity: QUICK_WRITES, refillMs: WRITE_INTERVAL_MS });
    if (this._writes.isEmpty) {
      this._pendingWrite = clock.set(() => {
        this._pendingWrite = undefined;
        this._writes?.take();
        this._write(this._settings);
      }, WRITE_INTERVAL_MS);
      return true;
    }
    this._writes.take();
    return this._write(settings);
  }

  private _write(settings: Settings): boolean {
    const problem = this._record.tryWrite(settings);
    if (problem === undefined) this._isStored = true;
    else this._board.log(`settings: the change is not stored: ${problem}`);
    return problem === undefined;
  }

  private _clearPending(): void {
    this._board.clock.clear(this._pendingWrite);
    this._pendingWrite = undefined;
  }
}
