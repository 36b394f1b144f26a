import FlashStorage from "embedded:storage/flash";
import { describeImage, ImageLayout } from "../../../modules/updates/index.js";

/** The application slot that runs (`esp_ota_get_running_partition`). */
const RUNNING_SLOT = "running";

/**
 * Version in the descriptor of the running image; `undefined` when it was not stamped. A test stamps one build with several
 * versions.
 */
export function runningVersion(): number | undefined {
  const slot = FlashStorage.open({ path: RUNNING_SLOT });
  const head = new Uint8Array(slot.read(ImageLayout.headBytes, 0));
  slot.close();
  return describeImage(head)?.version;
}
