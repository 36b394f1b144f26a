/** A Modbus meter of the virtual station, and a load that draws the offered current on three phases. */

import type { Clock } from "../../../modules/board/index.js";
import type { Device } from "../../virtual/board/index.js";
import { ModbusMeterDevice, type ModbusMeterType } from "../../virtual/world/modbus-meter.js";
import { PERMILLE_PER_A } from "../../virtual/world/vehicle.js";

const STEP_MS = 1000;
const MS_PER_HOUR = 3_600_000;
const VOLTS = 230;

export interface MeteredLoadOptions {
  readonly clock: Clock;
  readonly device: Pick<Device, "modbus" | "vehicle">;
  readonly type: ModbusMeterType;
}

/** Puts a meter on the line. Energy flows while the station charges. */
export function meterLoad({ clock, device, type }: MeteredLoadOptions): ModbusMeterDevice {
  const meter = new ModbusMeterDevice({ clock, line: device.modbus, type });
  const { vehicle } = device;
  const phases = type === "sdm120" ? 1 : 3;
  clock.repeat(() => {
    const currentA = vehicle.isCharging ? vehicle.dutyPermille / PERMILLE_PER_A : 0;
    const currentsA = [1, 2, 3].map((phase) => (phase <= phases ? currentA : 0));
    const powerW = phases * VOLTS * currentA;
    meter.energyWh += (powerW * STEP_MS) / MS_PER_HOUR;
    meter.quantities = { powerW, currentsA, voltagesV: [VOLTS, VOLTS, VOLTS] };
  }, STEP_MS);
  return meter;
}
