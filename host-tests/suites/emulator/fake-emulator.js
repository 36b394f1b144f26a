/**
 * A stand-in for the emulator, for tests of `EmulatedStation`: it has the same lines at the same file descriptors, and
 * prints its arguments, the commands of the bench and the bytes of the card reader.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";

const words = process.argv.slice(2);
const argument = (flag, pattern) =>
  words.filter((_, i) => words[i - 1] === flag).find((word) => pattern.test(word));
const flashFile = /file=([^,]*)/.exec(argument("-drive", /if=mtd/))[1];
const [consoleLine, reader, monitor] = [3, 4, 5].map((fd) => new Socket({ fd }));
const log = (line) => consoleLine.write(`${line}\r\n`);
const flash = JSON.parse(readFileSync(flashFile, "utf8"));

if (flash.broken) {
  process.stderr.write("no flash\n");
  process.exit(3);
}
flash.starts++;
writeFileSync(flashFile, JSON.stringify(flash));
log(`start ${flash.starts}`);
log(`words ${words.join(" ")}`);
createInterface({ input: consoleLine }).on("line", (line) => {
  log(`bench: ${line}`);
  if (line === "crash") process.exit(1);
});
reader.on("data", (bytes) => log(`reader: ${bytes.toString("hex")}`));
const answers = {
  "info usernet":
    "Hub -1:\r\n  TCP[HOST_FORWARD]  13       127.0.0.1 41633       10.0.2.15    80     0     0\r\n",
  "info replay": "Recording execution 'r': instruction count = 1234\r\n",
};
createInterface({ input: monitor }).on("line", (line) => {
  const { execute, arguments: given } = JSON.parse(line);
  if (execute === "qmp_capabilities") monitor.write('{"QMP": {}}\n{"return": {}}\n{"event": "RESUME"}\n');
  else monitor.write(`${JSON.stringify({ return: answers[given["command-line"]] })}\n`);
});
