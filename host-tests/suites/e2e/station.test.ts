import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { StoredWiring } from "../../../platform-stub/provisioning/board-file.js";
import { imageOf } from "../../../platform-stub/provisioning/identity.js";
import { RemoteAir } from "../../virtual/radio-link/client.js";
import { IDENTITY } from "../identity.js";
import { Command } from "./command.js";

/** Longer than the timeout of a command, so that the error shows its output. */
jest.setTimeout(40_000);

const ANY_PORTS = ["--http-port", "0", "--radio-port", "0"];
let station: Command;

afterEach(() => {
  station.process.kill("SIGKILL");
});

/** Starts `npm run station -- <words>`. */
function run(words: readonly string[], options?: { input: "pipe" | "ignore" }): Command {
  station = new Command("station.ts", words, options);
  return station;
}

describe("npm run station exits with 0", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("at %s", async (signal) => {
    await run(ANY_PORTS).waitForOutput("commands:");
    station.process.kill(signal);
    expect(await station.ended()).toBe(0);
  });

  test("at the command quit", async () => {
    await run(ANY_PORTS).waitForOutput("commands:");
    station.type("quit");
    expect(await station.ended()).toBe(0);
    expect(station.output).not.toContain("crashed");
  });

  test("when its output is closed", async () => {
    await run(ANY_PORTS).waitForOutput("commands:");
    station.process.stdout?.destroy();
    station.type("status");
    expect(await station.ended()).toBe(0);
    expect(station.output).not.toContain("EPIPE");
  });
});

test("npm run station keeps running without an input", async () => {
  await run(ANY_PORTS, { input: "ignore" }).waitForOutput("commands:");
  const [, port] = /radio on port (\d+)/.exec(station.output) ?? [];
  const air = await RemoteAir.open({ host: "127.0.0.1", port: Number(port) });
  await new Promise<void>((received) => air.scan(() => received()));
  air.close();
});

describe("npm run station with a provisioned image", () => {
  let directory: string;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "plugpass-station-"));
    file = join(directory, "cafe-1a2b3c4d.nvs.bin");
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Starts a station with a wiring, and returns its `/status`. */
  async function statusOf(wiring: StoredWiring): Promise<Record<string, unknown>> {
    writeFileSync(file, imageOf(IDENTITY, { wiring }));
    await run([...ANY_PORTS, "--station", file]).waitForOutput("HTTP API on port");
    const [, port] = /HTTP API on port (\d+)/.exec(station.output) ?? [];
    return (await fetch(`http://127.0.0.1:${port}/status`)).json() as Promise<Record<string, unknown>>;
  }

  const WIRING: StoredWiring = {
    chip: "esp32c3",
    controlPilot: { generatorPin: 5, adcPin: 3, zeroMv: 1250, divider: 11.3 },
    contactorPin: 6,
  };

  test("has its identity and its wiring", async () => {
    expect(await statusOf(WIRING)).toMatchObject({
      deviceId: IDENTITY.id,
      state: "unpaired",
      energyWh: null,
    });
  });

  test("is in safe mode with an invalid wiring", async () => {
    expect(await statusOf({ ...WIRING, contactorPin: 20 })).toMatchObject({
      state: "rescue",
      problem: { code: "wiring-invalid", message: "contactorPin: unsuitable pin" },
    });
  });

  test("reports a file that is not an image", async () => {
    writeFileSync(file, "x");
    expect(await run([...ANY_PORTS, "--station", file]).ended()).toBe(1);
    expect(station.output).toBe(`cannot read ${file}: 1 bytes are not a multiple of 4096\n`);
  });
});

describe("npm run station reports in one sentence", () => {
  let server: Server;
  let taken: string;

  beforeEach(async () => {
    server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    taken = String((server.address() as AddressInfo).port);
  });

  afterEach(() => {
    server.close();
  });

  test("that its HTTP port is in use", async () => {
    expect(await run(["--http-port", taken, "--radio-port", "0"]).ended()).toBe(1);
    expect(station.output).toContain(`port ${taken} is in use; choose another with --http-port\n`);
    expect(station.output).not.toContain("    at ");
  });

  test("that its radio port is in use", async () => {
    expect(await run(["--http-port", "0", "--radio-port", taken]).ended()).toBe(1);
    expect(station.output).toBe(`port ${taken} is in use; choose another with --radio-port\n`);
  });

  test.each([
    [
      "that the configuration is missing",
      ["--provision-from", "missing.json"],
      "missing.json does not exist",
    ],
    ["that the adapter is invalid", ["--ble", "bluetooth"], "is no adapter"],
    ["that the file of authorities is missing", ["--ca", "missing.pem"], "there is no file missing.pem"],
    ["that the device id is invalid", ["--device-id", "a/b"], "1-64 letters, digits, - or _"],
  ])("%s", async (_what, words, sentence) => {
    expect(await run([...ANY_PORTS, ...words]).ended()).toBe(1);
    expect(station.output).toContain(sentence);
  });
});
