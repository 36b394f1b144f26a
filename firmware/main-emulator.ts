import { EMULATOR_CONFIG } from "./boards/emulator/config.js";
import { hardware } from "./boards/emulator/hardware.js";
import { makeEmulatorIO } from "./boards/emulator/io.js";
import { runningVersion } from "./boards/emulator/running-version.js";
import { runOnESP32 } from "./boards/esp32/index.js";
import { defaultConfig, withWiring } from "./config.js";
import { startStation } from "./start.js";

/** Entry point on the emulated chip (manifests/esp32c3-qemu). */
export default function main(): void {
  const firmwareVersion = runningVersion() ?? defaultConfig.firmwareVersion;
  const config = { ...defaultConfig, ...EMULATOR_CONFIG, firmwareVersion };
  runOnESP32(hardware, makeEmulatorIO, (board, wiring) => startStation(board, withWiring(config, wiring)));
}
