import type { Clock } from "../../../modules/board/index.js";
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

/** An advertising report, as a scanner receives it. */
export interface Report {
  readonly address: string;
  readonly rssi: number;
  readonly data: Packet;
  readonly scanResponse: Packet;
}

/** The part of a controller that the ether uses. */
export interface Radio {
  readonly address: string;
  readonly rssi: number;
  /** Address of the advertiser that this radio is trying to connect to. */
  readonly initiatesTo: string | undefined;
  hear(report: Report): void;
}

/** What joins controllers: they hear each other's advertising and carry each other's packets. */
export class Ether {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly supervisionTimeoutMs: number;
  #radios = new Set<Radio>();

  constructor({ clock, intervalMs, supervisionTimeoutMs }: EtherOptions) {
    this.clock = clock;
    this.intervalMs = intervalMs ?? CONNECTION_INTERVAL_MS;
    this.supervisionTimeoutMs = supervisionTimeoutMs ?? SUPERVISION_TIMEOUT_MS;
  }

  add(radio: Radio): void {
    this.#radios.add(radio);
  }

  remove(radio: Radio): void {
    this.#radios.delete(radio);
  }

  /** One advertising event: all that scan hear it. */
  advertise(from: Radio, data: Packet, scanResponse: Packet): void {
    const { address, rssi } = from;
    for (const radio of this.#radios) if (radio !== from) radio.hear({ address, rssi, data, scanResponse });
  }

  /** Returns the radio that is trying to connect to this advertiser. */
  initiatorFor(advertiser: Radio): Radio | undefined {
    for (const radio of this.#radios) if (radio.initiatesTo === advertiser.address) return radio;
    return undefined;
  }
}
