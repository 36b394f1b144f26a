/** Runs the commands of the README against Mosquitto over TLS. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { writeConfig } from "../../../platform-stub/config.js";
import { Authority } from "../../virtual/node-board/authority.js";
import { CAFE } from "../owners.js";
import { type BrokerUnderTest, onMosquitto } from "./brokers.js";
import { Command } from "./command.js";
import { findMosquitto } from "./mosquitto.js";

const LIMIT_MS = 120_000;
const HOST = "localhost";

const mosquitto = findMosquitto();

(mosquitto === undefined ? describe.skip : describe)("npm run station -- --ca", () => {
  let folder: string;
  let config: string;
  let authority: Authority;
  let broker: BrokerUnderTest;
  let station: Command | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "plugpass-tls-"));
    config = join(folder, "platform.json");
    authority = new Authority();
    broker = await onMosquitto(mosquitto ?? "", { identity: authority.issue({ name: HOST }) })();
    writeConfig(config, broker.registry.data);
  }, LIMIT_MS);

  afterEach(async () => {
    station?.process.kill("SIGKILL");
    station = undefined;
    await broker.close();
    rmSync(folder, { recursive: true });
  });

  async function startStation(trusted: Authority): Promise<Command> {
    const ca = join(folder, "ca.pem");
    writeFileSync(ca, trusted.cert);
    const ports = ["--http-port", "0", "--radio-port", "0"];
    const device = ["--device-id", "cafe-1", "--provision-from", config];
    station = new Command("station.ts", [...ports, ...device, "--ca", ca]);
    await station.waitForOutput("commands:");
    await station.waitForOutput("HTTP API on port");
    return station;
  }

  function portIn(output: string, what: string): string {
    return new RegExp(`${what} on port (\\d+)`).exec(output)?.[1] ?? "";
  }

  /** Runs `npm run phone -- pair` for the TLS listener. */
  function pair({ output }: Command): Command {
    const owner = ["--email", CAFE.email, "--token-from", config];
    const endpoints = ["--broker", `${HOST}:${broker.platform.port}`, "--mqtts-port", String(broker.tlsPort)];
    const url = ["--url", `http://127.0.0.1:${portIn(output, "HTTP API")}`];
    return new Command("phone.ts", ["pair", ...owner, ...endpoints, ...url]);
  }

  test(
    "pairs over TLS with a broker of that authority, comes online and authorizes a tag",
    async () => {
      const running = await startStation(authority);
      const pairing = pair(running);
      const code = await pairing.ended();
      expect(`${code} ${pairing.output}\n${running.output}`).toMatch(/^0 [\s\S]*paired: cafe-1 is online/);
      running.type("plug");
      const radio = ["--radio", `127.0.0.1:${portIn(running.output, "radio")}`];
      const phone = new Command("phone.ts", ["authorize", "--tag", "GUEST-0001", ...radio]);
      expect(await phone.ended()).toBe(0);
      expect(phone.output).toContain("authorized (200)");
    },
    LIMIT_MS,
  );

  test(
    "does not pair with a broker of another authority, and the phone prints the reason",
    async () => {
      const pairing = pair(await startStation(new Authority()));
      expect(await pairing.ended()).toBe(1);
      expect(pairing.output).toContain(
        `pairing failed: tls-failed: the TLS handshake with ${HOST} failed: ` +
          "check the name, the dates and the authority of its certificate\n",
      );
    },
    LIMIT_MS,
  );
});
