import type { Board, SerialPins, Timer } from "../board/index.js";
import type { Fault } from "../faults/index.js";
import { ModbusClient, type ReadOutcome } from "../modbus/index.js";
import type { EnergyMeter } from "./energy-meter.js";
import { nextReading, type Reading } from "./reading.js";
import {
  type Block,
  blocksOf,
  decodeValue,
  METER_TYPES,
  type MeterRegister,
  type MeterType,
  type MeterValue,
} from "./registers.js";

/** A Modbus meter as a wiring describes it. */
export interface ModbusMeterConfig {
  readonly baud: number;
  /** Address on the line, 1-247. */
  readonly address: number;
  readonly type: MeterType;
  /** Registers of a meter of the type `registers`. */
  readonly registers?: readonly MeterRegister[];
}

export interface ModbusMeterOptions {
  readonly board: Pick<Board, "clock" | "io">;
  readonly line: SerialPins;
  readonly config: ModbusMeterConfig;
  /** Stored readings of station and meter, Wh. */
  readonly stationWh: number;
  readonly ownWh: number | undefined;
  /** Reading of the station below which it never is, Wh. */
  readonly leastWh: number;
  readonly host: ModbusMeterHost;
}

/** Code of a fault of metering. Charging goes on. */
export type MeterFaultCode = "meter-silent" | "meter-backwards";

export interface ModbusMeterHost {
  /** Energy may flow: the meter is read often. */
  readonly isCharging: boolean;
  /** The meter has answered. */
  handleMeterChanged(): void;
  /** A fault of metering has begun. It is reported once until it is over. */
  handleMeterFault(fault: Fault & { readonly code: MeterFaultCode }): void;
  handleMeterRecovered(code: MeterFaultCode): void;
}

/** Interval of readings while energy may flow, ms. An overcurrent of 10 s is measured several times. */
const CHARGING_PERIOD_MS = 2000;
const IDLE_PERIOD_MS = 10_000;
/** Time without an answer after which the meter is silent, ms. */
const SILENT_MS = 30_000;
/** Time without a doubted reading after which a meter no longer runs backwards, ms. */
const FORWARDS_MS = 60_000;

/** Meter on a Modbus RTU line. It is read from the construction on. */
export class ModbusMeter implements EnergyMeter {
  readonly isThere = true;
  private readonly _options: ModbusMeterOptions;
  private readonly _client: ModbusClient;
  private readonly _blocks: readonly Block[];
  private _values: Partial<Record<MeterValue, number>> = {};
  private _reading: Reading;
  private _timer: Timer | undefined;
  private _isReading = false;
  /** Callback of `refresh` that waits for the next reading. */
  private _onRefreshed: ((isFresh: boolean) => void) | undefined;
  private _answeredMs: number;
  private _backwardsMs = 0;
  private _isSilent = false;
  private _isBackwards = false;

  constructor(options: ModbusMeterOptions) {
    this._options = options;
    const { board, line, config, stationWh, ownWh } = options;
    const { baud, address, type, registers = [] } = config;
    this._blocks = blocksOf(type === "registers" ? registers : METER_TYPES[type], address);
    this._client = new ModbusClient({ board, line, baud });
    this._reading = { stationWh, meterWh: ownWh, atMs: undefined, isDoubted: false };
    this._answeredMs = board.clock.monotonicMs();
    this._read();
  }

  get energyWh(): number {
    return Math.max(this._reading.stationWh, this._options.leastWh);
  }

  /** Reading of the meter itself, Wh; `undefined` before the first answer of a new meter. */
  get ownWh(): number | undefined {
    return this._reading.meterWh;
  }

  get powerW(): number {
    return this._isSilent ? 0 : Math.round(this._values.power ?? 0);
  }

  /** Fault of metering; `undefined` without one. */
  get fault(): MeterFaultCode | undefined {
    if (this._isSilent) return "meter-silent";
    return this._isBackwards ? "meter-backwards" : undefined;
  }

  /** Latest current of a phase (1-3), A; `undefined` if the meter does not measure it or is silent. */
  currentA(phase: number): number | undefined {
    return this._isSilent ? undefined : this._values[`current-l${phase}` as MeterValue];
  }

  /** Latest voltage of a phase (1-3), V; `undefined` if the meter does not measure it or is silent. */
  voltageV(phase: number): number | undefined {
    return this._isSilent ? undefined : this._values[`voltage-l${phase}` as MeterValue];
  }

  /** Whether the meter measures a value. */
  measures(value: MeterValue): boolean {
    return this._blocks.some(({ registers }) => registers.some((one) => one.value === value));
  }

  /**
   * Reads the meter at once. `done` is called once, with `false` when the meter did not answer. A second call before that
   * replaces the first callback.
   */
  refresh(done: (isFresh: boolean) => void): void {
    this._onRefreshed = done;
    if (!this._isReading) this._read();
  }

  close(): void {
    this._options.board.clock.clear(this._timer);
    this._onRefreshed = undefined;
    this._client.close();
  }

  /** Reads all blocks, one after the other. Values of an incomplete reading are not used. */
  private _read(): void {
    this._options.board.clock.clear(this._timer);
    this._isReading = true;
    const onRefreshed = this._onRefreshed;
    this._onRefreshed = undefined;
    this._readBlock(0, {}, (values) => {
      this._isReading = false;
      if (values) this._handleValues(values);
      else this._handleNoAnswer();
      onRefreshed?.(values !== undefined);
      // A refresh that was requested meanwhile needs a reading of its own.
      if (this._onRefreshed) this._read();
      else if (!this._isReading) this._readLater();
    });
  }

  private _readLater(): void {
    const { board, host } = this._options;
    const periodMs = host.isCharging ? CHARGING_PERIOD_MS : IDLE_PERIOD_MS;
    this._timer = board.clock.set(() => this._read(), periodMs);
  }

  private _readBlock(
    index: number,
    values: Partial<Record<MeterValue, number>>,
    done: (values: Partial<Record<MeterValue, number>> | undefined) => void,
  ): void {
    const block = this._blocks[index];
    if (!block) {
      done(values);
      return;
    }
    this._client.read(block.request, (outcome) => {
      if (addValues(block, outcome, values)) this._readBlock(index + 1, values, done);
      else done(undefined);
    });
  }

  private _handleValues(values: Partial<Record<MeterValue, number>>): void {
    const { board, host } = this._options;
    const nowMs = board.clock.monotonicMs();
    const before = this._reading.meterWh;
    const meterWh = Math.round(values.energy ?? 0);
    const { reading, isNewBase } = nextReading(this._reading, meterWh, nowMs);
    this._values = values;
    this._reading = reading;
    this._answeredMs = nowMs;
    if (this._isSilent) {
      this._isSilent = false;
      host.handleMeterRecovered("meter-silent");
    }
    if (reading.isDoubted || isNewBase) this._backwardsMs = nowMs;
    if (isNewBase && !this._isBackwards) {
      this._isBackwards = true;
      const message = `the meter's reading went from ${before} to ${meterWh} Wh; the difference is not counted`;
      host.handleMeterFault({ code: "meter-backwards", message });
    } else if (this._isBackwards && nowMs - this._backwardsMs >= FORWARDS_MS) {
      this._isBackwards = false;
      host.handleMeterRecovered("meter-backwards");
    }
    host.handleMeterChanged();
  }

  private _handleNoAnswer(): void {
    const { board, config, host } = this._options;
    if (this._isSilent || board.clock.monotonicMs() - this._answeredMs < SILENT_MS) return;
    this._isSilent = true;
    const message = `the meter ${config.address} does not answer`;
    host.handleMeterFault({ code: "meter-silent", message });
  }
}

/** Adds the values of a response. Returns `false` for a failed request, and when a value is not a number. */
function addValues(block: Block, outcome: ReadOutcome, values: Partial<Record<MeterValue, number>>): boolean {
  if (!outcome.ok) return false;
  for (const one of block.registers) {
    const value = decodeValue(block, outcome.bytes, one);
    if (value === undefined) return false;
    values[one.value] = value;
  }
  return true;
}
