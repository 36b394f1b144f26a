export { Indicator, type IndicatorOptions, type Signal } from "./indicator.js";
