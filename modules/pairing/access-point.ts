import type { Board, IO } from "../board/index.js";
import { truncateUTF8 } from "../bytes/index.js";

const MAX_SSID_BYTES = 32;
const SUFFIX = " AP";
/** Of those that an access point may use everywhere but in the Americas (IEEE 802.11 annex E). */
const LAST_CHANNEL = 13;

/** The name of the station's own network: `<product title> AP`, cut to what an SSID takes. */
export function accessPointName(productTitle: string): string {
  return truncateUTF8(productTitle, MAX_SSID_BYTES - SUFFIX.length) + SUFFIX;
}

/** The station's own network, up and down. A board without Wi-Fi has none and is paired over its wire. */
export class OwnNetwork implements IO {
  #board: Board;
  #ssid: string;
  #password: string | undefined;
  #accessPoint: IO | undefined;
  #channel = 1;

  constructor(options: { board: Board; productTitle: string; password: string | undefined }) {
    this.#board = options.board;
    this.#ssid = accessPointName(options.productTitle);
    this.#password = options.password;
  }

  get isOpen(): boolean {
    return this.#accessPoint !== undefined;
  }

  open(): void {
    const { network } = this.#board.io;
    if (network.kind !== "wifi" || this.#accessPoint) return;
    this.#accessPoint = new network.AccessPoint({
      ssid: this.#ssid,
      password: this.#password,
      channel: this.#channel,
    });
  }

  /**
   * The radio has one channel: a network that is joined elsewhere takes the access point with it, and its phones not.
   * One that is there before keeps those that come again.
   */
  moveTo(channel: number): void {
    if (channel === this.#channel || channel < 1 || channel > LAST_CHANNEL) return;
    this.#channel = channel;
    if (!this.#accessPoint) return;
    this.close();
    this.open();
  }

  close(): void {
    this.#accessPoint?.close();
    this.#accessPoint = undefined;
  }
}
