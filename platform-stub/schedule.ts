/** Runs work once after a delay, and returns a function that cancels it. */
export type Schedule = (work: () => void, delayMs: number) => () => void;

/** Schedules with a timer that does not keep the process alive. */
export const schedule: Schedule = (work, delayMs) => {
  const timer = setTimeout(work, delayMs).unref();
  return () => clearTimeout(timer);
};
