import KeyValue from "embedded:storage/key-value";
import type FFI from "mc/ffi";
import type { ResetReason } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Guard } from "../guard.js";

/** Beside the firmware's own records, so that its storage may be full or broken. */
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
 * One run of the firmware on the chip. What escapes a callback is logged with its place and restarts the chip; the
 * reason waits in the flash for the next run.
 */
export class ChipLife implements Guard {
  readonly resetReason: ResetReason;
  private _native: FFI;

  constructor(native: FFI) {
    this._native = native;
    this.resetReason = resetReason(native.esp_reset_reason(), takeEnd());
  }

  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this._end({ type: "crash", reason: describe(error) });
    }
  }

  soon(callback: () => void): void {
    // Given by the clock in the board's construction; see `later`.
    this.later(callback);
  }

  /** How `soon` is done: by the board's clock, which itself needs this guard. */
  later: (callback: () => void) => void = () => {};

  /** The chip gives everything back by restarting. */
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
   * The engine itself gives up: out of memory, say. It restarts the chip after this. A stack that overflows restarts
   * it without coming here (`fxAbort` in xs/platforms/esp/xsPlatform.c), and is counted all the same; see `resetReason`.
   */
  abort(message: string, exception: unknown): void {
    keepEnd({ type: "crash", reason: `${message} ${describe(exception)}` });
  }

  private _end(end: OwnEnd): never {
    trace(`${end.type === "crash" ? "crashed" : "restarts"}: ${end.reason}\n`);
    keepEnd(end);
    this._native.esp_restart();
    throw new Error("the chip restarts");
  }
}

function resetReason(resetReason: number, kept: OwnEnd | undefined): ResetReason {
  const fault = RESETS_BY_FAULT[resetReason];
  if (fault !== undefined) return { type: "crash", reason: `reset by ${fault}` };
  if (resetReason !== RESET_BY_SOFTWARE) return { type: "power" };
  return kept ?? { type: "crash", reason: "the engine ended without a word" };
}

/** Reads and removes what the run before has left. */
function takeEnd(): OwnEnd | undefined {
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

function keepEnd({ type, reason }: OwnEnd): void {
  try {
    const store = KeyValue.open({ path: PATH, format: "buffer" });
    store.write(KEY, encodeUTF8(`${type}\n${reason.slice(0, MAX_REASON_CHARS).replaceAll("\n", " ")}`));
    store.close();
  } catch {
    trace("the reason could not be kept\n");
  }
}

/** With its place, where the engine tells it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message} ${error.stack?.split("\n")[1]?.trim() ?? ""}`.trim();
}
