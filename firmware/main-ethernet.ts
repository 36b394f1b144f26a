import { makeEthernetIO } from "./boards/esp32/ethernet/io.js";
import { hardware } from "./boards/esp32/ethernet/pins.js";
import { runOnESP32 } from "./boards/esp32/index.js";
import { defaultConfig, withWiring } from "./config.js";
import { startStation } from "./start.js";

/** Entry point on a chip with Ethernet (manifests/esp32-ethernet and esp32c3-ethernet). */
export default function main(): void {
  runOnESP32(hardware, makeEthernetIO, (board, wiring) =>
    startStation(board, withWiring(defaultConfig, wiring)),
  );
}
