import type { AdvertisingRecords } from "../../modules/board/index.js";
import { concatBytes, decodeHex, encodeUTF8 } from "../../modules/bytes/index.js";

/** Maximum length of AdvData in a legacy PDU, bytes (Core 5.4 Vol 6 Part B 2.3.1). */
const MAX_PDU_BYTES = 31;
/** Types of AD structures (Assigned Numbers 2.3). */
const AD_TYPES = { flags: 0x01, services: 0x07, name: 0x09, manufacturerData: 0xff } as const;

/** Encodes the AD structures of a PDU in the order of the records' keys. Throws a RangeError when it is too long. */
export function encodePDU(records: AdvertisingRecords): Uint8Array<ArrayBuffer> {
  const structures = Object.keys(records).flatMap((key) => {
    const data = dataOf(key, records);
    if (data === undefined) return [];
    const type = AD_TYPES[key as keyof typeof AD_TYPES];
    return [new Uint8Array([data.length + 1, type]), data];
  });
  const pdu = concatBytes(...structures);
  if (pdu.length > MAX_PDU_BYTES)
    throw new RangeError(`invalid adv: ${pdu.length} bytes, at most ${MAX_PDU_BYTES}`);
  return pdu;
}

function dataOf(key: string, records: AdvertisingRecords): Uint8Array<ArrayBuffer> | undefined {
  switch (key) {
    case "flags":
      return records.flags === undefined ? undefined : new Uint8Array([records.flags]);
    case "services":
      return records.services && concatBytes(...records.services.map(littleEndianUUID));
    case "name":
      return records.name === undefined ? undefined : encodeUTF8(records.name);
    case "manufacturerData": {
      if (!records.manufacturerData) return undefined;
      const { manufacturer, data } = records.manufacturerData;
      return concatBytes(new Uint8Array([manufacturer & 0xff, manufacturer >> 8]), data);
    }
    default:
      throw new Error(`unrecognized ${key}`);
  }
}

function littleEndianUUID(uuid: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeHex(uuid.replaceAll("-", ""));
  if (bytes?.length !== 16) throw new RangeError(`invalid UUID ${uuid}: 128 bits are needed`);
  return bytes.reverse();
}
