import FlashStorage, { type Partition } from "embedded:storage/flash";
import Update from "embedded:update";
import type { Bytes, FirmwareSlot, Updater } from "../../../modules/board/index.js";

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
  const slot = { isOpen: false };
  return () => new ChipUpdater(slot);
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

class ChipUpdater implements Updater {
  private readonly _slot: { isOpen: boolean };
  private readonly _partition: Partition;
  private readonly _native: ReturnType<typeof Update.open>;
  private _isOver = false;

  constructor(slot: { isOpen: boolean }) {
    if (slot.isOpen) throw new Error("an update is open already");
    this._partition = FlashStorage.open({ path: OTHER_SLOT });
    this._native = openNative(this._partition);
    this._slot = slot;
    slot.isOpen = true;
  }

  write(data: Bytes): void {
    this._assertOpen();
    this._native.write(data);
  }

  complete(): void {
    this._assertOpen();
    this._native.complete();
    this.close();
  }

  close(): void {
    if (this._isOver) return;
    this._isOver = true;
    this._slot.isOpen = false;
    this._native.close();
    this._partition.close();
  }

  private _assertOpen(): void {
    if (this._isOver) throw new Error("the update is over");
  }
}
