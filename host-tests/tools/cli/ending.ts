/** Ends long-running commands on signals. */

/**
 * Time within which signals count as one Ctrl-C, ms: the terminal signals npm and this process, and npm
 * forwards its signal.
 */
const SAME_MS = 500;

/** Calls back once on the first SIGINT or SIGTERM. A later signal ends the process at once. */
export function onInterrupt(callback: () => void): void {
  let firstMs: number | undefined;
  const interrupted = () => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      callback();
    } else if (performance.now() - firstMs > SAME_MS) {
      process.exit(1);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupted);
}

/** Calls back when the reader of the output is gone, as after `| head -1`. */
export function onReaderGone(callback: () => void): void {
  process.stdout.on("error", callback);
}
