/** Whether a missing optional dependency is a failure. CI sets it. */
const IS_EVERYTHING_REQUIRED = process.env.PLUGPASS_REQUIRE_ALL === "1";

/** Reports in one line that tests are skipped and how to install what is missing. */
export function skipFor(how: string): void {
  if (IS_EVERYTHING_REQUIRED) throw new Error(how);
  process.stderr.write(`skipped: ${how}\n`);
}
