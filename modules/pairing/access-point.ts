import type { Board, IO } from "../board/index.js";
import { truncateUTF8 } from "../bytes/index.js";

const MAX_SSID_BYTES = 32;
const SUFFIX = " AP";
/** Maximum length of a product title, bytes of UTF-8: the access point's name has to fit in an SSID. */
export const MAX_TITLE_BYTES = MAX_SSID_BYTES - SUFFIX.length;
/** Product title of a firmware whose configuration is not changed. */
export const DEFAULT_TITLE = "PlugPass";
/** Of those that an access point may use everywhere but in the Americas (IEEE 802.11 annex E). */
const LAST_CHANNEL = 13;

/** The name of the station's own network: `<product title> AP`, cut to what an SSID takes. */
export function accessPointName(productTitle: string): string {
  return truncateUTF8(productTitle, MAX_TITLE_BYTES) + SUFFIX;
}

/** The station's own network, up and down. A board without Wi-Fi has none and is paired over its wire. */
export class AccessPoint implements IO {
  private _board: Board;
  private _ssid: string;
  private _password: string | undefined;
  private _accessPoint: IO | undefined;
  private _channel = 1;

  constructor(options: { board: Board; productTitle: string; password: string | undefined }) {
    this._board = options.board;
    this._ssid = accessPointName(options.productTitle);
    this._password = options.password;
  }

  get isOpen(): boolean {
    return this._accessPoint !== undefined;
  }

  open(): void {
    const { network } = this._board.io;
    if (network.kind !== "wifi" || this._accessPoint) return;
    this._accessPoint = new network.AccessPoint({
      ssid: this._ssid,
      password: this._password,
      channel: this._channel,
    });
  }

  /**
   * The radio has one channel: a network that is joined elsewhere takes the access point with it, and its phones not.
   * One that is there before keeps those that come again.
   */
  moveTo(channel: number): void {
    if (channel === this._channel || channel < 1 || channel > LAST_CHANNEL) return;
    this._channel = channel;
    if (!this._accessPoint) return;
    this.close();
    this.open();
  }

  close(): void {
    this._accessPoint?.close();
    this._accessPoint = undefined;
  }
}
