/** What the owner may set, and the station keeps. */

import { OFFLINE_POLICIES, type OfflinePolicy } from "../modules/authorization/index.js";
import type { Board } from "../modules/board/index.js";
import { MAX_CURRENT_A, MIN_CURRENT_A } from "../modules/charging/index.js";
import { type JSONObject, numberField, textField } from "../modules/json/index.js";
import type { RecordFormat, StoredRecord } from "../modules/settings/index.js";
import { parseTimeOfDay } from "../modules/updates/index.js";
import type { Config } from "./config.js";
import type { Records } from "./records.js";

export interface Options {
  /** 6-32 A, at most what the installation allows (`Config`). */
  readonly currentLimitA: number;
  /** Who may charge when the platform does not answer. */
  readonly offlinePolicy: OfflinePolicy;
  /** A swipe of the card that started a session ends it. */
  readonly cardEnds: boolean;
  /** A session that a power cut interrupted goes on, if the vehicle is still there. */
  readonly resumes: boolean;
  /** Whoever plugs in charges, without a card. */
  readonly isFree: boolean;
  /** The station's, in the air and in telemetry; none: the built-in one. */
  readonly name?: string;
  /** The station looks for new firmware by itself, */
  readonly autoUpdate: boolean;
  /** at this time of the day: `HH:MM`, UTC. */
  readonly updateTime: string;
  /** It takes the firmware that is not for everybody yet. */
  readonly staging: boolean;
}

const MAX_NAME_CHARS = 64;

/** The record `options`. What it lacks, or has wrong, is as it is built in. */
export function optionsFormat(defaults: Options): RecordFormat<Options> {
  const range = { min: MIN_CURRENT_A, max: MAX_CURRENT_A };
  return {
    key: "options",
    version: 1,
    parse: (fields: JSONObject) => ({
      currentLimitA: numberField(fields, "currentLimitA", range) ?? defaults.currentLimitA,
      offlinePolicy: OFFLINE_POLICIES.find((one) => one === fields.offlinePolicy) ?? defaults.offlinePolicy,
      cardEnds: typeof fields.cardEnds === "boolean" ? fields.cardEnds : defaults.cardEnds,
      resumes: typeof fields.resumes === "boolean" ? fields.resumes : defaults.resumes,
      isFree: typeof fields.isFree === "boolean" ? fields.isFree : defaults.isFree,
      name: textField(fields, "name", MAX_NAME_CHARS),
      autoUpdate: typeof fields.autoUpdate === "boolean" ? fields.autoUpdate : defaults.autoUpdate,
      updateTime: timeField(fields, "updateTime") ?? defaults.updateTime,
      staging: typeof fields.staging === "boolean" ? fields.staging : defaults.staging,
    }),
    format: (options) => ({ ...options }),
  };
}

function timeField(fields: JSONObject, name: string): string | undefined {
  const text = textField(fields, name, 5);
  return text !== undefined && parseTimeOfDay(text) !== undefined ? text : undefined;
}

export class OptionStore {
  private _record: StoredRecord<Options>;
  private _options: Options;
  private _defaults: Options;
  private _board: Board;

  constructor({ board, config, records }: { board: Board; config: Config; records: Records }) {
    const { currentLimitA } = config;
    const defaults: Options = {
      currentLimitA,
      offlinePolicy: "deny",
      cardEnds: true,
      resumes: false,
      isFree: false,
      autoUpdate: true,
      updateTime: "03:00",
      staging: false,
    };
    this._board = board;
    this._defaults = defaults;
    this._record = records(optionsFormat(defaults));
    this._options = this._record.read() ?? defaults;
  }

  get now(): Options {
    return this._options;
  }

  /**
   * What the installation allows and the station's name stay; the rest was the owner's wish. Storage errors pass
   * through; then it holds until the restart.
   */
  forgetOwner(): void {
    const { currentLimitA, name } = this._options;
    this._options = { ...this._defaults, currentLimitA, name };
    this._record.write(this._options);
  }

  /** `false`, and nothing changes, when it cannot be kept. */
  set(change: Partial<Options>): boolean {
    const options = { ...this._options, ...change };
    try {
      this._record.write(options);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this._board.log(`options: not stored: ${error.message}`);
      return false;
    }
    this._options = options;
    return true;
  }
}
