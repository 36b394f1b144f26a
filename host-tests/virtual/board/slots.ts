import { sha256 } from "@noble/hashes/sha2.js";
import type { Bytes, Updater } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import { imageError } from "../../../modules/updates/image-file.js";
import { makeImage } from "../world/firmware-image.js";
import { type FirmwareRun, Halted } from "./firmware-run.js";
import { activeEntry, type OTAData, type OTAEntry, type SlotIndex, selecting, slotOf } from "./otadata.js";

/** Size of a firmware slot, bytes, as in manifests/partitions.csv. */
export const SLOT_BYTES = 0x1f0000;
const SECTOR_BYTES = 4096;
/** Time to erase a sector, ms: a 4 MB SPI NOR flash (GD25Q32, typical). */
const ERASE_MS = 45;
/** Time to program a byte, ms: a page of 256 bytes takes 0.5 ms. */
const PROGRAM_MS_PER_BYTE = 0.5 / 256;
const ERASED = 0xff;

/** Thrown when the power is cut while the bootloader writes. */
class PowerCut extends Error {}

export interface SlotsOptions {
  /** Called with the time for which the flash, and with it the processor, is busy. */
  readonly spend?: (durationMs: number) => void;
}

/**
 * The two firmware slots of a device's flash, and the bootloader with its rollback. They outlast runs of the
 * firmware and power cuts. As in NOR flash, a sector is erased before it is written, and a power cut leaves
 * an operation incomplete.
 */
export class Slots {
  /** The slot of the running firmware, or of the last one that ran. */
  running: SlotIndex = 0;
  /** Number of erasures and writes so far, so that a test can cut the power at any of them. */
  operationCount = 0;
  /** Total time for which the flash has been busy, ms. */
  busyMs = 0;
  readonly #spend: (durationMs: number) => void;
  /** Written sectors only: whole slots would be too large for 500 devices. */
  readonly #sectors: [Map<number, Uint8Array<ArrayBuffer>>, Map<number, Uint8Array<ArrayBuffer>>] = [
    new Map(),
    new Map(),
  ];
  readonly #otadata: OTAData = { entries: [undefined, undefined] };
  #operationsUntilCut: number | undefined;

  constructor({ spend = () => {} }: SlotsOptions = {}) {
    this.#spend = spend;
    this.load(0, makeImage({ version: 1, byteLength: 512 }));
  }

  /** The slot that the bootloader starts next. */
  get next(): SlotIndex {
    const active = activeEntry(this.#otadata);
    const entry = active === undefined ? undefined : this.#otadata.entries[active];
    if (!entry || active === undefined) return 0;
    if (entry.state !== "pending") return slotOf(entry);
    const other = this.#otadata.entries[active === 0 ? 1 : 0];
    return other && other.state !== "aborted" ? slotOf(other) : 0;
  }

  /** The running firmware came by an update and has not been validated: the next start rolls back. */
  get isOnTrial(): boolean {
    const active = activeEntry(this.#otadata);
    return active !== undefined && this.#otadata.entries[active]?.state === "pending";
  }

  /** Content of a slot up to the end of the last written sector, whether the image is complete or not. */
  image(slot: SlotIndex): Uint8Array<ArrayBuffer> {
    const sectors = this.#sectors[slot];
    const image = new Uint8Array((Math.max(-1, ...sectors.keys()) + 1) * SECTOR_BYTES).fill(ERASED);
    for (const [index, sector] of sectors) image.set(sector, index * SECTOR_BYTES);
    return image;
  }

  /** Flashes an image over the wire. */
  load(slot: SlotIndex, image: Uint8Array<ArrayBuffer>): void {
    for (let at = 0; at < image.length; at += SECTOR_BYTES) {
      const sector = new Uint8Array(SECTOR_BYTES).fill(ERASED);
      sector.set(image.subarray(at, at + SECTOR_BYTES));
      this.#sectors[slot].set(at / SECTOR_BYTES, sector);
    }
  }

  /**
   * Cuts the power in the middle of the `count`th erasure or write from now, including those of the
   * bootloader.
   */
  cutPowerAtOperation(count: number | undefined): void {
    this.#operationsUntilCut = count;
  }

  /**
   * Runs the bootloader: gives a new firmware its one trial, rolls back a firmware that failed it, and starts
   * only a complete image. Returns `false` if the power was cut. Throws if neither slot has a complete image.
   */
  start(): boolean {
    try {
      this.running = this.#choose();
      return true;
    } catch (error) {
      if (error instanceof PowerCut) return false;
      throw error;
    }
  }

  /** Validates the running firmware. */
  confirm(firmware: FirmwareRun): void {
    const active = activeEntry(this.#otadata);
    const entry = active === undefined ? undefined : this.#otadata.entries[active];
    if (active !== undefined && entry?.state === "pending") {
      this.#writeEntry(active, { ...entry, state: "valid" }, () => cut(firmware));
    }
  }

  /** Returns the function that opens an update in one run of the firmware. */
  opener(firmware: FirmwareRun): () => Updater {
    let isOpen = false;
    return () => {
      if (firmware.isOver) throw new Halted();
      if (isOpen) throw new Error("an update is open already");
      // ESP_ERR_OTA_ROLLBACK_INVALID_STATE
      if (this.isOnTrial) throw new Error("the running firmware is pending verification");
      isOpen = true;
      return this.#makeUpdater(firmware, () => {
        isOpen = false;
      });
    };
  }

  #makeUpdater(firmware: FirmwareRun, onEnd: () => void): Updater {
    const target = this.running === 0 ? 1 : 0;
    let writtenBytes = 0;
    let state: "open" | "over" = "open";
    const check = () => {
      if (firmware.isOver) throw new Halted();
      if (state === "over") throw new Error("the update is over");
    };
    const end = () => {
      if (state === "over") return;
      state = "over";
      onEnd();
    };
    return {
      write: (data: Bytes) => {
        check();
        const bytes = asUint8Array(data);
        if (writtenBytes + bytes.length > SLOT_BYTES) {
          throw new RangeError(`the image is longer than the slot of ${SLOT_BYTES} bytes`);
        }
        for (let at = 0; at < bytes.length; ) {
          const room = SECTOR_BYTES - (writtenBytes % SECTOR_BYTES);
          const piece = bytes.subarray(at, at + room);
          this.#write(target, writtenBytes, piece, () => cut(firmware));
          writtenBytes += piece.length;
          at += piece.length;
        }
      },
      complete: () => {
        check();
        const error = imageError(this.image(target).slice(0, writtenBytes), sha256);
        if (error !== undefined) throw new Error(`no firmware image for this chip: ${error}`);
        const { index, entry } = selecting(this.#otadata, target);
        this.#writeEntry(index, entry, () => cut(firmware));
        end();
      },
      close: end,
    };
  }

  #choose(): SlotIndex {
    const { entries } = this.#otadata;
    for (let active = activeEntry(this.#otadata); active !== undefined; active = activeEntry(this.#otadata)) {
      const entry = entries[active] as OTAEntry;
      if (entry.state === "pending") {
        this.#writeEntry(active, { ...entry, state: "aborted" }, bootloaderCut);
      } else {
        if (entry.state === "new") this.#writeEntry(active, { ...entry, state: "pending" }, bootloaderCut);
        return this.#wholeOne(slotOf(entry));
      }
    }
    return this.#wholeOne(0);
  }

  #wholeOne(first: SlotIndex): SlotIndex {
    for (const slot of [first, first === 0 ? 1 : 0] as const) {
      if (imageError(this.image(slot), sha256) === undefined) return slot;
    }
    throw new Error("bricked: no slot has a complete firmware image");
  }

  /** Writes within one sector. A write to its first byte erases it. */
  #write(slot: SlotIndex, at: number, bytes: Uint8Array<ArrayBuffer>, onCut: () => never): void {
    const sectors = this.#sectors[slot];
    const index = Math.floor(at / SECTOR_BYTES);
    const offset = at % SECTOR_BYTES;
    let sector = sectors.get(index);
    if (!sector || offset === 0) {
      sector = new Uint8Array(SECTOR_BYTES).fill(ERASED);
      const before = sectors.get(index);
      sectors.set(index, sector);
      this.#operate(ERASE_MS, () => {
        if (before) sector?.set(before.subarray(SECTOR_BYTES / 2), SECTOR_BYTES / 2);
        return onCut();
      });
    }
    const cutHere = () => {
      sector?.set(bytes.subarray(0, bytes.length >> 1), offset);
      return onCut();
    };
    this.#operate(bytes.length * PROGRAM_MS_PER_BYTE, cutHere);
    sector.set(bytes, offset);
  }

  #writeEntry(index: SlotIndex, entry: OTAEntry, onCut: () => never): void {
    this.#otadata.entries[index] = undefined;
    this.#operate(ERASE_MS, onCut);
    this.#operate(PROGRAM_MS_PER_BYTE, onCut);
    this.#otadata.entries[index] = entry;
  }

  #operate(durationMs: number, onCut: () => never): void {
    this.operationCount++;
    this.busyMs += durationMs;
    this.#spend(durationMs);
    if (this.#operationsUntilCut === undefined || --this.#operationsUntilCut > 0) return;
    this.#operationsUntilCut = undefined;
    onCut();
  }
}

function cut(firmware: FirmwareRun): never {
  return firmware.halt({ type: "power-cut" });
}

function bootloaderCut(): never {
  throw new PowerCut();
}
