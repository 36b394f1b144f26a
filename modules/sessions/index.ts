export { SessionLog, type SessionLogOptions } from "./log.js";
export { type ReporterHost, type ReporterOptions, SessionReporter } from "./reporter.js";
export {
  type Book,
  bookFormat,
  type FinishedSession,
  LOG_SLOTS,
  type LogEntry,
  logFormat,
  type SessionCard,
  type SessionState,
} from "./session.js";
export { Sessions, type SessionsListener, type SessionsOptions } from "./sessions.js";
