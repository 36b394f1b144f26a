import type { Board, IO } from "../board/index.js";
import { truncateUTF8 } from "../bytes/index.js";

const MAX_SSID_BYTES = 32;
const SUFFIX = " AP";
/** Maximum length of a product title, bytes of UTF-8: the access point's name must fit into an SSID. */
export const MAX_TITLE_BYTES = MAX_SSID_BYTES - SUFFIX.length;
/** Product title of the default configuration. */
export const DEFAULT_TITLE = "PlugPass";
/** Highest 2.4 GHz channel that an access point may use outside the Americas (IEEE 802.11 annex E). */
const LAST_CHANNEL = 13;

/** Returns the SSID of the access point: `<product title> AP`, truncated to the length of an SSID. */
export function accessPointName(productTitle: string): string {
  return truncateUTF8(productTitle, MAX_TITLE_BYTES) + SUFFIX;
}

/** The station's access point. A board without Wi-Fi has none and is paired over Ethernet. */
export class AccessPoint implements IO {
  private readonly _board: Board;
  private readonly _ssid: string;
  private readonly _password: string | undefined;
  private _accessPoint: IO | undefined;
  private _channel = 1;

  constructor(options: { board: Board; productTitle: string; password: string | undefined }) {
    this._board = options.board;
    this._ssid = accessPointName(options.productTitle);
    this._password = options.password;
  }

  /** Whether the access point is up. */
  get isOpen(): boolean {
    return this._accessPoint !== undefined;
  }

  /** Opens the access point. No effect when it is up or the board has no Wi-Fi. */
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
   * Moves the access point to a channel. The radio has one channel: joining a network on another one moves the access
   * point and drops its phones. Moving before the join lets the phones reconnect.
   */
  moveTo(channel: number): void {
    if (channel === this._channel || channel < 1 || channel > LAST_CHANNEL) return;
    this._channel = channel;
    if (!this._accessPoint) return;
    this.close();
    this.open();
  }

  /** Closes the access point. */
  close(): void {
    this._accessPoint?.close();
    this._accessPoint = undefined;
  }
}
