import type { Bytes, Updater } from "../../modules/board/index.js";
import { asUint8Array, concatBytes } from "../../modules/bytes/index.js";
import { Halted, type Life } from "./life.js";

/** Of manifests/partitions.csv. */
export const SLOT_BYTES = 0x1e0000;
/** `ESP_IMAGE_HEADER_MAGIC`: the first byte of every image for these chips. */
const IMAGE_MAGIC = 0xe9;

/** The two slots for firmware of a device's flash: they outlive the firmware and the power. */
export class Slots {
  /** The one that the bootloader starts next. */
  next: 0 | 1 = 0;
  /** The one that runs, or ran last. */
  running: 0 | 1 = 0;
  readonly #images: [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>] = [
    new Uint8Array(0),
    new Uint8Array(0),
  ];

  /** What stands in a slot, whole or not. */
  image(slot: 0 | 1): Uint8Array<ArrayBuffer> {
    return this.#images[slot];
  }

  /** The bootloader: starts the slot that it was told to. */
  start(): void {
    this.running = this.next;
  }

  /** How one run of the firmware writes an update. */
  opener(life: Life): () => Updater {
    let isOpen = false;
    return () => {
      if (life.isOver) throw new Halted();
      if (isOpen) throw new Error("an update is open already");
      isOpen = true;
      const target = this.running === 0 ? 1 : 0;
      this.#images[target] = new Uint8Array(0);
      let state: "open" | "over" = "open";
      const check = () => {
        if (life.isOver) throw new Halted();
        if (state === "over") throw new Error("the update is over");
      };
      const end = () => {
        state = "over";
        isOpen = false;
      };
      return {
        write: (data: Bytes) => {
          check();
          const image = concatBytes(this.#images[target], asUint8Array(data));
          if (image.length > SLOT_BYTES)
            throw new RangeError(`the image is longer than the slot of ${SLOT_BYTES} bytes`);
          this.#images[target] = image;
        },
        complete: () => {
          check();
          if (this.#images[target][0] !== IMAGE_MAGIC) throw new Error("that is no firmware for this chip");
          this.next = target;
          end();
        },
        close: end,
      };
    };
  }
}
