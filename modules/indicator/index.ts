export { Indicator, type IndicatorOptions, type Signal } from "./indicator.js";
export { SIGNAL_PATTERNS } from "./patterns.js";
