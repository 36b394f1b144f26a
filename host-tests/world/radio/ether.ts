import type { Clock } from "../../../modules/board/index.js";
import type { Controller } from "./controller.js";
import type { Packet } from "./hci.js";

/** What quick phones use. */
const CONNECTION_INTERVAL_MS = 30;
const SUPERVISION_TIMEOUT_MS = 420;

export interface EtherOptions {
  readonly clock: Clock;
  /** The connection interval: what a packet takes, one way. */
  readonly intervalMs?: number;
  /** Without a packet for this long, both ends take a connection for lost. */
  readonly supervisionTimeoutMs?: number;
}

/** What joins controllers: they hear each other's advertising and carry each other's packets. */
export class Ether {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly supervisionTimeoutMs: number;
  #controllers = new Set<Controller>();

  constructor({ clock, intervalMs, supervisionTimeoutMs }: EtherOptions) {
    this.clock = clock;
    this.intervalMs = intervalMs ?? CONNECTION_INTERVAL_MS;
    this.supervisionTimeoutMs = supervisionTimeoutMs ?? SUPERVISION_TIMEOUT_MS;
  }

  add(controller: Controller): void {
    this.#controllers.add(controller);
  }

  remove(controller: Controller): void {
    this.#controllers.delete(controller);
  }

  /** One advertising event: all that scan hear it. */
  advertise(from: Controller, data: Packet, scanResponse: Packet): void {
    for (const controller of this.#controllers) {
      if (controller !== from)
        controller.hear({ address: from.address, rssi: from.rssi, data, scanResponse });
    }
  }

  /** Somebody waits for this advertiser to connect to it. */
  initiatorFor(advertiser: Controller): Controller | undefined {
    for (const controller of this.#controllers) {
      if (controller.initiatesTo === advertiser.address) return controller;
    }
    return undefined;
  }
}
