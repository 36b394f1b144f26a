export { type Cipher, type DeviceIdentity, deviceFormat, isTopicId } from "./device.js";
export { type RecordFormat, type RecordSource, StoredRecord } from "./record.js";
