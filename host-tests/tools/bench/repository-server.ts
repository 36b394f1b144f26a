/**
 * Firmware repository with one image, in its own process: the measured client does not share its event loop.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRelease } from "../../../platform-stub/firmware/directory.js";
import { serveFirmware } from "../../../platform-stub/firmware/server.js";
import { makeImage } from "../../virtual/world/firmware-image.js";

const directory = mkdtempSync(join(tmpdir(), "plugpass-bench-"));
const byteLength = Number(process.argv[2]);
const image = makeImage({ version: 2, byteLength });
writeRelease(directory, { productId: "plugpass", version: 2, channel: "stable", percent: 100, image });
const { url } = await serveFirmware({ directory, port: 0 });
process.stdout.write(`${url}/firmwares/v1/plugpass.bin\n`);
// Exits when the parent process closes stdin.
process.stdin.on("end", () => {
  rmSync(directory, { recursive: true });
  process.exit();
});
process.stdin.resume();
