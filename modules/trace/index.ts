export { Trace, type TraceDetail, type TraceEvent, type TraceReport, type TraceSink } from "./trace.js";
