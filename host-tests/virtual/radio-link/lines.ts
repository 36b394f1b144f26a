import type { Socket } from "node:net";

/** A command or an event has a few hundred bytes. */
const MAX_LINE_BYTES = 8192;
const NEWLINE = 10;

/** Gives what comes in line by line, until the socket is destroyed. A line without an end destroys it. */
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
