import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import type { Board, BoardIO, Clock, Crypto, MemoryUse, ResetReason } from "../../../modules/board/index.js";
import { decodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { ReaderKind } from "../../../modules/rfid/index.js";
import { CHIPS, type ChipName, readWiring, type Wiring } from "../../../modules/wiring/index.js";
import type { Host } from "../world/network.js";
import { VirtualPN532 } from "../world/pn532.js";
import { Vehicle } from "../world/vehicle.js";
import { Actuator, Button, cardFrame, Meter, SerialDevice } from "../world/wiring.js";
import type { World } from "../world/world.js";
import { virtualCrypto } from "./crypto.js";
import { FirmwareRun, type RunEnd } from "./firmware-run.js";
import { makeGATTServer } from "./gatt-server.js";
import type { KeptReason } from "./guard.js";
import { BUILT_IN, guardOptionsOf, makePins, NO_PINS, pinsOf } from "./pins.js";
import { SLOT_BYTES, Slots } from "./slots.js";
import { makeSockets, type SocketOptions } from "./sockets.js";
import { Flash } from "./storage.js";
import { Cable, makeAccessPoint, makeEthernet, makeWiFi } from "./wifi.js";

export interface DeviceOptions extends SocketOptions {
  /** Default: random, from the world's seed. */
  readonly mac?: string;
  readonly network?: "wifi" | "ethernet";
  /** Default: `esp32`. */
  readonly chip?: ChipName;
  /** Flash with stored records. Default: erased. */
  readonly flash?: Flash;
  /** Maximum number of Bluetooth LE connections. */
  readonly maxConnections?: number;
  /** Replaces parts of the board for one run of the firmware, for example by Node's sockets. */
  readonly replace?: (firmware: FirmwareRun) => BoardParts;
  /** Reads resources built with the firmware. Default: no resources, so no admin panel. */
  readonly resource?: Board["resource"];
  readonly onLog?: (line: string) => void;
  /** `false` builds in a bug: the contactor follows the firmware, without the guard. */
  readonly hasGuard?: boolean;
  /** Called when the firmware has ended. Call `boot()` again from a timer, as a bootloader would. */
  readonly onEnd?: (end: RunEnd) => void;
}

/** Parts of the board that can be replaced. */
export interface BoardParts {
  readonly clock?: Clock;
  readonly crypto?: Crypto;
  readonly io?: Partial<BoardIO>;
  readonly resolve?: Board["resolve"];
}

/** Baud rate of the RDM6300 reader. */
const CARD_READER_BAUD = 9600;
/** Baud rate of Eastron's meters as delivered. */
const MODBUS_BAUD = 9600;
/** Numbers of hex digits of the cards that each kind of reader can read. */
const CARD_DIGITS: Readonly<Record<ReaderKind, readonly number[]>> = {
  em4100: [10],
  lines: [],
  pn532: [8, 14, 20],
};
const MAX_LINE_CHARS = 64;
const ROOM_C = 25;
/** Memory after the start, like that of a chip. */
const MEMORY: MemoryUse = {
  heapFreeBytes: 65_536,
  heapLowestBytes: 61_440,
  heapBlockBytes: 40_960,
  engineBytes: 112_640,
  engineUsedBytes: 81_920,
  engineLowestBytes: 24_576,
  taskStackLowestBytes: 4_096,
};
const HEAP_LOOKS = 17;
const HEAP_STEP_BYTES = 128;
/** `CONFIG_ESP_TASK_WDT_TIMEOUT_S` of the project's sdkconfig, in ms. */
const TASK_WATCHDOG_MS = 30_000;
const MAX_LOG_LINES = 10_000;

/** The hardware of one station. It outlasts the runs of the firmware. */
export class Device {
  readonly mac: string;
  readonly flash: Flash;
  /** Charging cable, with the vehicle on it. */
  readonly vehicle = new Vehicle();
  /** Button that opens pairing mode. Longer presses have further functions. */
  readonly button = new Button();
  readonly meter = new Meter();
  readonly cardReader = new SerialDevice({ baud: CARD_READER_BAUD });
  /** RS485 line of a Modbus meter. */
  readonly modbus = new SerialDevice({ baud: MODBUS_BAUD });
  /** Second contactor: on while L2 and L3 are connected. */
  readonly phaseContactor = new Actuator();
  /** The card reader, on a board whose wiring has a PN532. */
  pn532: VirtualPN532 | undefined;
  /** Lock of the socket. */
  readonly lock = new Actuator();
  readonly lamp = new Actuator();
  readonly buzzer = new Actuator();
  /** Contact of the residual current device: on while it has tripped. */
  readonly residualCurrent = new Actuator();
  /** The temperature cut-off: on while it is too hot. */
  readonly temperatureCutOff = new Actuator();
  /** Shunt trip of the circuit breaker. */
  readonly shuntTrip = new Actuator();
  /** Temperature inside the station, °C; `undefined` if the sensor fails. */
  temperatureC: number | undefined = ROOM_C;
  readonly slots: Slots;
  /** Network cable of a device with Ethernet. */
  readonly cable = new Cable();
  readonly host: Host;
  /** The firmware has been validated in this run. */
  isConfirmed = false;
  /** Latest log lines of all runs. */
  readonly logLines: string[] = [];
  readonly #world: World;
  readonly #options: DeviceOptions;
  readonly #chipId: number;
  #firmware: FirmwareRun | undefined;
  #resetReason: ResetReason = { type: "power" };
  #heapLooks = 0;
  #readerKind: ReaderKind = "em4100";
  readonly #keptReason: KeptReason = { number: 0 };

  constructor(world: World, options: DeviceOptions = {}) {
    this.#world = world;
    const clock: Clock & { spend?(durationMs: number): void } = world.clock;
    this.slots = new Slots({ spend: (durationMs) => clock.spend?.(durationMs) });
    this.#options = options;
    this.#chipId = CHIPS[options.chip ?? "esp32"].id;
    this.flash = options.flash ?? new Flash();
    this.mac = options.mac ?? randomMAC(world);
    this.host = world.network.host();
  }

  /** Writes the storage record `device`, as provisioning does in production. */
  provision(record: Readonly<Record<string, unknown>>): void {
    this.flash.set("plugpass", "device", encodeUTF8(JSON.stringify({ v: 1, ...record })));
  }

  /** Starts the firmware: passes the board and its wiring to `main`. The previous run must have ended. */
  boot(main: (board: Board, wiring: Wiring) => void): void {
    if (this.#firmware && !this.#firmware.isOver)
      throw new Error("the firmware is already running; cut the power first");
    if (!this.slots.start()) {
      this.#end({ type: "power-cut" });
      return;
    }
    const firmware = new FirmwareRun({
      clock: this.#world.clock,
      onEnd: (end) => this.#end(end),
    });
    this.#firmware = firmware;
    this.isConfirmed = false;
    const wiring = this.#readWiring(firmware);
    if (typeof wiring !== "string") this.#connectReader(wiring);
    const board = this.#makeBoard(firmware, wiring);
    firmware.run(() => main(board, typeof wiring === "string" ? BUILT_IN : wiring));
  }

  #connectReader({ cardReaderKind }: Wiring): void {
    this.#readerKind = cardReaderKind ?? "em4100";
    if (cardReaderKind !== "pn532") return;
    this.pn532 ??= new VirtualPN532({ line: this.cardReader, clock: this.#world.clock });
  }

  /** Holds a card to the reader. Throws for a number that its cards cannot have. */
  swipe(number: string, durationMs?: number): void {
    const isLine = this.#readerKind === "lines";
    const digits = CARD_DIGITS[this.#readerKind];
    const uid = decodeHex(number);
    const suits = isLine ? number.length <= MAX_LINE_CHARS : uid && digits.includes(number.length);
    if (!suits) {
      const what = isLine ? `up to ${MAX_LINE_CHARS} characters` : `${digits.join(" or ")} hex digits`;
      throw new Error(`a card of this reader has ${what}`);
    }
    if (this.pn532) this.pn532.tap({ uid: [...(uid ?? [])] }, durationMs);
    else this.cardReader.send(isLine ? encodeUTF8(`${number}\r\n`) : cardFrame(number));
  }

  get isRunning(): boolean {
    return this.#firmware !== undefined && !this.#firmware.isOver;
  }

  /** Runs a function inside the firmware, as the board's callbacks do: an exception is a crash. */
  interrupt(callback: () => void): void {
    this.#firmware?.run(callback);
  }

  /** Simulates a long computation of the firmware: its calls wait for the end. The guard goes on. */
  busy(durationMs: number): void {
    this.#firmware?.busy(durationMs);
  }

  /**
   * Simulates an endless loop until the task watchdog restarts the chip. The firmware calls it; it never
   * returns.
   */
  hang(): never {
    const firmware = this.#firmware;
    if (!firmware) throw new Error("no firmware is running");
    this.#world.clock.set(
      () => firmware.end({ type: "crash", error: new Error("reset by the task watchdog") }),
      TASK_WATCHDOG_MS,
    );
    return firmware.hang();
  }

  #end(end: RunEnd): void {
    this.#resetReason = resetReasonOf(end);
    if (end.type === "power-cut") {
      this.#keptReason.number = 0;
      this.pn532?.reset();
    }
    this.#options.onEnd?.(end);
  }

  /** Cuts the power: everything ends at once. */
  cutPower(): void {
    this.#firmware?.end({ type: "power-cut" });
  }

  /** Reads the provisioned wiring; a message if it is invalid. */
  #readWiring(firmware: FirmwareRun): Wiring | string {
    const storage = this.flash.open("plugpass", firmware);
    const wiring = readWiring(storage, BUILT_IN, this.#chipId);
    storage.close();
    return wiring;
  }

  #makeBoard(firmware: FirmwareRun, wiring: Wiring | string): Board {
    const world = this.#world;
    const parts = this.#options.replace?.(firmware) ?? {};
    const sockets = makeSockets(this.host, firmware, this.#options);
    const around = { surroundings: world.wifi, host: this.host, firmware };
    const radio = { air: world.air, address: this.mac, maxConnections: this.#options.maxConnections };
    const network: BoardIO["network"] =
      this.#options.network === "ethernet"
        ? {
            kind: "ethernet",
            Ethernet: makeEthernet({ ...around, cable: this.cable }),
          }
        : { kind: "wifi", WiFi: makeWiFi(around), AccessPoint: makeAccessPoint(around) };
    return {
      implementation: "esp32",
      mac: this.mac,
      resetReason: this.#resetReason,
      firmwareSlot: { chipId: this.#chipId, byteLength: SLOT_BYTES },
      clock: parts.clock ?? firmware.clock(),
      crypto: parts.crypto ?? virtualCrypto(world.random),
      io: {
        ...sockets,
        HTTPServer: makeHTTPServer({ ...sockets, clock: firmware.clock(), guard: firmware }),
        GATTServer: makeGATTServer(radio, firmware),
        ...makePins(this, firmware, {
          clock: world.clock,
          vehicle: this.vehicle,
          wired: guardOptionsOf(typeof wiring === "string" ? BUILT_IN : wiring),
          residualCurrent: this.residualCurrent,
          temperatureCutOff: this.temperatureCutOff,
          shuntTrip: this.shuntTrip,
          kept: this.#keptReason,
          isOn: this.#options.hasGuard ?? true,
        }),
        network,
        ...parts.io,
      },
      ...(typeof wiring === "string" ? { pins: NO_PINS, wiringProblem: wiring } : { pins: pinsOf(wiring) }),
      resolve:
        parts.resolve ??
        ((host, done) => this.host.resolve(host, (address) => firmware.run(() => done(address)))),
      resource: this.#options.resource ?? (() => undefined),
      openStorage: (path) => this.flash.open(path, firmware),
      openUpdate: this.slots.opener(firmware),
      confirmUpdate: () => {
        this.slots.confirm(firmware);
        this.isConfirmed = true;
      },
      log: (line) => {
        this.logLines.push(line);
        if (this.logLines.length > MAX_LOG_LINES) this.logLines.shift();
        this.#options.onLog?.(line);
      },
      ...(typeof wiring !== "string" && wiring.thermistor && { temperatureC: () => this.temperatureC }),
      // Each call returns another number, as on a chip.
      memory: () => ({
        ...MEMORY,
        heapFreeBytes: MEMORY.heapFreeBytes - (this.#heapLooks++ % HEAP_LOOKS) * HEAP_STEP_BYTES,
      }),
      restart: (reason) => firmware.halt({ type: "restart", reason }),
    };
  }
}

function resetReasonOf(end: RunEnd): ResetReason {
  switch (end.type) {
    case "power-cut":
      return { type: "power" };
    case "restart":
      return end;
    case "crash":
      return { type: "crash", reason: end.error instanceof Error ? end.error.message : String(end.error) };
  }
}

function randomMAC(world: World): string {
  const bytes = [...world.random.bytes(3)].map((byte) => byte.toString(16).padStart(2, "0"));
  return ["a4", "cf", "12", ...bytes].join(":");
}
