import type { Board, MemoryUse } from "../../modules/board/index.js";

/** Sampling interval, ms. */
const SAMPLE_MS = 60_000;

/**
 * Samples the memory once a minute. A publication itself changes free memory, so an unsampled value would be published
 * continuously.
 */
export class MemorySampler {
  /** The latest sample; `undefined` if the board does not measure its memory. */
  latest: MemoryUse | undefined;

  constructor(board: Board) {
    if (!board.memory) return;
    this.latest = board.memory();
    board.clock.repeat(() => {
      this.latest = board.memory?.();
    }, SAMPLE_MS);
  }
}
