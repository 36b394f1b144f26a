import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type BrokerUnderTest, onAedes } from "./brokers.js";
import { Command } from "./command.js";
import { OnlineStation } from "./online-station.js";

const TIMEOUT_MS = 300;
const LIMIT_MS = 30_000;

/** A process or timer left over from a failed wait would keep Jest from ending. */
describe("a wait of an end-to-end test", () => {
  let broker: BrokerUnderTest;

  beforeEach(async () => {
    broker = await onAedes();
  });

  afterEach(() => broker.close());

  test(
    "for a station that cannot come online rejects with the station's log and stops the station",
    async () => {
      const platform = { ...broker.platform, host: "127.0.0.1", port: 1 };
      const start = OnlineStation.start({ ...broker, platform }, { timeoutMs: TIMEOUT_MS });
      await expect(start).rejects.toThrow(
        /^not within 0\.3 s: the station is online\nlog of the station:\n[\s\S]*station: joining/,
      );
    },
    LIMIT_MS,
  );

  test(
    "for a command that does not end rejects with its output and kills it",
    async () => {
      const command = new Command("station.ts", ["--http-port", "0", "--radio-port", "0"]);
      await command.waitForOutput("commands:");
      await expect(command.ended(1)).rejects.toThrow(/the command has ended; its output:[\s\S]*commands:/);
      expect(await command.ended()).toBe("SIGKILL");
    },
    LIMIT_MS,
  );
});
