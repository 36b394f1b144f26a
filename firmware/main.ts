import { runOnESP32 } from "./boards/esp32/index.js";
import { hardware } from "./boards/esp32/pins.js";
import { defaultConfig, withWiring } from "./config.js";
import { startStation } from "./start.js";

/** Entry point on the chip. No module runs code at import, so that all of them can be preloaded into flash. */
export default function main(): void {
  runOnESP32(hardware, (board, wiring) => startStation(board, withWiring(defaultConfig, wiring)));
}
