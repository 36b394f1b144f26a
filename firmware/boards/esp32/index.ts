import Resource from "Resource";
import FFI from "mc/ffi";
import type { Board, SerialPins } from "../../../modules/board/index.js";
import { encodeHex } from "../../../modules/bytes/index.js";
import { readClientCertificate, readTimeServer } from "../../../modules/settings/index.js";
import { readWiring, type Wiring } from "../../../modules/wiring/index.js";
import { STORAGE_PATH } from "../../records.js";
import { makeHTTPServer } from "../http-server/index.js";
import { ModdableClock } from "../moddable/clock.js";
import { ModdableCrypto } from "../moddable/crypto.js";
import { makeResolve } from "../moddable/resolve.js";
import { makeSockets } from "../moddable/sockets.js";
import { WallClock } from "../moddable/wall-clock.js";
import { withParts } from "../with-parts.js";
import { ChipContactor, ChipControlPilot, ChipGuard } from "./contactor.js";
import type { Hardware } from "./hardware.js";
import type { MakeVariantIO } from "./io.js";
import { ChipLife } from "./life.js";
import {
  acceptTimeServer,
  closeConnection,
  hold,
  release,
  remoteAddress,
  timeServer,
} from "./lwip/native.js";
import { hasRoom, memory } from "./memory.js";
import { ChipDigitalOut, makeDigitalIn, makePulseCount } from "./pins-io.js";
import { ChipRandom } from "./random.js";
import { makeSerial } from "./serial.js";
import { ChipStorage } from "./storage.js";
import { makeThermometer } from "./thermistor.js";
import { buildDate } from "./tls/native.js";
import { makeTLS } from "./tls.js";
import { firmwareSlot, makeOpenUpdate } from "./update.js";

export type { Hardware } from "./hardware.js";

/** Time server of last resort, after a provisioned one or that of the network. */
const TIME_SERVER = "pool.ntp.org";
const MAC_BYTES = 6;
/** `ESP_MAC_WIFI_STA` (esp_mac.h). */
const WIFI_STATION_MAC = 0;
/** `ESP_MAC_ETH` (esp_mac.h). */
const ETHERNET_MAC = 3;
const ESP_OK = 0;

/**
 * Runs the firmware on the chip: calls `main` with the board and its wiring. An uncaught exception, also in a callback,
 * restarts it.
 */
export function runOnESP32(
  builtIn: Hardware,
  makeVariantIO: MakeVariantIO,
  main: (board: Board, wiring: Wiring) => void,
): void {
  const native = new FFI();
  const life = new ChipLife(native);
  life.run(() => {
    const { chipId } = builtIn;
    const wiring = withStorage((storage) => readWiring(storage, builtIn, chipId));
    if (typeof wiring !== "string") {
      main(makeBoard({ ...wiring, chipId }, makeVariantIO, native, life), wiring);
      return;
    }
    const { controlPilot, contactorPin } = builtIn;
    const least = { chipId, controlPilot, contactorPin };
    main(withoutPins(makeBoard(least, makeVariantIO, native, life), wiring), builtIn);
  });
}

/** Reads from the firmware's storage. */
function withStorage<T>(read: (storage: ChipStorage) => T): T {
  const storage = new ChipStorage(STORAGE_PATH);
  try {
    return read(storage);
  } finally {
    storage.close();
  }
}

/** Returns the board without its pins, so that none can be driven. */
function withoutPins(board: Board, wiringProblem: string): Board {
  return {
    ...board,
    wiringProblem,
    get pins(): never {
      throw new Error(wiringProblem);
    },
  };
}

function makeBoard(hardware: Hardware, makeVariantIO: MakeVariantIO, native: FFI, guard: ChipLife): Board {
  const clock = new ModdableClock(guard, Date.parse(buildDate()));
  guard.later = (callback) => {
    clock.set(callback, 0);
  };
  const random = new ChipRandom(native, ModdableCrypto.prototype.sha256);
  const fill = (byteLength: number) => random.fill(byteLength);
  const provisioned = withStorage(readTimeServer);
  acceptTimeServer();
  const wallClock = new WallClock({
    clock,
    guard,
    servers: () => [provisioned ?? timeServer(), TIME_SERVER].filter((one) => one !== undefined),
  });
  const sockets = makeSockets({ clock, guard, lwip: { hold, release, closeConnection, remoteAddress } });
  const log = (line: string) => trace(line, "\n");
  const onAddress = () => wallClock.sync();
  const onAnalog = () => random.releaseSource();
  const contactorGuard = new ChipGuard({ hardware, clock, onAnalog });
  const variantIO = makeVariantIO({ hardware, clock, guard, contactorGuard, onAddress, onAnalog, log });
  return {
    implementation: "esp32",
    mac: macOf(native, variantIO.network.kind === "ethernet" ? ETHERNET_MAC : WIFI_STATION_MAC),
    resetReason: guard.resetReason,
    firmwareSlot: firmwareSlot(hardware.chipId),
    clock,
    crypto: new ModdableCrypto(fill),
    io: {
      ...sockets,
      TLS: makeTLS({
        TCP: sockets.TCP,
        clock,
        guard,
        clientCertificate: () => withStorage(readClientCertificate),
      }),
      HTTPServer: makeHTTPServer({ ...sockets, clock, guard, hasRoom }),
      Contactor: withParts(ChipContactor, contactorGuard),
      ControlPilot: withParts(ChipControlPilot, contactorGuard),
      DigitalIn: makeDigitalIn(guard),
      DigitalOut: ChipDigitalOut,
      PulseCount: makePulseCount(guard, clock),
      Serial: makeSerial(guard, clock),
      ...variantIO,
    },
    pins: {
      controlPilot: hardware.controlPilot.generatorPin,
      contactor: hardware.contactorPin,
      contactorFeedback: hardware.contactorFeedbackPin,
      phaseContactor: hardware.phaseContactorPin,
      lock: hardware.lockPin,
      lamp: hardware.lampPin,
      buzzer: hardware.buzzerPin,
      button: hardware.buttonPin,
      meter: hardware.meterPin,
      cardReader: hardware.cardReaderPin,
      cardReaderTransmit: hardware.cardReaderTransmitPin,
      modbusMeter: hardware.modbusMeter && serialPins(hardware.modbusMeter),
    },
    resolve: makeResolve(clock, guard),
    resource: (name) =>
      Resource.exists(name) ? new Uint8Array(new Resource(name) as unknown as ArrayBuffer) : undefined,
    openStorage: (path) => new ChipStorage(path),
    openUpdate: makeOpenUpdate(),
    confirmUpdate: () => {
      const result = native.esp_ota_mark_app_valid_cancel_rollback();
      if (result !== ESP_OK) throw new Error(`esp_ota_mark_app_valid_cancel_rollback returns ${result}`);
    },
    ...(hardware.thermistor && { temperatureC: makeThermometer(hardware.thermistor, onAnalog) }),
    memory,
    log,
    restart: (reason) => guard.restart(reason),
  };
}

function serialPins({
  receivePin,
  transmitPin,
  directionPin,
}: NonNullable<Wiring["modbusMeter"]>): SerialPins {
  return { receive: receivePin, transmit: transmitPin, direction: directionPin };
}

function macOf(native: FFI, type: number): string {
  const mac = new ArrayBuffer(MAC_BYTES);
  native.esp_read_mac(mac, type);
  return (encodeHex(mac).match(/../g) ?? []).join(":");
}
