import { PulseDebouncer } from "../../../firmware/boards/pulse-debouncer.js";
import { withParts } from "../../../firmware/boards/with-parts.js";
import type {
  BoardIO,
  Bytes,
  Contactor,
  ContactorOptions,
  ControlPilot,
  ControlPilotOptions,
  DigitalIn,
  DigitalOut,
  PilotLevels,
  PinSpecifier,
  Pins,
  PulseCount,
  Serial,
  SerialOptions,
} from "../../../modules/board/index.js";
import { asUint8Array, concatBytes } from "../../../modules/bytes/index.js";
import type { Wiring } from "../../../modules/wiring/index.js";
import type { Vehicle } from "../world/vehicle.js";
import type { Actuator, Button, Meter, SerialDevice } from "../world/wiring.js";
import type { FirmwareRun } from "./firmware-run.js";
import { VirtualGuard, type VirtualGuardOptions } from "./guard.js";
import type { GuardOptions } from "./guard-core.js";

/** Names of the pins to which the virtual devices are wired. */
export const PINS = {
  controlPilot: "control-pilot",
  contactor: "contactor",
  contactorFeedback: "contactor-answer",
  phaseContactor: "phase-contactor",
  lock: "lock",
  lockFeedback: "lock-feedback",
  residualCurrent: "residual-current",
  residualCurrentTest: "residual-current-test",
  temperatureCutOff: "temperature-cut-off",
  protectiveEarth: "protective-earth",
  phases: ["phase-1", "phase-2", "phase-3"],
  lamp: "lamp",
  buzzer: "buzzer",
  button: "button",
  meter: "meter",
  cardReader: "card-reader",
  cardReaderTransmit: "card-reader-transmit",
  modbusReceive: "modbus-receive",
  modbusTransmit: "modbus-transmit",
  modbusDirection: "modbus-direction",
} as const;

/** Wiring of a virtual board for which none is provisioned: a socket in a ventilated room, with an S0 meter. */
export const BUILT_IN: Wiring = {
  controlPilot: { generatorPin: 25, adcPin: 34, zeroMv: 1250, divider: 11.3 },
  contactorPin: 26,
  contactorFeedbackPin: 27,
  lockPin: 32,
  lampPin: 18,
  buzzerPin: 19,
  thermistor: { adcPin: 35, ohms: 10_000, beta: 3950, pullUpOhms: 22_000 },
  buttonPin: 0,
  meterPin: 33,
  cardReaderPin: 16,
  cardReaderTransmitPin: 17,
  residualCurrentPin: 14,
  temperatureCutOffPin: 13,
  shuntTripPin: 23,
  proximity: { adcPin: 36, pullUpOhms: 1000, supplyMv: 3300 },
  ventilation: true,
};

/** Wiring of a virtual board with each input, in a room without ventilation. */
export const FULL_WIRING: Wiring = {
  ...BUILT_IN,
  residualCurrentTestPin: 4,
  protectiveEarthPin: 39,
  phase1Pin: 17,
  phase2Pin: 21,
  phase3Pin: 22,
  lockFeedbackPin: 15,
  ventilation: false,
};

/** Provisioned wiring of a virtual board with a PN532. */
export const PN532_WIRING = { chip: "esp32", ...BUILT_IN, cardReaderKind: "pn532" } as const;

/** Returns what is wired to the guard. */
export function guardOptionsOf(wiring: Wiring): GuardOptions {
  return {
    hasFeedback: wiring.contactorFeedbackPin !== undefined,
    hasResidualCurrent: wiring.residualCurrentPin !== undefined,
    hasCutOff: wiring.temperatureCutOffPin !== undefined,
    hasShuntTrip: wiring.shuntTripPin !== undefined,
    allowsVentilation: wiring.ventilation === true,
  };
}

/** Returns the virtual pins that a wiring has. */
export function pinsOf(wiring: Wiring): Pins {
  const has = (pin: number | undefined, name: string) => (pin === undefined ? undefined : name);
  const wired = [wiring.phase1Pin, wiring.phase2Pin, wiring.phase3Pin];
  const phases = PINS.phases.filter((_, i) => wired[i] !== undefined);
  return {
    controlPilot: PINS.controlPilot,
    contactor: PINS.contactor,
    contactorFeedback: has(wiring.contactorFeedbackPin, PINS.contactorFeedback),
    residualCurrent: has(wiring.residualCurrentPin, PINS.residualCurrent),
    residualCurrentTest: has(wiring.residualCurrentTestPin, PINS.residualCurrentTest),
    temperatureCutOff: has(wiring.temperatureCutOffPin, PINS.temperatureCutOff),
    protectiveEarth: has(wiring.protectiveEarthPin, PINS.protectiveEarth),
    ...(phases.length > 0 && { phases }),
    phaseContactor: has(wiring.phaseContactorPin, PINS.phaseContactor),
    lock: has(wiring.lockPin, PINS.lock),
    lockFeedback: has(wiring.lockFeedbackPin, PINS.lockFeedback),
    lamp: has(wiring.lampPin, PINS.lamp),
    buzzer: has(wiring.buzzerPin, PINS.buzzer),
    button: has(wiring.buttonPin, PINS.button),
    meter: has(wiring.meterPin, PINS.meter),
    cardReader: has(wiring.cardReaderPin, PINS.cardReader),
    cardReaderTransmit: has(wiring.cardReaderTransmitPin, PINS.cardReaderTransmit),
    modbusMeter: wiring.modbusMeter && {
      receive: PINS.modbusReceive,
      transmit: PINS.modbusTransmit,
      direction: has(wiring.modbusMeter.directionPin, PINS.modbusDirection),
    },
  };
}

/** Pins of a board with an unknown wiring. None of them can be used. */
export const NO_PINS: Pins = { controlPilot: "unknown wiring", contactor: "unknown wiring" };

/** Devices wired to the pins. */
export interface PinDevices {
  readonly vehicle: Vehicle;
  readonly button: Button;
  readonly meter: Meter;
  readonly cardReader: SerialDevice;
  /** RS485 line. */
  readonly modbus: SerialDevice;
  readonly phaseContactor: Actuator;
  readonly lock: Actuator;
  readonly lockContact: Actuator;
  readonly residualCurrentTest: Actuator;
  readonly earthLoss: Actuator;
  readonly phaseLosses: readonly Actuator[];
  readonly lamp: Actuator;
  readonly buzzer: Actuator;
}

/** Size of the UART's buffer (UART_HW_FIFO_LEN). */
const SERIAL_BUFFER_BYTES = 128;

type PinConstructors = Pick<
  BoardIO,
  "Contactor" | "ControlPilot" | "DigitalIn" | "DigitalOut" | "PulseCount" | "Serial"
>;

interface InputOptions {
  readonly pin: PinSpecifier;
  onReadable?(): void;
}

interface Input {
  readonly isActive: () => boolean;
  readonly source: Button | Vehicle | Actuator;
}

/** Common state of the pins of one run of the firmware. */
interface Parts {
  readonly wiring: PinDevices;
  readonly firmware: FirmwareRun;
  readonly outputs: ReadonlyMap<PinSpecifier, (isOn: boolean) => void>;
  readonly inputs: ReadonlyMap<PinSpecifier, Input>;
  /** The guard, which starts with the first of its pins. */
  readonly guard: () => VirtualGuard;
  /** Takes a pin, which must be one of `able`. Returns a function that releases it. */
  readonly claim: (pin: PinSpecifier, ...able: PinSpecifier[]) => () => void;
}

/** Makes the pins for one run of the firmware. At its end the contactor opens, as a relay does. */
export function makePins(
  wiring: PinDevices,
  firmware: FirmwareRun,
  guardOptions: VirtualGuardOptions,
): PinConstructors {
  const { vehicle, button } = wiring;
  let guard: VirtualGuard | undefined;
  const used = new Set<PinSpecifier>();
  const parts: Parts = {
    wiring,
    firmware,
    outputs: new Map<PinSpecifier, (isOn: boolean) => void>([
      [PINS.phaseContactor, (isOn) => wiring.phaseContactor.switch(isOn)],
      [PINS.lock, (isOn) => wiring.lock.switch(isOn)],
      [PINS.lamp, (isOn) => wiring.lamp.switch(isOn)],
      [PINS.buzzer, (isOn) => wiring.buzzer.switch(isOn)],
      [PINS.residualCurrentTest, (isOn) => wiring.residualCurrentTest.switch(isOn)],
    ]),
    inputs: new Map<PinSpecifier, Input>([
      [PINS.button, { isActive: () => button.isPressed, source: button }],
      [PINS.contactorFeedback, { isActive: () => vehicle.isContactorClosed, source: vehicle }],
      [PINS.lockFeedback, { isActive: () => wiring.lockContact.isOn, source: wiring.lockContact }],
      [PINS.protectiveEarth, { isActive: () => !wiring.earthLoss.isOn, source: wiring.earthLoss }],
      ...wiring.phaseLosses.map((loss, i): [PinSpecifier, Input] => [
        `phase-${i + 1}`,
        { isActive: () => !loss.isOn, source: loss },
      ]),
    ]),
    guard: () => {
      if (!guard) {
        guard = new VirtualGuard(guardOptions);
        firmware.hold(() => guard?.close());
      }
      return guard;
    },
    claim(pin, ...able) {
      if (!able.includes(pin)) throw new Error(`pin ${pin} cannot do that; ${able.join(", ")} can`);
      if (used.has(pin)) throw new Error(`pin ${pin} is in use`);
      used.add(pin);
      return () => used.delete(pin);
    },
  };
  return {
    Contactor: withParts(VirtualContactor, parts),
    ControlPilot: withParts(VirtualControlPilot, parts),
    DigitalIn: withParts(VirtualDigitalIn, parts),
    DigitalOut: withParts(VirtualDigitalOut, parts),
    PulseCount: withParts(VirtualPulseCount, parts),
    Serial: withParts(VirtualSerial, parts),
  };
}

class VirtualDigitalOut implements DigitalOut {
  readonly #release: () => void;
  readonly #switch: (isOn: boolean) => void;
  #isClosed = false;

  constructor({ pin }: { pin: PinSpecifier }, { outputs, firmware, claim }: Parts) {
    const release = claim(pin, ...outputs.keys());
    this.#switch = outputs.get(pin) as (isOn: boolean) => void;
    this.#switch(false);
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      release();
      this.#switch(false);
    });
  }

  write(value: 0 | 1): void {
    if (this.#isClosed) throw new Error("the pin is closed");
    this.#switch(value === 1);
  }

  close(): void {
    this.#release();
  }
}

class VirtualContactor implements Contactor {
  readonly #guard: VirtualGuard;
  readonly #release: () => void;
  #isClosed = false;

  constructor({ pin, onOpened }: ContactorOptions, { guard, firmware, claim }: Parts) {
    const release = claim(pin, PINS.contactor);
    const own = guard();
    this.#guard = own;
    const report = () =>
      firmware.soon(() => {
        const reason = this.#isClosed ? undefined : own.takeReason();
        if (reason !== undefined) onOpened?.(reason);
      });
    own.onOpened = report;
    report();
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      own.onOpened = undefined;
      own.request(false);
      release();
    });
  }

  write(value: 0 | 1): void {
    this.#check();
    this.#guard.request(value === 1);
  }

  renew(): void {
    this.#check();
    this.#guard.renew();
  }

  acknowledge(): void {
    this.#check();
    this.#guard.acknowledge();
  }

  test(value: 0 | 1): void {
    this.#check();
    this.#guard.test(value === 1);
  }

  get hasResidualCurrent(): boolean {
    return this.#guard.hasResidualCurrent;
  }

  close(): void {
    this.#release();
  }

  #check(): void {
    if (this.#isClosed) throw new Error("the pin is closed");
  }
}

class VirtualControlPilot implements ControlPilot {
  readonly #guard: VirtualGuard;
  readonly #release: () => void;
  #isClosed = false;

  constructor({ pin, onReadable }: ControlPilotOptions, { guard, firmware, claim }: Parts) {
    const release = claim(pin, PINS.controlPilot);
    const own = guard();
    this.#guard = own;
    own.offer(1000);
    own.onMeasured = () =>
      firmware.soon(() => {
        if (!this.#isClosed) onReadable?.();
      });
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      own.onMeasured = undefined;
      own.offer(1000);
      release();
    });
  }

  read(): PilotLevels {
    if (this.#isClosed) throw new Error("the pin is closed");
    return this.#guard.levels;
  }

  write(dutyPermille: number): void {
    if (this.#isClosed) throw new Error("the pin is closed");
    if (!(dutyPermille >= 0 && dutyPermille <= 1000)) throw new RangeError(`invalid duty ${dutyPermille}`);
    this.#guard.offer(dutyPermille);
  }

  close(): void {
    this.#release();
  }
}

class VirtualDigitalIn implements DigitalIn {
  readonly #release: () => void;
  readonly #isActive: () => boolean;
  #isClosed = false;

  constructor({ pin, onReadable }: InputOptions, { inputs, firmware, claim }: Parts) {
    const release = claim(pin, ...inputs.keys());
    const input = inputs.get(pin);
    this.#isActive = input?.isActive ?? (() => false);
    let last = this.#isActive();
    const unwatch = input?.source.watch(() => {
      if (this.#isActive() === last) return;
      last = this.#isActive();
      firmware.soon(() => {
        if (!this.#isClosed) onReadable?.();
      });
    });
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      unwatch?.();
      release();
    });
  }

  read(): 0 | 1 {
    if (this.#isClosed) throw new Error("the pin is closed");
    return this.#isActive() ? 1 : 0;
  }

  close(): void {
    this.#release();
  }
}

class VirtualPulseCount implements PulseCount {
  readonly #release: () => void;
  #isClosed = false;
  #count = 0;

  constructor({ pin, onReadable }: InputOptions, { wiring, firmware, claim }: Parts) {
    const { meter } = wiring;
    const release = claim(pin, PINS.meter);
    const add = (count: number) => {
      this.#count += count;
      firmware.soon(() => {
        if (!this.#isClosed) onReadable?.();
      });
    };
    const debouncer = new PulseDebouncer({
      clock: firmware.clock(),
      read: () => (meter.contact.isOn ? 1 : 0),
      onPulse: () => add(1),
    });
    const unwatchPulses = meter.watch(add);
    const unwatchContact = meter.contact.watch(() => debouncer.handleEdge());
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      unwatchPulses();
      unwatchContact();
      debouncer.close();
      release();
    });
  }

  read(): number {
    if (this.#isClosed) throw new Error("the pin is closed");
    return this.#count;
  }

  close(): void {
    this.#release();
  }
}

class VirtualSerial implements Serial {
  readonly #release: () => void;
  readonly #transmit: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
  #isClosed = false;
  #waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(options: SerialOptions, { wiring, firmware, claim }: Parts) {
    const { pin, transmitPin, directionPin, baud, onReadable } = options;
    const line = pin === PINS.modbusReceive ? wiring.modbus : wiring.cardReader;
    const release = claim(pin, PINS.cardReader, PINS.modbusReceive);
    const releases = [
      transmitPin === undefined
        ? undefined
        : claim(transmitPin, line === wiring.modbus ? PINS.modbusTransmit : PINS.cardReaderTransmit),
      directionPin === undefined ? undefined : claim(directionPin, PINS.modbusDirection),
    ];
    if (transmitPin !== undefined) {
      this.#transmit = (bytes) => line.receive(baud === line.baud ? bytes : garbled(bytes));
    }
    const unwatch = line.watch((bytes) => {
      const received = baud === line.baud ? bytes : garbled(bytes);
      this.#waiting = concatBytes(this.#waiting, received).slice(0, SERIAL_BUFFER_BYTES);
      firmware.soon(() => {
        if (!this.#isClosed && this.#waiting.length > 0) onReadable?.(this.#waiting.length);
      });
    });
    this.#release = firmware.hold(() => {
      this.#isClosed = true;
      unwatch();
      release();
      for (const releasePin of releases) releasePin?.();
    });
  }

  read(): ArrayBuffer | undefined {
    if (this.#isClosed) throw new Error("the pin is closed");
    if (this.#waiting.length === 0) return undefined;
    const bytes = this.#waiting;
    this.#waiting = new Uint8Array(0);
    return bytes.buffer;
  }

  write(bytes: Bytes): void {
    if (this.#isClosed) throw new Error("the pin is closed");
    if (!this.#transmit) throw new Error("the serial line is receive-only");
    if (bytes.byteLength > SERIAL_BUFFER_BYTES) throw new Error("output full");
    this.#transmit(asUint8Array(bytes).slice());
  }

  close(): void {
    this.#release();
  }
}

/** Returns the bytes that a receiver gets at another baud rate. */
function garbled(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.map((byte) => byte ^ 0xff);
}
