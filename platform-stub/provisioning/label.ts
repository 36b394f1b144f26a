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
const INNER_HEIGHT = 24;
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

/** The outer label as plain text. It has no admin password: passers-by can read it. */
export function labelText(options: LabelOptions): string {
  return textOf(outerLines(options));
}

/** The inner label, behind a cover of the station, as plain text. */
export function innerLabelText({ identity }: LabelOptions): string {
  return textOf(innerLines(identity));
}

/** The outer label as a drawing of 90 × 40 mm. */
export function labelSVG(options: LabelOptions): string {
  const { identity, accessPointName } = options;
  const text = wifiText({ ssid: accessPointName, password: identity.accessPointPassword });
  return drawingOf({ height: HEIGHT, left: TEXT_LEFT, lines: outerLines(options), drawing: [qrCode(text)] });
}

/** The inner label as a drawing of 90 × 24 mm. */
export function innerLabelSVG({ identity }: LabelOptions): string {
  return drawingOf({ height: INNER_HEIGHT, left: MARGIN, lines: innerLines(identity), drawing: [] });
}

interface Line {
  readonly title: string;
  readonly value: string;
}

function textOf(lines: readonly Line[]): string {
  return lines.map(({ title, value }) => `${title.padEnd(16)}${value}\n`).join("");
}

function drawingOf(label: {
  readonly height: number;
  /** Left edge of the text. */
  readonly left: number;
  readonly lines: readonly Line[];
  readonly drawing: readonly string[];
}): string {
  const { height, left, drawing } = label;
  const lines = label.lines.flatMap(({ title, value }, i) => {
    const y = MARGIN + LINE_HEIGHT * 2 * i + FONT_SIZE;
    return [
      `  <text x="${left}" y="${fixed(y)}" font-size="2" fill="#555">${escapeXML(title)}</text>`,
      `  <text x="${left}" y="${fixed(y + LINE_HEIGHT - 0.4)}" font-size="${fontSizeOf(value, left)}">${escapeXML(value)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}mm" height="${height}mm" viewBox="0 0 ${WIDTH} ${height}">`,
    `  <rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...drawing.map((line) => `  ${line}`),
    `  <g font-family="monospace" fill="#000">`,
    ...lines.map((line) => `  ${line}`),
    "  </g>",
    "</svg>",
    "",
  ].join("\n");
}

function outerLines({ identity, accessPointName }: LabelOptions): Line[] {
  return [
    { title: "product", value: identity.product },
    { title: "device id", value: identity.id },
    { title: "Wi-Fi network", value: accessPointName },
    { title: "Wi-Fi password", value: identity.accessPointPassword },
  ];
}

function innerLines(identity: Identity): Line[] {
  return [
    { title: "product", value: identity.product },
    { title: "device id", value: identity.id },
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

function fontSizeOf(text: string, left: number): number {
  const width = WIDTH - MARGIN - left;
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
