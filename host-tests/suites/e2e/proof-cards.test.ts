/** A card that cannot be copied, from its file over the commands of station and phone to the stub and back. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { writeCardFile } from "../../../platform-stub/cards.js";
import { writeConfig } from "../../../platform-stub/config.js";
import { CAFE } from "../owners.js";
import { type BrokerUnderTest, onAedes } from "./brokers.js";
import { Command } from "./command.js";

const LIMIT_MS = 60_000;
const CARD_ID = "ka5tqgx2m7bd4wzn";

let folder: string;
let file: string;
let broker: BrokerUnderTest;
let station: Command | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "plugpass-cards-"));
  file = join(folder, "card.json");
  broker = await onAedes();
  broker.registry.putTag({ tag: CARD_ID, owner: CAFE.email, accepts: "proof" });
  writeConfig(join(folder, "platform.json"), broker.registry.data);
  takeFile();
});

afterEach(async () => {
  station?.process.kill("SIGKILL");
  station = undefined;
  await broker.close();
  rmSync(folder, { recursive: true });
});

function takeFile(): void {
  const card = broker.registry.cardFile(CARD_ID);
  if (!card) throw new Error("the card has no secret");
  writeCardFile(file, card);
}

/** Starts a station, pairs it, plugs a vehicle in, and returns the address of its radio. */
async function startStation(): Promise<string> {
  const config = join(folder, "platform.json");
  const device = ["--device-id", "cafe-1", "--provision-from", config];
  const running = new Command("station.ts", ["--http-port", "0", "--radio-port", "0", ...device]);
  station = running;
  await running.waitForOutput("commands:");
  await running.waitForOutput("HTTP API on port");
  const port = (what: string) => new RegExp(`${what} on port (\\d+)`).exec(running.output)?.[1];
  const owner = ["--email", CAFE.email, "--token-from", config];
  const endpoint = [
    "--broker",
    `127.0.0.1:${broker.platform.port}`,
    "--url",
    `http://127.0.0.1:${port("HTTP API")}`,
  ];
  const pairing = new Command("phone.ts", ["pair", ...owner, ...endpoint]);
  expect(`${await pairing.ended()} ${pairing.output}`).toContain("paired: cafe-1 is online");
  running.type("plug");
  return `127.0.0.1:${port("radio")}`;
}

test(
  "npm run phone is refused with a card file from before the card's new secret, and authorized with the new file",
  async () => {
    const radio = await startStation();
    const present = async () => {
      const phone = new Command("phone.ts", ["authorize", "--card", file, "--radio", radio]);
      return { code: await phone.ended(), output: phone.output };
    };
    broker.registry.replaceSecret(CARD_ID);
    const refused = await present();
    expect(refused.output).toContain("attempt 1: rejected (403)");
    expect(refused.output).toContain("There is no receipt of the platform: the card is out of date");
    expect(refused.code).toBe(1);
    takeFile();
    const authorized = await present();
    expect(authorized.output).toContain("authorized (200)");
    expect(authorized.output).toMatch(/\nThe platform stands behind this station\.\n$/);
    expect(authorized.output).not.toContain(broker.registry.cardFile(CARD_ID)?.secret);
    expect(authorized.code).toBe(0);
  },
  LIMIT_MS,
);
