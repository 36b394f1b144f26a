import { runOnESP32 } from "./boards/esp32/index.js";
import { hardware } from "./boards/esp32/pins.js";
import { makeWiFiIO } from "./boards/esp32/wifi-io.js";
import { defaultConfig, withWiring } from "./config.js";
import { startStation } from "./start.js";

/** Entry point on a chip with Wi-Fi. No module runs code at import, so that all of them can be preloaded into flash. */
export default function main(): void {
  runOnESP32(hardware, makeWiFiIO, (board, wiring) => startStation(board, withWiring(defaultConfig, wiring)));
}
