import SDKSerial from "embedded:io/serial";
import Time from "time";
import type { ControlPilotOptions, GATTServer, GATTServerOptions, IO } from "../../../modules/board/index.js";
import { ChipControlPilot, type ChipGuard } from "../esp32/contactor.js";
import { makeEthernet } from "../esp32/ethernet/index.js";
import type { VariantIO, VariantParts } from "../esp32/io.js";
import { memory } from "../esp32/memory.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import { BENCH_COMMANDS, Bench } from "./bench.js";
import { halt, isContactorClosed, openedAfter, resetUARTs, setPilot } from "./native.js";

/** `ETHERNET_VALUES` (ethernet-driver.h). The emulator's interface has no wiring. */
const ETHERNET_VALUES = 7;
/** The console, UART0. */
const CONSOLE = { port: 0, receive: 20, baud: 115_200 };

/** Returns the IO classes of the emulated chip: Ethernet, no radio, and a vehicle of the bench. */
export function makeEmulatorIO(parts: VariantParts): VariantIO {
  const { guard, contactorGuard, clock, onAddress, log } = parts;
  const bench = new Bench({
    log,
    memory,
    clock,
    setEpoch: (epochMs) => Time.set(epochMs / 1000),
    setPilot,
    halt,
    openedAfterMs: openedAfter,
    isContactorClosed: () => isContactorClosed() === 1,
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
    ControlPilot: withParts(BenchControlPilot, { bench, contactorGuard }),
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
  readonly contactorGuard: ChipGuard;
}

/** The control pilot of the chip. Its duty is shown on the bench. */
class BenchControlPilot extends ChipControlPilot {
  private readonly _bench: Bench;

  constructor(options: ControlPilotOptions, { bench, contactorGuard }: PilotParts) {
    super(options, contactorGuard);
    this._bench = bench;
  }

  override write(dutyPermille: number): void {
    super.write(dutyPermille);
    this._bench.setDuty(dutyPermille);
  }

  override close(): void {
    super.close();
    this._bench.setDuty(1000);
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
