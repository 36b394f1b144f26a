import type { Board, IO } from "../board/index.js";
import { truncateUTF8 } from "../bytes/index.js";

const MAX_SSID_BYTES = 32;
const SUFFIX = " AP";

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

  constructor(options: { board: Board; productTitle: string; password: string | undefined }) {
    this.#board = options.board;
    this.#ssid = accessPointName(options.productTitle);
    this.#password = options.password;
  }

  open(): void {
    const { network } = this.#board.io;
    if (network.kind !== "wifi" || this.#accessPoint) return;
    this.#accessPoint = new network.AccessPoint({ ssid: this.#ssid, password: this.#password });
  }

  close(): void {
    this.#accessPoint?.close();
    this.#accessPoint = undefined;
  }
}
