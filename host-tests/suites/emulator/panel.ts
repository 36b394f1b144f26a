import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { HOST_ADDRESS } from "../../tools/emulate/emulated-station.js";
import { request, statusOf } from "../../tools/emulate/http.js";
import { type BrokerUnderTest, onAedes } from "../e2e/brokers.js";
import { findChromium, TestBrowser, waitForText } from "../e2e/chromium.js";
import { CAFE } from "../owners.js";
import { ChipBench, type Lab, PATIENCE_MS } from "./chip-bench.js";

export function describePanel(lab: Lab): void {
  const program = findChromium();

  (program === undefined ? describe.skip : describe)("the panel of an emulated station", () => {
    let browser: TestBrowser;
    let chip: ChipBench;
    let broker: BrokerUnderTest;

    beforeAll(async () => {
      browser = await TestBrowser.start(program ?? "");
    }, PATIENCE_MS);

    afterAll(() => browser.close());

    beforeEach(async () => {
      chip = new ChipBench(lab);
      chip.newBoard();
      broker = await onAedes({ registry: chip.registry });
      await chip.start();
      await statusOf(chip.station);
      const change = {
        method: "POST",
        body: new URLSearchParams({ newpass: PASSWORD }),
        headers: chip.login,
      };
      expect((await request(chip.station, "/newauthpass", change)).status).toBe(200);
    }, PATIENCE_MS);

    afterEach(async () => {
      const browserErrors = await browser.closePages();
      await chip.close();
      await broker.close();
      expect(browserErrors).toEqual([]);
    });

    const PASSWORD = "battery staple";

    function open(path?: string): Promise<Page> {
      const httpCredentials = { username: "admin", password: PASSWORD };
      return browser.open({ baseURL: chip.station.url, httpCredentials }, path);
    }

    test(
      "pairs the station, and shows the vehicle",
      async () => {
        const page = await open();
        await waitForText(page, "#now", "Still needed: Platform");
        const form = page.locator("#station");
        await form.getByLabel("E-mail").fill(CAFE.email);
        await page.getByLabel("Token").fill(CAFE.token);
        await page.getByLabel("Server").fill(HOST_ADDRESS);
        await page.getByLabel("Encrypted (TLS)").uncheck();
        await page.getByLabel("Port").fill(String(broker.platform.port));
        await form.getByRole("button", { name: "Save" }).click();
        await chip.online();
        await waitForText(page, "#state", "Online");
        chip.station.bench("pilot B");
        await waitForText(page, "#status", "Vehicle plugged in");
      },
      PATIENCE_MS,
    );

    test(
      "uploads firmware, and shows its version after the restart",
      async () => {
        await chip.pairOnline(broker.platform.port);
        const page = await open("/system.html");
        await waitForText(page, "#version", "1");
        const form = page.locator("form[data-to='/firmware/upload']");
        const { image, signature } = chip.release(2);
        const file = {
          name: "plugpass-2.bin",
          mimeType: "application/octet-stream",
          buffer: Buffer.from(image),
        };
        await form.getByLabel("Firmware file").setInputFiles(file);
        const signed = { name: "plugpass-2.sig", mimeType: "text/plain", buffer: Buffer.from(signature) };
        await form.getByLabel("Signature file").setInputFiles(signed);
        chip.station.mark();
        await form.getByRole("button", { name: "Upload" }).click();
        await chip.station.waitFor("update: version 2 is pending verification", PATIENCE_MS);
        await chip.station.waitFor("update: the new firmware is validated");
        const again = await open("/system.html");
        await waitForText(again, "#version", "2");
      },
      2 * PATIENCE_MS,
    );
  });
}
