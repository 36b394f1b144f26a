import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import mqtt from "mqtt";
import { writeRelease } from "../../../platform-stub/firmware/directory.js";
import { type FirmwareService, serveFirmware } from "../../../platform-stub/firmware/server.js";
import { usernameOf } from "../../../platform-stub/index.js";
import { statusOf } from "../../tools/emulate/http.js";
import { type BrokerUnderTest, onAedes } from "../e2e/brokers.js";
import { CAFE, ownersWithCards } from "../owners.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

/** Number of crashes soon after the start that lead to safe mode. */
const CRASHES = 3;

export function describeUpdates(lab: Lab): void {
  describe("firmware on an emulated station", () => {
    let chip: ChipBench;
    let broker: BrokerUnderTest;
    let folder: string;
    let firmware: FirmwareService;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "plugpass-repository-"));
      const registry = ownersWithCards();
      broker = await onAedes({ registry });
      const { url, account } = broker.platform;
      firmware = await serveFirmware({ directory: folder, port: 0, broker: { url, ...account } });
      chip = new ChipBench(lab, { registry, firmwarePort: Number(new URL(firmware.url).port) });
      chip.newBoard();
      await chip.start();
      await chip.pairOnline(broker.platform.port);
      chip.station.mark();
    }, PATIENCE_MS);

    afterEach(async () => {
      await chip.close();
      await firmware.close();
      await broker.close();
      rmSync(folder, { recursive: true });
    });

    test(
      "is installed into the other slot, validated at the broker, and stays over a power cut",
      async () => {
        expect(await chip.upload(2)).toMatchObject({ status: 200 });
        await chip.station.waitFor("update: version 2 is pending verification");
        await chip.station.waitFor("update: the new firmware is validated");
        await chip.station.cutPower();
        expect(await chip.start()).toMatchObject({ firmware: { version: 2 } });
        await chip.online();
        expect(chip.station.logLines.join("\n")).not.toContain("was rolled back");
      },
      2 * PATIENCE_MS,
    );

    test(
      "is downloaded from the platform's repository when the owner requests it",
      async () => {
        const release = { productId: "plugpass", version: 2, channel: "stable", percent: 100 } as const;
        writeRelease(folder, { ...release, ...chip.release(2) });
        const { url, account } = broker.platform;
        const app = await mqtt.connectAsync(url, { ...account });
        try {
          const topic = `${usernameOf(CAFE.email)}/sweet-home/cafe-1/firmware/update/set`;
          await app.publishAsync(topic, "true", { qos: 1 });
          await chip.station.waitFor("update: version 2 is pending verification", PATIENCE_MS);
          await chip.station.waitFor("update: the new firmware is validated");
          await chip.station.until("the repository has the station's report", () =>
            firmware.repository.progress(release).updated.includes("cafe-1"),
          );
        } finally {
          await app.endAsync();
        }
      },
      2 * PATIENCE_MS,
    );

    test(
      "that crashes before it is validated is rolled back by the bootloader",
      async () => {
        expect(await chip.upload(2)).toMatchObject({ status: 200 });
        await chip.station.waitFor("update: version 2 is pending verification");
        chip.station.bench("crash");
        await chip.station.waitFor("update: version 2 was rolled back: Error: requested by the bench");
        await chip.online();
        const status = await statusOf(chip.station);
        expect(status).toMatchObject({ firmware: { version: 1 }, state: "online" });
        expect(status.update).toContain("Rolled back");
      },
      2 * PATIENCE_MS,
    );

    test(
      "with a wrong signature is refused, and the station keeps running",
      async () => {
        const answer = await chip.upload(2, "00".repeat(64));
        expect(answer).toMatchObject({ status: 400 });
        expect(answer.body).toContain("not signed by the key");
        expect(await statusOf(chip.station)).toMatchObject({
          firmware: { version: 1 },
          restarts: { count: 0 },
        });
      },
      PATIENCE_MS,
    );

    test(
      "that crashes three times soon after its start runs in safe mode, until the power is cut",
      async () => {
        const { station } = chip;
        for (let crash = 1; crash <= CRASHES; crash++) {
          station.mark();
          station.bench("crash");
          await station.waitFor("station: the previous run ended: crash: Error: requested by the bench");
          if (crash < CRASHES) await chip.online();
        }
        await station.waitFor("station: safe mode");
        expect(await statusOf(station)).toMatchObject({ state: "rescue", problem: { code: "crashes" } });
        const { status } = await chip.pair(broker.platform.port);
        expect(status).toBe(401);
        await station.cutPower();
        await chip.start();
        await chip.online();
      },
      2 * PATIENCE_MS,
    );
  });
}
