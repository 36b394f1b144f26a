import encodeQR from "qr";
import type { Identity } from "./identity.js";

/** The content of a label. */
export interface LabelOptions {
  readonly identity: Identity;
  /** Name of the station's own Wi-Fi network. */
  readonly accessPointName: string;
}

// All sizes are in millimeters.
const WIDTH = 90;
const HEIGHT = 40;
const QR_SIZE = 36;
const MARGIN = 2;
const TEXT_LEFT = MARGIN + QR_SIZE + MARGIN;
const LINE_HEIGHT = 3.6;
const FONT_SIZE = 2.6;
/** Width of a character relative to the font size, a little above that of most monospaced fonts. */
const CHARACTER_WIDTH = 0.62;
/** Width of the light border around a QR code, in modules (ISO/IEC 18004). */
const QUIET_ZONE = 4;

/** The text of a QR code with which Android and iOS join a Wi-Fi network. */
export function wifiText(network: { readonly ssid: string; readonly password: string }): string {
  return `WIFI:T:WPA;S:${escapeWiFi(network.ssid)};P:${escapeWiFi(network.password)};;`;
}

/** The label as plain text. */
export function labelText(options: LabelOptions): string {
  const lines = linesOf(options).map(({ title, value }) => `${title.padEnd(16)}${value}`);
  return `${lines.join("\n")}\n`;
}

/** The label as a drawing of 90 × 40 mm. */
export function labelSVG(options: LabelOptions): string {
  const { identity, accessPointName } = options;
  const text = wifiText({ ssid: accessPointName, password: identity.accessPointPassword });
  const lines = linesOf(options).flatMap(({ title, value }, i) => {
    const y = MARGIN + LINE_HEIGHT * 2 * i + FONT_SIZE;
    return [
      `  <text x="${TEXT_LEFT}" y="${fixed(y)}" font-size="2" fill="#555">${escapeXML(title)}</text>`,
      `  <text x="${TEXT_LEFT}" y="${fixed(y + LINE_HEIGHT - 0.4)}" font-size="${fontSizeOf(value)}">${escapeXML(value)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}mm" height="${HEIGHT}mm" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `  <rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `  ${qrCode(text)}`,
    `  <g font-family="monospace" fill="#000">`,
    ...lines.map((line) => `  ${line}`),
    "  </g>",
    "</svg>",
    "",
  ].join("\n");
}

function linesOf({ identity, accessPointName }: LabelOptions): { title: string; value: string }[] {
  return [
    { title: "product", value: identity.product },
    { title: "device id", value: identity.id },
    { title: "Wi-Fi network", value: accessPointName },
    { title: "Wi-Fi password", value: identity.accessPointPassword },
    { title: "admin password", value: identity.adminPassword },
  ];
}

/** Draws a QR code as a path of one square per dark module. */
function qrCode(text: string): string {
  const modules = encodeQR(text, "raw", { ecc: "medium", border: QUIET_ZONE });
  const squares = modules.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  const scale = fixed(QR_SIZE / modules.length, 5);
  return `<path transform="translate(${MARGIN} ${MARGIN}) scale(${scale})" d="${squares.join("")}" shape-rendering="crispEdges"/>`;
}

function fontSizeOf(text: string): number {
  const width = WIDTH - MARGIN - TEXT_LEFT;
  return fixed(Math.min(FONT_SIZE, width / (CHARACTER_WIDTH * [...text].length)));
}

function fixed(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

function escapeWiFi(text: string): string {
  return text.replace(/[\\;,:"]/g, "\\$&");
}

function escapeXML(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
