import type { Wiring } from "../../../modules/wiring/index.js";

/** Hardware of a station. Each board has its own in `pins.ts`; a provisioned wiring takes its place. */
export interface Hardware extends Wiring {
  /** `esp_chip_id_t` (esp_app_format.h of ESP-IDF): images for another chip are refused. */
  readonly chipId: number;
}
