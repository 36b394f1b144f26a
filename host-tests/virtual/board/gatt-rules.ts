/** Limits and error codes of the chip's GATT server that every GATT server here has, too. */

/** Maximum number of connected centrals (CONFIG_BT_NIMBLE_MAX_CONNECTIONS). */
export const MAX_CONNECTIONS = 3;
/** Maximum length of an attribute's value (Core 5.4 Vol 3 Part F 3.2.9). */
export const MAX_VALUE_BYTES = 512;

/** ATT error codes (Core 5.4 Vol 3 Part F 3.4.1.1). */
export const AttError = Object.freeze({
  none: 0x00,
  readNotPermitted: 0x02,
  writeNotPermitted: 0x03,
  invalidPDU: 0x04,
  invalidOffset: 0x07,
  prepareQueueFull: 0x09,
  notFound: 0x0a,
  invalidLength: 0x0d,
  valueNotAllowed: 0x13,
});
