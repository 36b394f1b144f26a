/** Sessions with a Modbus meter: their last readings, faults of metering, and starts before the meter has answered. */

import type { Board, IO, SerialPins, Timer } from "../../modules/board/index.js";
import type { Charging } from "../../modules/charging/index.js";
import type { Fault, RecoveryReporter } from "../../modules/faults/index.js";
import {
  type MeterFaultCode,
  ModbusMeter,
  type ModbusMeterConfig,
  type ModbusMeterHost,
} from "../../modules/meter/index.js";
import type { Book, Sessions } from "../../modules/sessions/index.js";

export interface ModbusMeteringOptions {
  readonly board: Board;
  readonly charging: Pick<Charging, "status">;
  readonly reporter: RecoveryReporter;
  readonly line: SerialPins;
  readonly config: ModbusMeterConfig;
  readonly book: Book;
  /** Reading below which the station's never is, Wh. */
  readonly leastWh: number;
  readonly host: ModbusMeteringHost;
}

export interface ModbusMeteringHost {
  readonly sessions: Sessions;
  /** The meter has answered. */
  handleMeterChanged(): void;
  /** The latest session has its last reading, or there will be none, and can be reported. */
  handleSessionSettled(): void;
}

/** Time from the end of a session to its last reading, ms. A meter updates its registers about once a second. */
const LAST_READING_MS = 1000;

export class ModbusMetering implements IO, ModbusMeterHost {
  readonly meter: ModbusMeter;
  private readonly _options: ModbusMeteringOptions;
  /** Set from the end of a session to its last reading. */
  private _lastReading: Timer | undefined;
  /** The meter has not answered since the start, or since the end of a session. */
  private _isStale = true;
  /** The start reading of the session under way is that of the next answer. */
  private _isStartStale = false;

  constructor(options: ModbusMeteringOptions) {
    this._options = options;
    const { board, line, config, book, leastWh } = options;
    const { ownWh } = book;
    // The log has no reading of the meter itself: that of the book belongs to the reading of the book.
    const stationWh = ownWh === undefined ? leastWh : book.meterWh;
    this.meter = new ModbusMeter({ board, line, config, stationWh, leastWh, ownWh, host: this });
  }

  get isCharging(): boolean {
    return this._options.charging.status === "charging";
  }

  handleMeterChanged(): void {
    const { host } = this._options;
    this._isStale = false;
    if (this._isStartStale) host.sessions.moveStart();
    this._isStartStale = false;
    host.handleMeterChanged();
  }

  handleMeterFault(fault: Fault & { readonly code: MeterFaultCode }): void {
    const { host, reporter } = this._options;
    host.sessions.recordMeterFault(fault.code);
    reporter.reportFault(fault);
  }

  handleMeterRecovered(code: MeterFaultCode): void {
    this._options.reporter.reportRecovery({ code, message: "the meter works again" });
  }

  /** To be called before a session starts. */
  handleStarting(): void {
    this._settle(false);
  }

  /** To be called after a session has started. Reads the meter, and marks the session when the meter has a fault. */
  handleStarted(): void {
    const { fault } = this.meter;
    this._isStartStale = this._isStale || fault === "meter-silent";
    if (fault !== undefined) this._options.host.sessions.recordMeterFault(fault);
    this.meter.refresh(() => {});
  }

  /** To be called after a session has ended. */
  handleEnded(): void {
    const { clock } = this._options.board;
    clock.clear(this._lastReading);
    this._lastReading = clock.set(
      () => this.meter.refresh((isFresh) => this._settle(isFresh)),
      LAST_READING_MS,
    );
  }

  close(): void {
    this._options.board.clock.clear(this._lastReading);
    this.meter.close();
  }

  /** Takes the last reading of the session that waits for it, if there is one. */
  private _settle(isFresh: boolean): void {
    if (!this._lastReading) return;
    const { board, host } = this._options;
    board.clock.clear(this._lastReading);
    this._lastReading = undefined;
    if (!isFresh) this._isStale = true;
    host.sessions.settleEnd(isFresh);
    host.handleSessionSettled();
  }
}
