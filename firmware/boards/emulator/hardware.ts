import type { Hardware } from "../esp32/hardware.js";
import { hardware as esp32c3 } from "../esp32c3/pins.js";

/** Wiring of the emulated ESP32-C3: that of a board. */
export const hardware: Hardware = esp32c3;
