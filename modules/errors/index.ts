/** Returns the message of a caught exception. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
