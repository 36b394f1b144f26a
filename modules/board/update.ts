import type { Bytes, IO } from "./io.js";

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
