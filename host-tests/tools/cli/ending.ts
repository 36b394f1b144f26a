/** How the commands that run for a while are ended from outside. */

/** Signals within this time, ms, are one Ctrl-C: the terminal sends it to npm and to this process, and npm passes it on. */
const SAME_MS = 500;

/** Calls back once, when somebody ends the process politely. Who asks again, because it takes long, ends it at once. */
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

/** Calls back when nobody reads the output any more, as after `| head -1`. */
export function onReaderGone(callback: () => void): void {
  process.stdout.on("error", callback);
}
