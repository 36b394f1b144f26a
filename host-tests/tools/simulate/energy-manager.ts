/**
 * An energy manager that limits the current, and dies at times without a word: after the lease, the station offers at
 * most its fallback current.
 */

import type { Scene } from "../../virtual/scene.js";
import { Random } from "../../virtual/world/random.js";
import type { EventLog } from "./event-log.js";
import { INSTALLED_A, ON_ITS_WAY_MS } from "./expected-state.js";
import { exponential } from "./faults.js";

export interface EnergyManagerOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  /** Seed of the week. The manager has random numbers of its own, so that it does not change the rest of the week. */
  readonly seed: number;
  /** The manager lives only while this is true. */
  readonly isOpen: () => boolean;
}

/** Share of the weeks with a manager. */
const SHARE = 0.5;
const MEAN_DEATH_MS = 30 * 60_000;
const MEAN_LIFE_MS = 10 * 60_000;
const PERIOD_MS = 60_000;
/** Lease that the manager sets: another time than those of the firmware's other timers, s. */
export const LEASE_S = 173;
/** Lease of a station that has not received another one, s. */
const DEFAULT_LEASE_S = 300;
/** Fallback current that the first limit sets, A. */
const FALLBACK_A = 6;

export class EnergyManager {
  readonly #options: EnergyManagerOptions;
  readonly #random: Random;
  /** Limits that may be in force, and when they were sent, ms. */
  #sent: { readonly limitA: number; readonly atMs: number }[] = [];
  /** The station has published the fallback current of a managed station. */
  #isManaged = false;
  #isAlive = false;

  constructor(options: EnergyManagerOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ^ 0xe4e26);
  }

  /** Highest current that the station may offer now, A. */
  get mostA(): number {
    if (!this.#isManaged) return INSTALLED_A;
    const oldestMs = this.#options.scene.clock.monotonicMs() - DEFAULT_LEASE_S * 1000 - ON_ITS_WAY_MS;
    while (this.#sent[0] && this.#sent[0].atMs < oldestMs) this.#sent.shift();
    return this.#sent.reduce((mostA, { limitA }) => Math.max(mostA, limitA), FALLBACK_A);
  }

  /** Handles a published property, by its path under the station's root. */
  handlePublished(path: string, value: string): void {
    if (path === "$options/fallback-current") this.#isManaged = value === String(FALLBACK_A);
  }

  start(): void {
    if (!this.#random.bool(SHARE)) return;
    const { clock } = this.#options.scene;
    clock.repeat(() => {
      if (this.#isAlive && this.#options.isOpen()) this.#limit();
    }, PERIOD_MS);
    this.#change();
  }

  /** Lives and dies in turn. */
  #change(): void {
    const meanMs = this.#isAlive ? MEAN_LIFE_MS : MEAN_DEATH_MS;
    this.#options.scene.clock.set(
      () => {
        this.#isAlive = !this.#isAlive;
        const { eventLog } = this.#options;
        eventLog.record(`the energy manager ${this.#isAlive ? "starts" : "dies"}`);
        if (!this.#isAlive) eventLog.count("dead energy manager");
        this.#change();
      },
      exponential(this.#random, meanMs),
    );
  }

  #limit(): void {
    const { scene } = this.#options;
    const limitA = FALLBACK_A + this.#random.int(INSTALLED_A + 1 - FALLBACK_A);
    this.#sent.push({ limitA, atMs: scene.clock.monotonicMs() });
    scene.set("charger/limit-lease", String(LEASE_S));
    scene.set("charger/limit-now", String(limitA));
  }
}
