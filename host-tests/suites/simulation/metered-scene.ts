import { modbusWiring } from "../../virtual/board/modbus-wiring.js";
import { Scene, type SceneOptions } from "../../virtual/scene.js";
import { ModbusMeterDevice, type ModbusMeterType } from "../../virtual/world/modbus-meter.js";

const STEP_MS = 100;
const MS_PER_HOUR = 3_600_000;
const VOLTS = 230;

/** A station with a Modbus meter, and a load that draws current while the contactor is closed. */
export class MeteredScene extends Scene {
  meter: ModbusMeterDevice;
  /** Energy that the vehicles have drawn, Wh. */
  drawnWh = 0;
  /** Currents that a vehicle draws on the phases 1 to 3, A. */
  currentsA: readonly number[] = [6, 6, 6];

  constructor(options: SceneOptions & { readonly type?: ModbusMeterType } = {}) {
    const { type = "sdm630", ...others } = options;
    super({ provisioning: { wiring: modbusWiring({ type }) }, ...others });
    this.meter = this.putMeter(type);
    this.meter.energyWh = 123_000;
    this.clock.repeat(() => this.#flow(), STEP_MS);
  }

  /** Puts a new meter on the line. */
  putMeter(type: ModbusMeterType = "sdm630"): ModbusMeterDevice {
    this.meter?.remove();
    this.meter = new ModbusMeterDevice({ clock: this.clock, line: this.device.modbus, type });
    return this.meter;
  }

  /** Plugs in a vehicle and charges it. */
  charge(): void {
    this.plug();
    this.present("GUEST-0001");
    this.until("current flows", () => this.device.vehicle.isCharging);
  }

  #flow(): void {
    const currentsA = this.device.vehicle.isCharging ? this.currentsA : [0, 0, 0];
    const powerW = currentsA.reduce((sum, one) => sum + one * VOLTS, 0);
    const wh = (powerW * STEP_MS) / MS_PER_HOUR;
    this.drawnWh += wh;
    this.meter.energyWh += wh;
    this.meter.quantities = { powerW, currentsA, voltagesV: [VOLTS, VOLTS, VOLTS] };
  }
}

/** Sends the pulses of an S0 meter with 1000 imp/kWh at a power, evenly. */
export function drawWatts(scene: Scene, watts: number, seconds: number): void {
  const pulseMs = MS_PER_HOUR / watts;
  for (let sinceMs = 0; sinceMs < seconds * 1000; sinceMs += pulseMs) {
    scene.clock.advance(pulseMs);
    if (scene.device.vehicle.isCharging) scene.device.meter.pulse();
  }
}
