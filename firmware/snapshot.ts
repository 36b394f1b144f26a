/**
 * One snapshot of the station's status. Advertisement, `/status` and the Homie device are formatted from it by pure
 * functions (`ui/`), so that they agree.
 */

import type { StationStatus } from "../modules/charging/index.js";
import type { LifeCycle } from "./life-cycle.js";
import type { Settings } from "./settings.js";

export interface StationSnapshot {
  readonly lifeCycle: LifeCycle;
  /** Why a paired station is not online; `undefined` if it is, or if no attempt has failed. */
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  /** Pairing mode is on. */
  readonly isPairing: boolean;
  readonly isOnline: boolean;
  readonly name: string;
  readonly firmwareVersion: number;
  readonly status: StationStatus;
  readonly acceptsTags: boolean;
  readonly authorizesOffline: boolean;
  readonly sessionId: string | undefined;
  /** W; `undefined` without a meter. */
  readonly powerW: number | undefined;
  /** Energy of the present session or the last one, Wh; `undefined` without a meter. */
  readonly energyWh: number | undefined;
  /** Reading of the meter, Wh; `undefined` without one. */
  readonly meterWh: number | undefined;
  /** °C; `undefined` until it is measured. */
  readonly temperatureC: number | undefined;
  readonly lastError: string | undefined;
  /** Result of the latest card. */
  readonly lastResult: string | undefined;
  readonly listedTags: number;
  readonly isLearning: boolean;
  /** Finished sessions that the platform has not accepted yet, and sessions that were discarded. */
  readonly waitingSessions: number;
  readonly givenUpSessions: number;
  readonly settings: Settings;
  /** Highest current of the installation, A. */
  readonly installationA: number;
  readonly update: string | undefined;
  readonly transfer: { readonly isUnderWay: boolean; readonly failure: string | undefined };
  /** 0-100; `undefined` on Ethernet and without a network. */
  readonly signalPercent: number | undefined;
  readonly uptimeS: number;
  /** Free memory, bytes, sampled once a minute. */
  readonly heapBytes: number;
  /** Restarts without a power cut since the flash was erased. */
  readonly restartCount: number;
  /** How the previous run ended. */
  readonly restartReason: string;
}
