/** Returns the message of a caught exception; never an empty text, because callers take one for no error. */
export function messageOf(error: unknown): string {
  return (error instanceof Error && error.message) || "unknown";
}
