import FlashStorage, { type Partition } from "embedded:storage/flash";
import Update from "embedded:update";
import type { FirmwareSlot, Updater } from "../../../modules/board/index.js";

/** Path of the slot that does not run (`esp_ota_get_next_update_partition`). */
const OTHER_SLOT = "nextota";

export function firmwareSlot(chipId: number): FirmwareSlot {
  const partition = FlashStorage.open({ path: OTHER_SLOT });
  const { size } = partition.status();
  partition.close();
  return { chipId, byteLength: size };
}

/**
 * Returns `openUpdate` over the SDK's update. Its mode "a" writes in order and erases sector by sector. `complete`
 * verifies the image (`esp_ota_end`), then selects its slot for the next start.
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

/** Throws while the running firmware is pending verification (ESP_ERR_OTA_ROLLBACK_INVALID_STATE). */
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
