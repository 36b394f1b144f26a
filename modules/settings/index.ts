export { type Cipher, type DeviceIdentity, deviceFormat, isTopicId, type MQTTAccount } from "./device.js";
export { type RecordFormat, type RecordSource, StoredRecord } from "./record.js";
