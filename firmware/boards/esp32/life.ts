import type FFI from "mc/ffi";
import type { ResetReason } from "../../../modules/board/index.js";
import type { Guard } from "../guard.js";
import * as engine from "./engine/native.js";

/** `esp_reset_reason_t` (esp_system.h of ESP-IDF 6.0). */
const RESET_BY_SOFTWARE = 3;
const RESETS_BY_FAULT: Readonly<Record<number, string>> = {
  4: "the chip's exception handler",
  5: "the interrupt watchdog",
  6: "the task watchdog",
  7: "a watchdog",
  15: "the CPU lock-up detector",
};

/** `enum kept_type` (engine/kept-end.h). */
const KEPT_RESTART = 1;
const KEPT_CRASH = 2;

/**
 * One run of the firmware on the chip. An uncaught exception of a callback is logged with its source location and
 * restarts the chip. The reason is kept for the next run in memory that a restart does not clear, where the engine also
 * keeps why it aborts (engine/abort.c).
 */
export class ChipLife implements Guard {
  readonly resetReason: ResetReason;
  private readonly _native: FFI;

  constructor(native: FFI) {
    this._native = native;
    this.resetReason = resetReason(native.esp_reset_reason(), engine.takeEnd());
  }

  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this._end(KEPT_CRASH, describe(error));
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
    return this._end(KEPT_RESTART, reason);
  }

  private _end(type: number, reason: string): never {
    engine.keepEnd(type, reason);
    trace(`${type === KEPT_CRASH ? "crashed" : "restarts"}: ${reason}\n`);
    this._native.esp_restart();
    throw new Error("the chip restarts");
  }
}

function resetReason(resetReason: number, kept: number): ResetReason {
  const fault = RESETS_BY_FAULT[resetReason];
  if (fault !== undefined) return { type: "crash", reason: `reset by ${fault}` };
  if (resetReason !== RESET_BY_SOFTWARE) return { type: "power" };
  if (kept === 0) return { type: "crash", reason: "the chip restarted without a reason" };
  return { type: kept === KEPT_RESTART ? "restart" : "crash", reason: engine.endReason() };
}

/** Returns name and message of an error, with its source location if the engine has it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message} ${error.stack?.split("\n")[1]?.trim() ?? ""}`.trim();
}
