import KeyValue from "embedded:storage/key-value";
import type FFI from "mc/ffi";
import type { ResetReason } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Guard } from "../guard.js";

/** Storage domain of the reset reason. It is separate from the firmware's records, which may be full or broken. */
const PATH = "plugpass-life";
const KEY = "end";
const MAX_REASON_CHARS = 200;

/** `esp_reset_reason_t` (esp_system.h of ESP-IDF 6.0). */
const RESET_BY_SOFTWARE = 3;
const RESETS_BY_FAULT: Readonly<Record<number, string>> = {
  4: "the chip's exception handler",
  5: "the interrupt watchdog",
  6: "the task watchdog",
  7: "a watchdog",
  15: "the CPU lock-up detector",
};

type OwnEnd = Exclude<ResetReason, { type: "power" }>;

/**
 * One run of the firmware on the chip. An uncaught exception of a callback is logged with its source location and
 * restarts the chip. The reason is stored in flash for the next run.
 */
export class ChipLife implements Guard {
  readonly resetReason: ResetReason;
  private readonly _native: FFI;

  constructor(native: FFI) {
    this._native = native;
    this.resetReason = resetReason(native.esp_reset_reason(), takeStoredEnd());
  }

  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this._end({ type: "crash", reason: describe(error) });
    }
  }

  soon(callback: () => void): void {
    this.later(callback);
  }

  /** Implementation of `soon`. The board sets it after construction: its clock itself needs this guard. */
  later: (callback: () => void) => void = () => {};

  /** Registers nothing for the end of the run: a restart of the chip releases everything. */
  hold(release: () => void): () => void {
    let isHeld = true;
    return () => {
      if (isHeld) release();
      isHeld = false;
    };
  }

  restart(reason: string): never {
    return this._end({ type: "restart", reason });
  }

  /**
   * Stores the reason for which the engine aborts, such as memory exhaustion. The engine then restarts the chip. After
   * a stack overflow it restarts without this call (`fxAbort` in xs/platforms/esp/xsPlatform.c); `resetReason` counts
   * that as a crash, too.
   */
  abort(message: string, exception: unknown): void {
    storeEnd({ type: "crash", reason: `${message} ${describe(exception)}` });
  }

  private _end(end: OwnEnd): never {
    trace(`${end.type === "crash" ? "crashed" : "restarts"}: ${end.reason}\n`);
    storeEnd(end);
    this._native.esp_restart();
    throw new Error("the chip restarts");
  }
}

function resetReason(resetReason: number, stored: OwnEnd | undefined): ResetReason {
  const fault = RESETS_BY_FAULT[resetReason];
  if (fault !== undefined) return { type: "crash", reason: `reset by ${fault}` };
  if (resetReason !== RESET_BY_SOFTWARE) return { type: "power" };
  return stored ?? { type: "crash", reason: "the engine restarted the chip without a reason" };
}

/** Reads and deletes the reason that the previous run has stored. */
function takeStoredEnd(): OwnEnd | undefined {
  try {
    const store = KeyValue.open({ path: PATH, format: "buffer" });
    const bytes = store.read(KEY);
    if (bytes) store.delete(KEY);
    store.close();
    const [type, reason = ""] = (bytes && decodeUTF8(bytes))?.split("\n", 2) ?? [];
    return type === "crash" || type === "restart" ? { type, reason } : undefined;
  } catch {
    return undefined;
  }
}

function storeEnd({ type, reason }: OwnEnd): void {
  try {
    const store = KeyValue.open({ path: PATH, format: "buffer" });
    store.write(KEY, encodeUTF8(`${type}\n${reason.slice(0, MAX_REASON_CHARS).replaceAll("\n", " ")}`));
    store.close();
  } catch {
    trace("the reset reason could not be stored\n");
  }
}

/** Returns name and message of an error, with its source location if the engine has it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message} ${error.stack?.split("\n")[1]?.trim() ?? ""}`.trim();
}
