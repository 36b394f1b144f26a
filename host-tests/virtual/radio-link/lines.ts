import type { Socket } from "node:net";

/** Maximum length of a line, bytes. Commands and events have a few hundred. */
const MAX_LINE_BYTES = 8192;
const NEWLINE = 10;

/**
 * Splits received bytes into lines until the socket is destroyed. A line that is too long destroys the
 * socket.
 */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    for (let end = received.indexOf(NEWLINE); end >= 0; end = received.indexOf(NEWLINE)) {
      const line = received.toString("utf8", 0, end);
      received = received.subarray(end + 1);
      onLine(line.trim());
      if (socket.destroyed) return;
    }
    if (received.length > MAX_LINE_BYTES) socket.destroy();
  });
}
