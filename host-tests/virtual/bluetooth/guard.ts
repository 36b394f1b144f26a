import { AttError } from "../board/gatt-rules.js";
import type { BlenoBindings, BlenoGATT } from "./packages.js";

export const AttOpcode = Object.freeze({
  error: 0x01,
  readByType: 0x08,
  write: 0x12,
  prepareWrite: 0x16,
  executeWrite: 0x18,
});

const WRITE_COMMAND = 0x52;
/** Flag of opcodes that expect no response (3.3.1). */
const COMMAND_FLAG = 0x40;
const CLIENT_CONFIGURATION = "2902";
const WRITE_HEADER_BYTES = 3;
const PREPARE_HEADER_BYTES = 5;
/** Maximum bytes of prepared writes. It exceeds any value, so that bleno can report a long value as such. */
const MAX_PREPARED_BYTES = 1024;

/**
 * Protects bleno against malformed requests. In this version, a truncated PDU is an exception, prepared
 * writes and fragments are stored without limit, and invalid configuration descriptor values subscribe.
 */
export function guardATT(bindings: BlenoBindings): void {
  guardRequests(bindings._gatt);
  guardFragments(bindings._hci);
}

function guardRequests(gatt: BlenoGATT): void {
  const handle = gatt.handleRequest.bind(gatt);
  gatt.handleRequest = (request, connection) => {
    const [opcode] = request;
    if (opcode === undefined || !gatt._connections.has(connection)) return;
    const refuse = (error: number) => {
      if ((opcode & COMMAND_FLAG) === 0)
        gatt.send(gatt.errorResponse(opcode, attributeOf(request), error), connection);
    };
    if (isNonsense(gatt, request)) {
      refuse(AttError.valueNotAllowed);
    } else if (overflows(gatt, request, connection)) {
      gatt._preparedWriteRequests.delete(connection);
      refuse(AttError.prepareQueueFull);
    } else {
      try {
        handle(request, connection);
      } catch (error) {
        if (!isOfTheParser(error)) throw error;
        refuse(AttError.invalidPDU);
      }
    }
  };
}

/**
 * Whether a request writes a configuration other than "notifications" or "none": reserved bits, or
 * indications.
 */
function isNonsense(gatt: BlenoGATT, request: Buffer): boolean {
  if (request[0] !== AttOpcode.write && request[0] !== WRITE_COMMAND) return false;
  if (request.length !== WRITE_HEADER_BYTES + 2) return false;
  return gatt._handles[attributeOf(request)]?.uuid === CLIENT_CONFIGURATION && request.readUInt16LE(3) > 1;
}

function overflows(gatt: BlenoGATT, request: Buffer, connection: number): boolean {
  if (request[0] !== AttOpcode.prepareWrite) return false;
  const prepared = gatt._preparedWriteRequests.get(connection)?.data.length ?? 0;
  return prepared + request.length - PREPARE_HEADER_BYTES > MAX_PREPARED_BYTES;
}

function attributeOf(request: Buffer): number {
  return request.length >= WRITE_HEADER_BYTES ? request.readUInt16LE(1) : 0;
}

function guardFragments(hci: BlenoBindings["_hci"]): void {
  const take = hci.onSocketData.bind(hci);
  hci.onSocketData = (packet) => {
    try {
      take(packet);
    } catch (error) {
      if (!isOfTheParser(error)) throw error;
    }
    for (const [handle, partial] of Object.entries(hci._handleBuffers)) {
      if (partial && partial.data.length > partial.length) delete hci._handleBuffers[Number(handle)];
    }
  };
}

/**
 * Whether an error comes from reading beyond the end of a packet. Compares names, because a test runner has
 * its own constructors.
 */
function isOfTheParser(error: unknown): boolean {
  const name = (error as { name?: unknown } | undefined)?.name;
  return name === "RangeError" || name === "TypeError";
}
