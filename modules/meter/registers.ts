/** Registers of Modbus meters: what they mean, and where known meters have them. */

import type { ReadRequest } from "../modbus/index.js";

export const REGISTER_TYPES = ["int16", "uint16", "int32", "uint32", "float32"] as const;
export type RegisterType = (typeof REGISTER_TYPES)[number];
/** Order of the two registers of a 32-bit value. */
export const WORD_ORDERS = ["high-first", "low-first"] as const;
/** Values of a meter: energy in Wh, power in W, voltages in V, currents in A. The first two are required. */
export const METER_VALUES = [
  "energy",
  "power",
  "voltage-l1",
  "voltage-l2",
  "voltage-l3",
  "current-l1",
  "current-l2",
  "current-l3",
] as const;
export type MeterValue = (typeof METER_VALUES)[number];

/** Where a meter has a value. */
export interface MeterRegister {
  readonly value: MeterValue;
  /** 3: holding register, 4: input register. */
  readonly functionCode: number;
  /** First register as on the wire, from 0. */
  readonly register: number;
  readonly type: RegisterType;
  /** Factor to Wh, W, V or A: 1000 for an energy in kWh. */
  readonly scale: number;
  readonly wordOrder: (typeof WORD_ORDERS)[number];
}

/** An input register of an Eastron meter. They are all 32-bit floats with the high register first. */
function float(value: MeterValue, register: number, scale = 1): MeterRegister {
  return Object.freeze({ value, functionCode: 4, register, type: "float32", scale, wordOrder: "high-first" });
}

/** Imported energy of Eastron meters, kWh. */
const IMPORT = float("energy", 0x0048, 1000);
/** Total power of Eastron meters with three phases. */
const TOTAL_POWER = float("power", 0x0034);
const THREE_PHASES: readonly MeterRegister[] = Object.freeze([
  float("voltage-l1", 0x0000),
  float("voltage-l2", 0x0002),
  float("voltage-l3", 0x0004),
  float("current-l1", 0x0006),
  float("current-l2", 0x0008),
  float("current-l3", 0x000a),
  TOTAL_POWER,
  IMPORT,
]);

/** Registers of known meters, after Eastron's "Modbus Protocol" documents. */
export const METER_TYPES = Object.freeze({
  /** SDM72D-M: power and energy only. */
  sdm72: Object.freeze([TOTAL_POWER, IMPORT]) as readonly MeterRegister[],
  /** SDM72D-M-2. */
  sdm72v2: THREE_PHASES,
  sdm120: Object.freeze([
    float("voltage-l1", 0x0000),
    float("current-l1", 0x0006),
    float("power", 0x000c),
    IMPORT,
  ]) as readonly MeterRegister[],
  sdm630: THREE_PHASES,
});

/** A known meter, or `registers` for another one. */
export type MeterType = keyof typeof METER_TYPES | "registers";

/** Maximum number of registers in a request. The response has to fit in the UART's 128 bytes while the engine is busy. */
const MAX_REGISTERS = 32;

/** Registers that one request reads. */
export interface Block {
  readonly request: ReadRequest;
  readonly registers: readonly MeterRegister[];
}

/** Returns the requests for a list of registers. Neighbors in the list that are neighbors in the meter share one. */
export function blocksOf(list: readonly MeterRegister[], address: number): Block[] {
  const blocks: {
    request: { -readonly [K in keyof ReadRequest]: ReadRequest[K] };
    registers: MeterRegister[];
  }[] = [];
  for (const one of list) {
    const functionCode = one.functionCode === 3 ? 3 : 4;
    const count = sizeOf(one);
    const last = blocks.at(-1);
    if (
      last &&
      last.request.functionCode === functionCode &&
      last.request.register + last.request.count === one.register &&
      last.request.count + count <= MAX_REGISTERS
    ) {
      last.request.count += count;
      last.registers.push(one);
    } else {
      const request = { address, functionCode, register: one.register, count } as const;
      blocks.push({ request: { ...request }, registers: [one] });
    }
  }
  return blocks;
}

/** Returns the number of registers of a value. */
function sizeOf({ type }: MeterRegister): number {
  return type.endsWith("16") ? 1 : 2;
}

/** Decodes a value of a block's response; `undefined` when it is not a number. */
export function decodeValue(
  block: Block,
  bytes: Uint8Array<ArrayBuffer>,
  one: MeterRegister,
): number | undefined {
  const at = 2 * (one.register - block.request.register);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = one.scale * numberAt(view, at, one);
  return Number.isFinite(value) ? value : undefined;
}

function numberAt(view: DataView, at: number, { type, wordOrder }: MeterRegister): number {
  if (type === "int16") return view.getInt16(at);
  if (type === "uint16") return view.getUint16(at);
  const [high, low] = wordOrder === "high-first" ? [at, at + 2] : [at + 2, at];
  const value = new DataView(new ArrayBuffer(4));
  value.setUint16(0, view.getUint16(high));
  value.setUint16(2, view.getUint16(low));
  if (type === "int32") return value.getInt32(0);
  return type === "uint32" ? value.getUint32(0) : value.getFloat32(0);
}
