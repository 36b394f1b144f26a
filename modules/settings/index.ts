export {
  CLIENT_CERTIFICATE_KEY,
  CLIENT_KEY_KEY,
  type ClientCertificate,
  readClientCertificate,
} from "./client-certificate.js";
export {
  type Cipher,
  type DeviceIdentity,
  deviceFormat,
  isTopicId,
  keyField,
  type MQTTAccount,
} from "./device.js";
export { type RecordFormat, type RecordSource, StoredRecord } from "./record.js";
export { isTimeServer, readTimeServer } from "./time-server.js";
