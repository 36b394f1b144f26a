import type { Board } from "../../modules/board/index.js";

/** Sampling interval, ms. */
const SAMPLE_MS = 60_000;

/**
 * Samples free memory once a minute. A publication itself changes free memory, so an unsampled value would be published
 * continuously.
 */
export class HeapSampler {
  private readonly _board: Board;
  private _sampledAtMs = Number.NEGATIVE_INFINITY;
  private _bytes = 0;

  constructor(board: Board) {
    this._board = board;
  }

  get bytes(): number {
    const minuteMs = Math.floor(this._board.clock.monotonicMs() / SAMPLE_MS) * SAMPLE_MS;
    if (minuteMs !== this._sampledAtMs) {
      this._sampledAtMs = minuteMs;
      this._bytes = this._board.heapBytes?.() ?? 0;
    }
    return this._bytes;
  }
}
