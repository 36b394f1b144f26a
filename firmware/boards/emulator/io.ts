import SDKSerial from "embedded:io/serial";
import Time from "time";
import type {
  ControlPilot,
  ControlPilotOptions,
  GATTServer,
  GATTServerOptions,
  IO,
  PilotLevels,
  PinSpecifier,
} from "../../../modules/board/index.js";
import { makeEthernet } from "../esp32/ethernet/index.js";
import type { VariantIO, VariantParts } from "../esp32/io.js";
import { memory } from "../esp32/memory.js";
import { ChipDigitalOut } from "../esp32/pins-io.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import { BENCH_COMMANDS, Bench } from "./bench.js";
import { resetUARTs } from "./native.js";

/** `ETHERNET_VALUES` (ethernet-driver.h). The emulator's interface has no wiring. */
const ETHERNET_VALUES = 7;
/** The console, UART0. */
const CONSOLE = { port: 0, receive: 20, baud: 115_200 };

/** Returns the IO classes of the emulated chip: Ethernet, no radio, and a pilot and a contactor of the bench. */
export function makeEmulatorIO(parts: VariantParts): VariantIO {
  const { hardware, guard, clock, onAddress, log } = parts;
  const bench = new Bench({
    log,
    memory,
    clock,
    setEpoch: (epochMs) => Time.set(epochMs / 1000),
  });
  resetUARTs();
  openConsole(bench, guard);
  log(`bench: ready; use ${BENCH_COMMANDS}`);
  return {
    network: {
      kind: "ethernet",
      Ethernet: makeEthernet({ clock, guard, wiring: new Uint8Array(ETHERNET_VALUES), onAddress, log }),
    },
    GATTServer: withParts(NoGATTServer, guard),
    ControlPilot: withParts(BenchControlPilot, { bench, guard }),
    DigitalOut: withParts(BenchDigitalOut, { bench, contactorPin: hardware.contactorPin }),
  };
}

function openConsole(bench: Bench, guard: Guard): void {
  const serial = new SDKSerial({
    ...CONSOLE,
    format: "buffer",
    onReadable: () => guard.run(() => bench.receive(serial.read() ?? new ArrayBuffer(0))),
  });
}

interface PilotParts {
  readonly bench: Bench;
  readonly guard: Guard;
}

class BenchControlPilot implements ControlPilot {
  private readonly _bench: Bench;

  constructor({ onReadable }: ControlPilotOptions, { bench, guard }: PilotParts) {
    this._bench = bench;
    bench.onPilotChanged = () => guard.run(() => onReadable?.());
  }

  read(): PilotLevels {
    return this._bench.levels;
  }

  write(dutyPermille: number): void {
    this._bench.setDuty(dutyPermille);
  }

  close(): void {
    this._bench.onPilotChanged = () => {};
    this._bench.setDuty(1000);
  }
}

interface OutputParts {
  readonly bench: Bench;
  readonly contactorPin: number;
}

/** An output of the chip. The contactor's is shown on the bench. */
class BenchDigitalOut extends ChipDigitalOut {
  private readonly _bench: Bench | undefined;
  private _value = 0;

  constructor(options: { pin: PinSpecifier }, { bench, contactorPin }: OutputParts) {
    super(options);
    if (Number(options.pin) === contactorPin) this._bench = bench;
  }

  override write(value: 0 | 1): void {
    super.write(value);
    if (value !== this._value) this._bench?.setContactor(value === 1);
    this._value = value;
  }
}

/** The GATT server of a board without radio: ready, and never connected. */
class NoGATTServer implements IO, GATTServer {
  constructor({ onReady }: GATTServerOptions, guard: Guard) {
    guard.soon(() => onReady?.());
  }

  startAdvertising(): void {}

  stopAdvertising(): void {}

  close(): void {}
}
