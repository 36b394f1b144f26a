/**
 * Snapshot of the station's status. Pure functions (`ui/`) format advertisement, `/status` and Homie device from it, so
 * that they agree.
 */

import type { MemoryUse } from "../modules/board/index.js";
import type { Offer, Phases, StationStatus } from "../modules/charging/index.js";
import type { Failure } from "../modules/failure/index.js";
import type { ConnectionFailureCode, Fault } from "../modules/faults/index.js";
import type { ModbusMeter } from "../modules/meter/index.js";
import type { LifeCycle } from "./life-cycle.js";
import type { Settings } from "./settings.js";

export interface StationSnapshot {
  readonly lifeCycle: LifeCycle;
  /** Why a paired station is not online; `undefined` if it is, or if no attempt has failed. */
  readonly problem: Failure<ConnectionFailureCode> | undefined;
  /** Pairing mode is on. */
  readonly isPairing: boolean;
  readonly isOnline: boolean;
  readonly name: string;
  readonly firmwareVersion: number;
  readonly status: StationStatus;
  readonly acceptsTags: boolean;
  readonly authorizesOffline: boolean;
  readonly sessionId: string | undefined;
  /** Power, W; `undefined` without a meter. */
  readonly powerW: number | undefined;
  /** Energy of the present session or the last one, Wh; `undefined` without a meter. */
  readonly energyWh: number | undefined;
  /** Reading of the meter, Wh; `undefined` without one. */
  readonly meterWh: number | undefined;
  /** Currents and voltages of the phases; `undefined` without a Modbus meter. */
  readonly phaseValues: Pick<ModbusMeter, "currentA" | "measures" | "voltageV"> | undefined;
  /** Temperature inside the station, °C; `undefined` before the first measurement. */
  readonly temperatureC: number | undefined;
  /** Latest fault of the present owner's time; it may be over. */
  readonly lastError: Fault | undefined;
  /** Result of the latest card. */
  readonly lastResult: string | undefined;
  readonly listedTags: number;
  readonly isLearning: boolean;
  /** Number of finished sessions that the platform has not accepted yet. */
  readonly waitingSessions: number;
  /** Number of sessions that were discarded before the platform accepted them. */
  readonly givenUpSessions: number;
  readonly settings: Settings;
  /** Highest current of the installation, A. */
  readonly installationA: number;
  /** Current that the station may offer now, and the limit that it comes from. */
  readonly offer: Offer;
  /** Limit of the energy manager in force, A; the fallback current without a lease. */
  readonly managedA: number;
  readonly fallbackA: number;
  readonly isPaused: boolean;
  /** Number of phases that are connected; `undefined` if it cannot be changed. */
  readonly phases: Phases | undefined;
  readonly update: string | undefined;
  readonly transfer: { readonly isUnderWay: boolean; readonly failure: Fault | undefined };
  /** Signal strength, 0-100 %; `undefined` on Ethernet and without a network. */
  readonly signalPercent: number | undefined;
  /** Whether MQTT uses TLS. */
  readonly isEncrypted: boolean;
  readonly uptimeS: number;
  /** Memory, sampled once a minute; `undefined` if the board does not measure it. */
  readonly memory: MemoryUse | undefined;
  /** Restarts without a power cut since the flash was erased. */
  readonly restartCount: number;
  /** How the previous run ended. */
  readonly restartReason: string;
}
