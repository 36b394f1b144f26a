/** The bar chart of the energy by day. */

import { svgElement } from "./dom.js";

const WIDTH = 840;
const HEIGHT = 200;
const BOTTOM = 24;
const TOP = 20;
const GAP = 8;

export interface Bar {
  readonly name: string;
  readonly wh: number;
}

/** Draws a bar chart. Its accessible name lists the values by day, for screen readers. */
export function chart(bars: readonly Bar[]): SVGSVGElement {
  const svg = svgElement("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const highest = Math.max(...bars.map(({ wh }) => wh), 1);
  const width = WIDTH / bars.length;
  const floor = HEIGHT - BOTTOM;
  svg.append(svgElement("line", { x1: 0, y1: floor, x2: WIDTH, y2: floor }));
  bars.forEach(({ name, wh }, i) => {
    const height = ((floor - TOP) * wh) / highest;
    const middle = (i + 0.5) * width;
    svg.append(
      svgElement("rect", { x: i * width + GAP / 2, y: floor - height, width: width - GAP, height }),
      label(name, { x: middle, y: HEIGHT - 6 }),
    );
    if (wh > 0) svg.append(label(kWh(wh), { x: middle, y: floor - height - 5 }));
  });
  const days = bars.filter(({ wh }) => wh > 0).map(({ name, wh }) => `${name} ${kWh(wh)} kWh`);
  svg.setAttribute("aria-label", `Energy by day: ${days.join(", ") || "none"}`);
  return svg;
}

export function kWh(wh: number): string {
  return (wh / 1000).toLocaleString(undefined, { maximumFractionDigits: wh < 10_000 ? 2 : 1 });
}

function label(text: string, place: { x: number; y: number }): SVGElement {
  const written = svgElement("text", place);
  written.textContent = text;
  return written;
}
