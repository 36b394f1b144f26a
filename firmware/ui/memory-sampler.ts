import type { Board, MemoryUse } from "../../modules/board/index.js";

/** Sampling interval, ms. */
const SAMPLE_MS = 60_000;

/**
 * Samples the memory once a minute. A publication itself changes free memory, so an unsampled value would be published
 * continuously.
 */
export class MemorySampler {
  private readonly _board: Board;
  private _sampledAtMs = Number.NEGATIVE_INFINITY;
  private _latest: MemoryUse | undefined;

  constructor(board: Board) {
    this._board = board;
  }

  /** The latest sample; `undefined` if the board does not measure its memory. */
  get latest(): MemoryUse | undefined {
    const minuteMs = Math.floor(this._board.clock.monotonicMs() / SAMPLE_MS) * SAMPLE_MS;
    if (minuteMs !== this._sampledAtMs) {
      this._sampledAtMs = minuteMs;
      this._latest = this._board.memory?.();
    }
    return this._latest;
  }
}
