import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { IO } from "../../../modules/board/index.js";
import { METER_FAULTS, type ModbusMeterDevice } from "../../virtual/world/modbus-meter.js";
import type { VirtualStation } from "./virtual-station.js";

export interface StationConsoleOptions {
  readonly station: VirtualStation;
  /** The meter on the Modbus line, if there is one. */
  readonly meter?: Pick<ModbusMeterDevice, "energyWh" | "fault">;
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly print: (line: string) => void;
  /** Called for the command quit or the end of a terminal's input. Other inputs may end without effect. */
  readonly onQuit: () => void;
}

export const COMMANDS = "plug, unplug, card <number>, stop, pair, status, quit";
/** Commands of a station with a Modbus meter. */
export const METER_COMMANDS = `meter ok, ${METER_FAULTS.map((fault) => `meter ${fault}`).join(", ")}`;

/** Opens the console of a station: commands from the input, until it is closed. */
export function openStationConsole(options: StationConsoleOptions): IO {
  const lines = createInterface({ input: options.input });
  lines.on("line", (line) => obey(line.trim(), options));
  lines.on("close", () => {
    if (options.input.isTTY) options.onQuit();
  });
  return lines;
}

function obey(line: string, options: StationConsoleOptions): void {
  const { station, meter, print, onQuit } = options;
  if (meter && line.startsWith("meter ")) {
    setMeter(line.slice("meter ".length), meter, print);
    return;
  }
  const { device } = station;
  const { vehicle } = device;
  const [, number] = /^card +(\S.*)$/.exec(line) ?? [];
  if (number !== undefined) {
    try {
      device.swipe(number);
    } catch (error) {
      print((error as Error).message);
    }
    return;
  }
  switch (line) {
    case "":
      break;
    case "plug":
      vehicle.plug();
      break;
    case "unplug":
      vehicle.unplug();
      break;
    case "stop":
      device.interrupt(() => station.station?.stopCharging());
      break;
    case "pair":
      device.interrupt(() => station.station?.enterPairingMode());
      break;
    case "status": {
      const current = vehicle.isCharging ? "current flows" : "no current";
      print(
        `${station.station?.lifeCycle}, ${station.station?.status}; vehicle ${vehicle.state}, ${current}`,
      );
      break;
    }
    case "quit":
      onQuit();
      break;
    default:
      print(`unknown command; type ${COMMANDS}${meter ? `, ${METER_COMMANDS}` : ""}`);
  }
}

function setMeter(
  name: string,
  meter: Pick<ModbusMeterDevice, "energyWh" | "fault">,
  print: (line: string) => void,
): void {
  const fault = METER_FAULTS.find((one) => one === name);
  if (fault === undefined && name !== "ok") {
    print(`unknown command; type ${METER_COMMANDS}`);
    return;
  }
  meter.fault = fault;
  print(`the meter is at ${Math.round(meter.energyWh)} Wh, ${name}`);
}
