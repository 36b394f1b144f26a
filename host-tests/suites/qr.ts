import jsQR from "jsqr";

/** Pixels of a module's side. */
const SCALE = 4;

/**
 * Decodes a QR code as a phone does: draws its dark modules and reads them with another library.
 * @param size modules of a side, with the light border
 */
export function readQR(dark: readonly (readonly [x: number, y: number])[], size: number): string | undefined {
  const width = size * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [x, y] of dark) {
    for (let i = 0; i < SCALE * SCALE; i++) {
      const column = x * SCALE + (i % SCALE);
      const row = y * SCALE + Math.floor(i / SCALE);
      pixels.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3);
    }
  }
  return jsQR.default(pixels, width, width)?.data;
}
