export { type Cipher, type DeviceIdentity, deviceFormat, isTopicId } from "./device.js";
export { type RecordFormat, StoredRecord } from "./record.js";
