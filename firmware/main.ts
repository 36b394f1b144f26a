import { runOnESP32 } from "./boards/esp32/index.js";
import { hardware } from "./boards/esp32/pins.js";
import { defaultConfig } from "./config.js";
import { startStation } from "./start.js";

/** The chip's entry. Nothing else runs at import, so that every module can be preloaded into flash. */
export default function main(): void {
  runOnESP32(hardware, (board) => startStation(board, defaultConfig));
}
