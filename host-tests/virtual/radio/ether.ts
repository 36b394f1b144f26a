import type { Clock } from "../../../modules/board/index.js";
import type { Packet } from "./hci.js";

/** Connection interval of fast phones, ms. */
const CONNECTION_INTERVAL_MS = 30;
const SUPERVISION_TIMEOUT_MS = 420;

export interface EtherOptions {
  readonly clock: Clock;
  /** Connection interval: the time of a packet in one direction, ms. */
  readonly intervalMs?: number;
  /** Time without a packet after which both ends consider a connection lost, ms. */
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
  receiveReport(report: Report): void;
}

/** The air between controllers: transmits advertising and connection packets. */
export class Ether {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly supervisionTimeoutMs: number;
  readonly #radios = new Set<Radio>();

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

  /** Sends one advertising event to all scanning controllers. */
  advertise(from: Radio, data: Packet, scanResponse: Packet): void {
    const { address, rssi } = from;
    for (const radio of this.#radios)
      if (radio !== from) radio.receiveReport({ address, rssi, data, scanResponse });
  }

  /** Returns the radio that is trying to connect to this advertiser. */
  initiatorFor(advertiser: Radio): Radio | undefined {
    for (const radio of this.#radios) if (radio.initiatesTo === advertiser.address) return radio;
    return undefined;
  }
}
