import type { Clock } from "./clock.js";
import type { ContactorConstructor } from "./contactor.js";
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

/** Constructors of the board's IO classes. */
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
  readonly Contactor: ContactorConstructor;
  /** The network interface: Wi-Fi (with an access point) or Ethernet. */
  readonly network:
    | { readonly kind: "wifi"; readonly WiFi: WiFiConstructor; readonly AccessPoint: AccessPointConstructor }
    | { readonly kind: "ethernet"; readonly Ethernet: EthernetConstructor };
}

/** Pins of a serial line in both directions. */
export interface SerialPins {
  readonly receive: PinSpecifier;
  readonly transmit: PinSpecifier;
  /** Output: 1 while the station transmits. Absent for a transceiver that finds the direction by itself. */
  readonly direction?: PinSpecifier;
}

/** Pins of a station. The optional ones depend on its equipment. */
export interface Pins {
  readonly controlPilot: PinSpecifier;
  /** Output of the guard: the contactor. */
  readonly contactor: PinSpecifier;
  /** Input: the contactor's auxiliary contact, 1 while the contactor is closed. */
  readonly contactorFeedback?: PinSpecifier;
  /** Output: the second contactor, 1 adds L2 and L3. */
  readonly phaseContactor?: PinSpecifier;
  /** Output: 1 locks the plug. */
  readonly lock?: PinSpecifier;
  /** Output: the status lamp. */
  readonly lamp?: PinSpecifier;
  /** Output: the buzzer. */
  readonly buzzer?: PinSpecifier;
  /** Input: the button. */
  readonly button?: PinSpecifier;
  /** Input: the S0 output of the meter. */
  readonly meter?: PinSpecifier;
  /** Input: the serial output of the card reader. */
  readonly cardReader?: PinSpecifier;
  /** Output: the serial input of a card reader that receives commands. */
  readonly cardReaderTransmit?: PinSpecifier;
  /** RS485 line of a Modbus meter. */
  readonly modbusMeter?: SerialPins;
}

/** Reason of the last reset: how the previous run of the firmware ended. */
export type ResetReason =
  /** Power was lost or sank too low (brownout), or the reset button was pressed. */
  | { readonly type: "power" }
  /** The firmware called `restart`. */
  | { readonly type: "restart"; readonly reason: string }
  /** An uncaught exception, a watchdog, or exhausted memory. */
  | { readonly type: "crash"; readonly reason: string };

/** Memory of a board, bytes. "Lowest" is the lowest value since the start. */
export interface MemoryUse {
  /** Free heap of the chip. */
  readonly heapFreeBytes: number;
  readonly heapLowestBytes: number;
  /** Largest free block of the heap. */
  readonly heapBlockBytes: number;
  /** Memory that the engine is given, with its stack. */
  readonly engineBytes: number;
  /** Part of it in use, garbage included. */
  readonly engineUsedBytes: number;
  /** Part of it that the engine has never used; a lower bound of its lowest free memory. */
  readonly engineLowestBytes: number;
  /** Part of the native stack of the engine's task that was never used. */
  readonly taskStackLowestBytes: number;
}

/** Everything that a station needs of its platform. Each platform has one implementation. */
export interface Board {
  /** Value of the Homie attribute `$implementation`, such as `esp32`. */
  readonly implementation: string;
  /** The station's MAC address: six pairs of lower-case hex digits with colons. */
  readonly mac: string;
  readonly resetReason: ResetReason;
  /** Chip and slot size that a firmware image has to match. */
  readonly firmwareSlot: FirmwareSlot;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly io: BoardIO;
  /** Unusable on a board with a `wiringProblem`. */
  readonly pins: Pins;
  /** Why the wiring of this board is unknown. The firmware must use no pin then. Absent on a board that is wired. */
  readonly wiringProblem?: string;
  /** Resolves a host name to an IPv4 address. Calls back once, asynchronously. An IPv4 address resolves to itself. */
  resolve(host: string, done: (address: string | undefined) => void): void;
  /** Returns read-only bytes that are part of the firmware; `undefined` for an unknown name. */
  resource(name: string): Uint8Array<ArrayBuffer> | undefined;
  /** Opens the storage of a path; see `Storage`. */
  openStorage(path: string): Storage;
  /** Opens an update. Throws while another update is open. */
  openUpdate(): Updater;
  /**
   * Validates the running firmware, so that the bootloader keeps it. The next restart rolls back an update that was
   * not validated. Further calls have no effect. Throws when the bootloader does not accept the call; a board that was
   * never updated may lack the boot data for it.
   */
  confirmUpdate(): void;
  /** Returns the temperature inside the station, °C; `undefined` when the sensor is broken. Absent without a sensor. */
  temperatureC?(): number | undefined;
  /** Measures the memory. Absent when the board does not measure it. */
  memory?(): MemoryUse;
  /** Writes one line for the developer. It must contain neither a secret nor a whole tag. */
  log(line: string): void;
  /** Restarts the station and does not return. The next run has the reason in its `resetReason`. */
  restart(reason: string): void;
}
