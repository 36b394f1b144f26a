import type { Clock } from "../../../modules/board/index.js";
import { Air } from "./air.js";
import { VirtualClock } from "./clock.js";
import { Network } from "./network.js";
import { Random } from "./random.js";
import { WiFiSurroundings } from "./wifi.js";

export interface WorldOptions {
  /** Seed of all random numbers. The same seed gives the same world. */
  readonly seed?: number;
  readonly latencyMs?: number;
  readonly segmentBytes?: number;
  /** Connection interval of the radio, ms. */
  readonly intervalMs?: number;
}

/** Everything around the stations, on one clock. */
export class World<C extends Clock = Clock> {
  readonly clock: C;
  readonly random: Random;
  readonly network: Network;
  readonly air: Air;
  readonly wifi = new WiFiSurroundings();

  constructor(clock: C, options: WorldOptions = {}) {
    this.clock = clock;
    this.random = new Random(options.seed ?? 1);
    this.network = new Network({ clock, latencyMs: options.latencyMs, segmentBytes: options.segmentBytes });
    this.air = new Air({ clock, intervalMs: options.intervalMs });
  }
}

/** Makes a world in virtual time. */
export function virtualWorld(options: WorldOptions = {}): World<VirtualClock> {
  return new World(new VirtualClock(), options);
}
