/** Energy meters with Modbus RTU, by Eastron's documents. They answer on the serial line of a station. */

import type { Clock } from "../../../modules/board/index.js";
import type { SerialDevice } from "./wiring.js";

/** `sdm72`: three phases, power and energy only. */
export const MODBUS_METER_TYPES = ["sdm72", "sdm72v2", "sdm120", "sdm630"] as const;
export type ModbusMeterType = (typeof MODBUS_METER_TYPES)[number];

/** Fault of a meter. `slow` answers after the time-out of its client. */
export const METER_FAULTS = ["silent", "bad-crc", "slow", "backwards"] as const;
export type MeterFault = (typeof METER_FAULTS)[number];

export interface ModbusMeterOptions {
  readonly clock: Clock;
  readonly line: SerialDevice;
  readonly type: ModbusMeterType;
  readonly address?: number;
}

/** Quantities at a meter. Voltages and currents are of the phases 1 to 3. */
export interface MeterQuantities {
  readonly powerW: number;
  readonly currentsA: readonly number[];
  readonly voltagesV: readonly number[];
}

const READ_INPUT = 4;
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const HEAD_BYTES = 6;
const LATENCY_MS = 40;
const SLOW_MS = 700;
const BITS = 10;
const NOTHING: MeterQuantities = { powerW: 0, currentsA: [0, 0, 0], voltagesV: [230, 230, 230] };
/** Energy by which a broken meter falls with each answer, kWh. */
const BACKWARDS_KWH = 0.05;

export class ModbusMeterDevice {
  /** Imported energy, Wh. */
  energyWh = 0;
  quantities: MeterQuantities = NOTHING;
  fault: MeterFault | undefined;
  /** Number of answers. */
  answers = 0;
  /** Energy by which the shown reading has fallen, kWh. */
  #fallenKWh = 0;
  readonly #options: ModbusMeterOptions;
  readonly #unwatch: () => void;

  constructor(options: ModbusMeterOptions) {
    this.#options = options;
    this.#unwatch = options.line.watchReceived((bytes) => this.#handleRequest(bytes));
  }

  /** Takes the meter off the line, for an exchange. */
  remove(): void {
    this.#unwatch();
  }

  #handleRequest(request: Uint8Array<ArrayBuffer>): void {
    const { clock, line, address = 1 } = this.#options;
    const isWhole =
      request.length === HEAD_BYTES + 2 && crcOf(request.subarray(0, HEAD_BYTES)) === crcAt(request);
    if (!isWhole || request[0] !== address || this.fault === "silent") return;
    const sentBytes = request.length;
    const answer = withCRC(this.#answerTo(new DataView(request.buffer, request.byteOffset)));
    if (this.fault === "bad-crc") answer[answer.length - 1] = (answer.at(-1) ?? 0) ^ 0xff;
    const latencyMs = this.fault === "slow" ? SLOW_MS : LATENCY_MS;
    const transmissionMs = ((sentBytes + answer.length) * BITS * 1000) / line.baud;
    clock.set(
      () => {
        this.answers++;
        line.send(answer);
      },
      Math.ceil(latencyMs + transmissionMs),
    );
  }

  #answerTo(request: DataView): number[] {
    const [address, functionCode] = [request.getUint8(0), request.getUint8(1)];
    const [register, count] = [request.getUint16(2), request.getUint16(4)];
    if (functionCode !== READ_INPUT) return [address, functionCode | 0x80, ILLEGAL_FUNCTION];
    const values: number[] = [];
    // Eastron's meters read whole floats only.
    for (let at = register; at < register + count; at += 2) {
      const value = at % 2 === 0 && count % 2 === 0 ? this.#valueAt(at) : undefined;
      if (value === undefined) return [address, functionCode | 0x80, ILLEGAL_ADDRESS];
      const bytes = new DataView(new ArrayBuffer(4));
      bytes.setFloat32(0, value);
      values.push(...new Uint8Array(bytes.buffer));
    }
    return [address, functionCode, values.length, ...values];
  }

  #valueAt(register: number): number | undefined {
    const { currentsA, voltagesV, powerW } = this.quantities;
    const { type } = this.#options;
    if (register === 0x48) {
      if (this.fault === "backwards") this.#fallenKWh += BACKWARDS_KWH;
      return this.energyWh / 1000 - this.#fallenKWh;
    }
    if (type === "sdm120") {
      return { 0: voltagesV[0], 6: currentsA[0], 12: powerW }[register];
    }
    if (register === 0x34) return powerW;
    const phase = (register / 2) % 3;
    if (type === "sdm72" || register > 0x0a) return undefined;
    return register < 6 ? voltagesV[phase] : currentsA[phase];
  }
}

function withCRC(frame: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(frame);
  const crc = crcOf(bytes);
  return Uint8Array.from([...frame, crc & 0xff, crc >> 8]);
}

function crcAt(frame: Uint8Array): number {
  return (frame.at(-2) ?? 0) + 256 * (frame.at(-1) ?? 0);
}

/** CRC-16 bit by bit, as MODBUS over Serial Line describes it: independent of the firmware's. */
export function crcOf(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}
