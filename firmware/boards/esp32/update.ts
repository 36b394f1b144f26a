import FlashStorage, { type Partition } from "embedded:storage/flash";
import Update from "embedded:update";
import type { FirmwareSlot, Updater } from "../../../modules/board/index.js";

/** What `esp_ota_get_next_update_partition` gives: the slot that does not run. */
const OTHER_SLOT = "nextota";

export function firmwareSlot(chipId: number): FirmwareSlot {
  const partition = FlashStorage.open({ path: OTHER_SLOT });
  const { size } = partition.status();
  partition.close();
  return { chipId, byteLength: size };
}

/**
 * The SDK's update over ESP-IDF's: mode "a" writes in order and erases sector by sector, `complete` has the image
 * verified (`esp_ota_end`) before it makes it the next one to start.
 */
export function makeOpenUpdate(): () => Updater {
  let isOpen = false;
  return () => {
    if (isOpen) throw new Error("an update is open already");
    const updater = open(() => {
      isOpen = false;
    });
    isOpen = true;
    return updater;
  };
}

/** It refuses while the running firmware has not confirmed itself (ESP_ERR_OTA_ROLLBACK_INVALID_STATE). */
function openNative(partition: Partition): ReturnType<typeof Update.open> {
  try {
    return Update.open({ partition, mode: "a" });
  } catch (error) {
    partition.close();
    throw error;
  }
}

function open(onEnd: () => void): Updater {
  const partition = FlashStorage.open({ path: OTHER_SLOT });
  const native = openNative(partition);
  let isOver = false;

  function end(): void {
    if (isOver) return;
    isOver = true;
    onEnd();
    native.close();
    partition.close();
  }

  return {
    write(data) {
      if (isOver) throw new Error("the update is over");
      native.write(data);
    },
    complete() {
      if (isOver) throw new Error("the update is over");
      native.complete();
      end();
    },
    close: end,
  };
}
