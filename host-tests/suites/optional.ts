/** CI sets it: what is missing is then a failure. */
const IS_EVERYTHING_REQUIRED = process.env.PLUGPASS_REQUIRE_ALL === "1";

/** Says, in one visible line, that tests are skipped for want of something, and how to get it. */
export function skipFor(how: string): void {
  if (IS_EVERYTHING_REQUIRED) throw new Error(how);
  process.stderr.write(`skipped: ${how}\n`);
}
