export {
  ModbusClient,
  type ModbusClientOptions,
  type ModbusFailureCode,
  type ReadOutcome,
} from "./client.js";
export { crc16 } from "./crc.js";
export { encodeRequest, type ModbusResponse, type ReadRequest, ResponseReader } from "./frames.js";
