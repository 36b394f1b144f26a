import type { Board } from "../../modules/board/index.js";

const SAMPLE_MS = 60_000;

/** Free memory, sampled once a minute: each published value changes it, so that it would be published without end. */
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
