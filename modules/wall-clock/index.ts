export { CLOCK_UNKNOWN_MESSAGE, TimeWait } from "./time-wait.js";
