import type { Storage } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import { type FirmwareRun, Halted } from "./firmware-run.js";

/** Maximum length of a name in NVS: 15 characters and a NUL. */
const MAX_NAME_CHARS = 15;
const MAX_VALUE_BYTES = 4000;
/** Approximate overhead of an entry, bytes. NVS uses 32-byte entries for the key and for every 32 bytes. */
const ENTRY_BYTES = 32;

/** Flash of the key-value storage. It outlasts runs of the firmware and power cuts. */
export class Flash {
  readonly #capacityBytes: number;
  readonly #values = new Map<string, Uint8Array<ArrayBuffer>>();
  #writesUntilCut: number | undefined;
  #cutComes: "before" | "after" = "before";
  /** Called at a power cut during a write, with its key. */
  onCut: ((key: string, comes: "before" | "after") => void) | undefined;
  /** Number of writes and deletions so far, so that a test can cut the power between any two. */
  writeCount = 0;

  /** @param capacityBytes limit of all values together; 19 pages of the 80 KiB partition hold 126 entries each */
  constructor(options: { capacityBytes?: number } = {}) {
    this.#capacityBytes = options.capacityBytes ?? 76_608;
  }

  /**
   * Cuts the power at the `count`th write from now, before or after it takes effect; `undefined` cancels the
   * cut.
   */
  cutPowerAtWrite(count: number | undefined, comes: "before" | "after"): void {
    this.#writesUntilCut = count;
    this.#cutComes = comes;
  }

  /** Opens the storage for one run of the firmware. */
  open(path: string, firmware: FirmwareRun): Storage {
    checkName("path", path);
    let isOpen = true;
    const name = (key: string) => {
      if (!isOpen) throw new Error("the storage is closed");
      if (firmware.isOver) throw new Halted();
      checkName("key", key);
      return `${path}/${key}`;
    };
    return {
      read: (key) => this.#values.get(name(key))?.slice().buffer,
      write: (key, value) => {
        const bytes = asUint8Array(value).slice();
        const where = name(key);
        if (bytes.length > MAX_VALUE_BYTES) throw new RangeError(`value too big: ${bytes.length} bytes`);
        if (!this.#fits(where, bytes.length)) throw new Error("the storage is full");
        this.#change(firmware, key, () => this.#values.set(where, bytes));
      },
      delete: (key) => {
        const where = name(key);
        if (this.#values.has(where)) this.#change(firmware, key, () => this.#values.delete(where));
      },
      keys: () => {
        const prefix = name("keys").slice(0, path.length + 1);
        return [...this.#values.keys()]
          .filter((key) => key.startsWith(prefix))
          .map((key) => key.slice(prefix.length));
      },
      close: () => {
        isOpen = false;
      },
    };
  }

  /** Reads a value from outside the firmware, as a programmer does. */
  get(path: string, key: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#values.get(`${path}/${key}`);
  }

  set(path: string, key: string, value: Uint8Array<ArrayBuffer>): void {
    this.#values.set(`${path}/${key}`, value.slice());
  }

  #fits(where: string, byteLength: number): boolean {
    let used = byteLength + ENTRY_BYTES;
    for (const [key, value] of this.#values) if (key !== where) used += value.length + ENTRY_BYTES;
    return used <= this.#capacityBytes;
  }

  /**
   * Performs a change. A power cut ends the run before the firmware is called again, so that no handler runs
   * after it.
   */
  #change(firmware: FirmwareRun, key: string, change: () => void): void {
    this.writeCount++;
    const isCut = this.#writesUntilCut !== undefined && --this.#writesUntilCut === 0;
    if (!isCut || this.#cutComes === "after") change();
    if (!isCut) return;
    this.#writesUntilCut = undefined;
    this.onCut?.(key, this.#cutComes);
    firmware.halt({ type: "power-cut" });
  }
}

function checkName(what: string, name: string): void {
  if (!/^[\x21-\x7e]{1,15}$/.test(name)) {
    throw new RangeError(`${what} "${name}" must have 1-${MAX_NAME_CHARS} ASCII characters`);
  }
}
