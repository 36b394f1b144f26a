import { concatBytes } from "../bytes/index.js";
import { crc16 } from "./crc.js";

/** Request for consecutive registers. */
export interface ReadRequest {
  /** Address of the device, 1-247. */
  readonly address: number;
  /** 3: holding registers, 4: input registers. */
  readonly functionCode: 3 | 4;
  /** First register, from 0. */
  readonly register: number;
  /** Number of registers, 1-125. */
  readonly count: number;
}

export type ModbusResponse =
  /** Two bytes for each register, the high byte first. */
  | { readonly type: "registers"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The device refuses the request with an exception code (MODBUS Application Protocol V1.1b3, section 7). */
  | { readonly type: "exception"; readonly code: number };

const REQUEST_BYTES = 8;
const CRC_BYTES = 2;
/** Address, function code and number of bytes, or exception code. */
const HEAD_BYTES = 3;
const EXCEPTION_BYTES = HEAD_BYTES + CRC_BYTES;
/** Bit of the function code that marks an exception. */
const EXCEPTION = 0x80;

/** Returns the frame of a request. */
export function encodeRequest(request: ReadRequest): Uint8Array<ArrayBuffer> {
  const { address, functionCode, register, count } = request;
  const frame = new Uint8Array(REQUEST_BYTES);
  frame.set([address, functionCode, register >> 8, register & 0xff, count >> 8, count & 0xff]);
  const crc = crc16(frame, 0, REQUEST_BYTES - CRC_BYTES);
  frame.set([crc & 0xff, crc >> 8], REQUEST_BYTES - CRC_BYTES);
  return frame;
}

/** Returns the number of bytes of the response with the registers of a request. */
export function responseBytes({ count }: Pick<ReadRequest, "count">): number {
  return HEAD_BYTES + 2 * count + CRC_BYTES;
}

/**
 * Finds the response to one request in received bytes, in any pieces. The silence between frames is not measured: an engine
 * that was busy receives bytes late. A frame ends where address, function code, length and CRC fit, so that noise and the
 * echo of the request before it do no harm.
 */
export class ResponseReader {
  private readonly _request: ReadRequest;
  /** Received bytes that may belong to the response. */
  private _bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(request: ReadRequest) {
    this._request = request;
  }

  /** Returns the first response that ends in these bytes; `undefined` without one. */
  receive(piece: Uint8Array<ArrayBuffer>): ModbusResponse | undefined {
    const bytes = concatBytes(this._bytes, piece);
    for (let end = this._bytes.length + 1; end <= bytes.length; end++) {
      const response = this._responseBefore(bytes, end);
      if (response) return response;
    }
    this._bytes = bytes.slice(-responseBytes(this._request));
    return undefined;
  }

  private _responseBefore(bytes: Uint8Array<ArrayBuffer>, end: number): ModbusResponse | undefined {
    const { address, functionCode, count } = this._request;
    let at = end - responseBytes(this._request);
    if (bytes[at] === address && bytes[at + 1] === functionCode && bytes[at + 2] === 2 * count) {
      if (isRight(bytes, at, end))
        return { type: "registers", bytes: bytes.slice(at + HEAD_BYTES, end - CRC_BYTES) };
    }
    at = end - EXCEPTION_BYTES;
    if (bytes[at] === address && bytes[at + 1] === (functionCode | EXCEPTION) && isRight(bytes, at, end))
      return { type: "exception", code: bytes[at + 2] ?? 0 };
    return undefined;
  }
}

/** Whether the last two bytes of a frame are its CRC, the low byte first. */
function isRight(bytes: Uint8Array, at: number, end: number): boolean {
  return crc16(bytes, at, end - CRC_BYTES) === (bytes[end - 2] ?? 0) + ((bytes[end - 1] ?? 0) << 8);
}
