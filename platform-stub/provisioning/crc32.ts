const TABLE = makeTable();

/**
 * The CRC32 of NVS: ESP-IDF's `esp_rom_crc32_le` with the initial value 0xFFFFFFFF. The polynomial is 0x04C11DB7, bits
 * are reversed, and the result is inverted. The register starts at 0, because the ROM inverts the initial value. The
 * result equals zlib's `crc32(bytes, 0xFFFFFFFF)`, not its `crc32(bytes)`.
 */
export function crc32(...parts: readonly Uint8Array[]): number {
  let register = 0;
  for (const bytes of parts) {
    for (const byte of bytes) register = (TABLE[(register ^ byte) & 0xff] ?? 0) ^ (register >>> 8);
  }
  return ~register >>> 0;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
    return value >>> 0;
  });
}
