import type { Bytes, IO } from "./io.js";

/** The flash slot of a firmware image. A station has two slots of the same size. */
export interface FirmwareSlot {
  /** `esp_chip_id_t` of images for this chip: 0 is the ESP32, 5 the ESP32-C3. */
  readonly chipId: number;
  readonly byteLength: number;
}

/**
 * Writer of a firmware image into the inactive slot. It does not change the running firmware: until `complete` has
 * returned, a restart starts the present firmware.
 */
export interface Updater extends IO {
  /** Writes the next bytes of the image and erases flash as needed. Throws when they do not fit the slot. */
  write(data: Bytes): void;
  /**
   * Checks the complete image (header, chip, checksum) and selects it for the next restart. Throws without a change
   * when the image is not valid for this chip.
   */
  complete(): void;
}
