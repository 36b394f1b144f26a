import type { Clock } from "./clock.js";
import type { Crypto } from "./crypto.js";
import type { GATTServerConstructor } from "./gatt.js";
import type { HTTPServerConstructor } from "./http.js";
import type { PinSpecifier } from "./io.js";
import type { AccessPointConstructor, EthernetConstructor, WiFiConstructor } from "./network.js";
import type {
  ControlPilotConstructor,
  DigitalInConstructor,
  DigitalOutConstructor,
  PulseCountConstructor,
} from "./pins.js";
import type { SerialConstructor } from "./serial.js";
import type { ListenerConstructor, TCPConstructor, TLSConstructor } from "./sockets.js";
import type { Storage } from "./storage.js";
import type { FirmwareSlot, Updater } from "./update.js";

export interface BoardIO {
  readonly TCP: TCPConstructor;
  readonly TLS: TLSConstructor;
  readonly Listener: ListenerConstructor;
  readonly HTTPServer: HTTPServerConstructor;
  readonly GATTServer: GATTServerConstructor;
  readonly DigitalIn: DigitalInConstructor;
  readonly DigitalOut: DigitalOutConstructor;
  readonly PulseCount: PulseCountConstructor;
  readonly Serial: SerialConstructor;
  readonly ControlPilot: ControlPilotConstructor;
  /** A board has Wi-Fi (with its access point) or Ethernet. */
  readonly network:
    | { readonly kind: "wifi"; readonly WiFi: WiFiConstructor; readonly AccessPoint: AccessPointConstructor }
    | { readonly kind: "ethernet"; readonly Ethernet: EthernetConstructor };
}

export interface Pins {
  readonly controlPilot: PinSpecifier;
  readonly contactor: PinSpecifier;
  /** What a station may have beside. An input: the contactor's auxiliary contact, 1 while the contactor is closed. */
  readonly contactorFeedback?: PinSpecifier;
  /** An output: 1 locks the plug. */
  readonly lock?: PinSpecifier;
  /** Outputs for people. */
  readonly lamp?: PinSpecifier;
  readonly buzzer?: PinSpecifier;
  readonly button?: PinSpecifier;
  readonly meter?: PinSpecifier;
  readonly cardReader?: PinSpecifier;
}

/** How the run of the firmware before this one ended. */
export type ResetReason =
  /** Without power, or by the reset button. */
  | { readonly type: "power" }
  /** The firmware asked for it. */
  | { readonly type: "restart"; readonly reason: string }
  /** An exception that escaped, a watchdog, memory that ran out. */
  | { readonly type: "crash"; readonly reason: string };

/** Everything that a station has of the world. There is one implementation for each place it runs in. */
export interface Board {
  /** What `$implementation` says: `esp32`. */
  readonly implementation: string;
  /** The station's MAC address: six pairs of lower-case hex digits with colons. */
  readonly mac: string;
  readonly resetReason: ResetReason;
  /** What an image has to be for, and to fit. */
  readonly firmwareSlot: FirmwareSlot;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly io: BoardIO;
  readonly pins: Pins;
  /** Looks up an IPv4 address; calls back later, once. An IPv4 address gives itself. */
  resolve(host: string, done: (address: string | undefined) => void): void;
  /** Bytes that came with the firmware, not to be written to; `undefined`: there are none of that name. */
  resource(name: string): Uint8Array<ArrayBuffer> | undefined;
  openStorage(path: string): Storage;
  /** Throws while another update is open. */
  openUpdate(): Updater;
  /**
   * This firmware works: the bootloader keeps it. One that came by an update and never says so is rolled back at the
   * next restart. Said again it changes nothing. Throws when the bootloader could not be told; where no update has
   * ever come there may be nobody to tell.
   */
  confirmUpdate(): void;
  /** Inside the station, in °C; `undefined`: the sensor is broken. No such function: nobody measures it. */
  temperatureC?(): number | undefined;
  /** Free memory, in bytes; a board may not know. */
  heapBytes?(): number;
  /** One line for the developer. Never a secret, never a whole tag. */
  log(line: string): void;
  /** Does not return. The reason is the next run's `resetReason`. */
  restart(reason: string): void;
}
