import type { Bytes, IO } from "./io.js";

/** Where the firmware stands: one of two slots of the same size. */
export interface FirmwareSlot {
  /** `esp_chip_id_t` of the images that run here: 0 is the ESP32, 5 the ESP32-C3. */
  readonly chipId: number;
  readonly byteLength: number;
}

/**
 * A firmware image on its way into the slot that does not run. The running firmware is never touched: before
 * `complete` has returned, the next start is the same firmware as now.
 */
export interface Updater extends IO {
  /** Takes the image's bytes in their order, erasing as it goes. Throws when they do not fit the slot. */
  write(data: Bytes): void;
  /**
   * The image is whole: the board checks it (header, chip, its own checksum) and starts it at the next restart.
   * Throws when it is no image for this chip; then nothing has changed.
   */
  complete(): void;
}
