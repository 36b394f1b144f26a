/** Tests the admin panel in a real browser, on a phone's and a desk's screen, over the station's real HTTP server. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { encodeHex } from "../../../modules/bytes/index.js";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { changePassword } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import { KEYED, maker } from "../../virtual/world/signer.js";
import { World } from "../../virtual/world/world.js";
import { CAFE } from "../owners.js";
import { type BrokerUnderTest, onAedes } from "./brokers.js";
import {
  expectAccessible,
  findChromium,
  SCREENS,
  type Screen,
  TestBrowser,
  takePicture,
  waitForText,
} from "./chromium.js";

const PATIENCE_MS = 60_000;
const ADMIN_PASSWORD = "correct horse";
const WIFI = { ssid: "Café", password: "espresso-doppio" };

const IMAGE_BYTES = 1_200_000;
const UPLOAD_BYTES_PER_S = 400_000;
/** Script that records each displayed percentage once. */
const WATCH_PROGRESS = `
  window.shown = [];
  new MutationObserver(() => {
    const text = document.querySelector("form[data-upload] .answer").textContent;
    if (/^\\d+ %$/.test(text)) shown.push(text);
  }).observe(document.querySelector("form[data-upload] .answer"), { childList: true });
`;

const program = findChromium();
const describeWithChromium = program === undefined ? describe.skip : describe;

describeWithChromium("the admin panel", () => {
  let browser: TestBrowser;
  let clock: NodeClock;
  let broker: BrokerUnderTest;
  let station: VirtualStation;

  beforeAll(async () => {
    browser = await TestBrowser.start(program ?? "");
  }, PATIENCE_MS);

  afterAll(() => browser.close());

  beforeEach(async () => {
    clock = new NodeClock();
    const world = new World(clock, { seed: 5 });
    world.wifi.put(WIFI);
    world.wifi.put({ ssid: "Guests", rssi: -80 });
    broker = await onAedes();
    station = new VirtualStation({
      world,
      config: KEYED,
      httpPort: 0,
      mac: "a4:cf:12:00:00:01",
      provisioning: {
        deviceId: "cafe-1",
        responseKey: broker.registry.device("cafe-1")?.key,
        adminPassword: ADMIN_PASSWORD,
      },
      onEnd: (end) => {
        if (end.type === "restart") clock.set(() => station.boot(), 100);
      },
    });
    changePassword(station.device, ADMIN_PASSWORD);
    station.boot();
    await listening();
  }, PATIENCE_MS);

  afterEach(async () => {
    const browserErrors = await browser.closePages();
    station.device.cutPower();
    clock.dispose();
    await broker.close();
    expect(browserErrors).toEqual([]);
  });

  function listening(): Promise<number> {
    return waitFor("the HTTP API listens", () => station.httpPort > 0 && station.httpPort);
  }

  async function open(
    options: {
      path?: string;
      password?: string;
      locale?: string;
      viewport?: Screen;
      colorScheme?: "light" | "dark";
    } = {},
  ): Promise<Page> {
    const { path, password = ADMIN_PASSWORD, ...context } = options;
    const baseURL = `http://127.0.0.1:${await listening()}`;
    return browser.open({ baseURL, httpCredentials: { username: "admin", password }, ...context }, path);
  }

  /** Limits the upload to the speed of a chip's Wi-Fi and flash. */
  async function slowDown(page: Page): Promise<void> {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: UPLOAD_BYTES_PER_S,
    });
  }

  async function progress(page: Page): Promise<string[]> {
    return (await page.evaluate("shown")) as string[];
  }

  async function fillPlatform(page: Page): Promise<void> {
    await page.locator("#station").getByLabel("E-mail").fill(CAFE.email);
    await page.getByLabel("Token").fill(CAFE.token);
    await page.getByLabel("Server").fill("127.0.0.1");
    expect(await page.getByLabel("Port").inputValue()).toBe("8883");
    await page.getByLabel("Encrypted (TLS)").uncheck();
    expect(await page.getByLabel("Port").inputValue()).toBe("1883");
    await waitForText(page, "#plain", "Not encrypted");
    await page.getByLabel("Port").fill(String(broker.platform.port));
    await page.locator("#station").getByRole("button", { name: "Save" }).click();
  }

  describe.each(SCREENS)("on a %s", (name, screen) => {
    test(
      "pairs a station: a wrong Wi-Fi password is reported and the form stays filled, the right one connects",
      async () => {
        const page = await open({ viewport: screen });
        await waitForText(page, "#now", "Still needed: Wi-Fi, Platform");
        await expectAccessible(page);
        await takePicture(page, `panel/${name}-first`);
        await page.getByRole("link", { name: "Wi-Fi" }).click();
        await page.getByRole("button", { name: `${WIFI.ssid} 80 % locked` }).click();
        await page.locator("[name=pass]").fill("wrong-password");
        await page.locator("#wifi").getByLabel("Show password").check();
        expect(await page.locator("[name=pass]").getAttribute("type")).toBe("text");
        await expectAccessible(page);
        await page.locator("#wifi").getByRole("button", { name: "Save" }).click();
        await waitForText(page, "#wifi .answer", "Saved.");
        await page.getByRole("link", { name: "Station" }).click();
        await waitForText(page, "#now", "Still needed: Platform");
        await fillPlatform(page);
        await waitForText(page, "#now", "Trying the new parameters");
        await waitForText(page, "#failure", "refused the password");
        await expectAccessible(page);
        await page.getByRole("link", { name: "Wi-Fi" }).click();
        await waitForText(page, "#networks", "Guests");
        await takePicture(page, `panel/${name}-wrong`);
        expect(await page.locator("[name=ssid]").inputValue()).toBe(WIFI.ssid);
        await page.locator("[name=pass]").fill(WIFI.password);
        await page.locator("#wifi").getByRole("button", { name: "Save" }).click();
        await page.getByRole("link", { name: "Station" }).click();
        await waitForText(page, "#state", "Online");
        await waitForText(page, "#now", "Connected.");
        await waitForText(page, "#secure", "plain MQTT (not encrypted)");
        expect(await page.locator("#failure").textContent()).toBe("");
        station.device.vehicle.plug();
        await waitForText(page, "#status", "Vehicle plugged in");
        await expectAccessible(page);
        await takePicture(page, `panel/${name}-online`);
      },
      PATIENCE_MS,
    );

    test(
      "uploads firmware with progress, and shows why another file is rejected",
      async () => {
        const page = await open({ viewport: screen, path: "/system.html" });
        await waitForText(page, "#version", "1");
        const form = page.locator("form[data-to='/firmware/upload']");
        const choose = (name: string, buffer: Buffer) =>
          form
            .getByLabel("Firmware file")
            .setInputFiles({ name, mimeType: "application/octet-stream", buffer });
        await choose("picture.png", Buffer.alloc(300_000, 0x89));
        await form.getByRole("button", { name: "Upload" }).click();
        await waitForText(page, "form[data-upload] .answer", "Refused: this is not a firmware image");
        await expectAccessible(page);
        const image = makeImage({ version: 2, byteLength: IMAGE_BYTES });
        await choose("plugpass-2.bin", Buffer.from(image));
        const signature = Buffer.from(encodeHex(maker.sign(image)));
        await form
          .getByLabel("Signature file")
          .setInputFiles({ name: "plugpass-2.sig", mimeType: "text/plain", buffer: signature });
        await page.evaluate(WATCH_PROGRESS);
        await slowDown(page);
        await form.getByRole("button", { name: "Upload" }).click();
        await waitForText(page, "form[data-upload] .answer", /^[1-9]\d? %$/);
        await expectAccessible(page);
        await takePicture(page, `panel/${name}-upload`);
        await waitForText(
          page,
          "form[data-upload] .answer",
          "Installed. The station restarts with the new firmware.",
        );
        expect((await progress(page)).length).toBeGreaterThan(3);
        expect(await form.locator("progress").isHidden()).toBe(true);
        await waitForText(page, "#version", "2");
        expect(station.device.slots.running).toBe(1);
      },
      PATIENCE_MS,
    );

    test(
      "changes the admin password, and resets after a confirmation",
      async () => {
        const page = await open({ viewport: screen, path: "/system.html" });
        await expectAccessible(page);
        const passwordForm = page.locator("form[data-to='/newauthpass']");
        await passwordForm.getByLabel("New password").fill("battery staple");
        await passwordForm.getByRole("button", { name: "Save" }).click();
        await page.getByText("The password has changed. Log in again.").waitFor();
        await expectAccessible(page);
        const again = await open({ viewport: screen, path: "/system.html", password: "battery staple" });
        await takePicture(again, `panel/${name}-system`);
        await again.getByRole("button", { name: "Reset" }).click();
        await expectAccessible(again);
        await again.getByRole("button", { name: "No" }).click();
        expect(await again.locator("form[data-to='/resetdefault'] .answer").textContent()).toBe("");
        await again.getByRole("button", { name: "Reset" }).click();
        await again.getByRole("button", { name: "Yes" }).click();
        await waitForText(again, "form[data-to='/resetdefault'] .answer", "The station restarts.");
        // Its requests would have a wrong password after the reset.
        await again.close();
        await waitFor("it has started again", () =>
          station.device.logLines.some((line) =>
            line.includes("the previous run ended: restart: factory reset"),
          ),
        );
        const fresh = await open({ viewport: screen });
        await fresh.getByText("The station still has its first password.").waitFor();
        for (const selector of ["nav", "#station", "[data-to='/resetdefault']", "#again"]) {
          expect(await fresh.locator(selector).isHidden()).toBe(true);
        }
        await expectAccessible(fresh);
        await takePicture(fresh, `panel/${name}-password`);
        await fresh.getByLabel("New password").fill(ADMIN_PASSWORD);
        await fresh.getByRole("button", { name: "Save" }).click();
        await waitForText(fresh, "[data-to='/newauthpass'] .answer", "must differ");
        await fresh.getByLabel("New password").fill("another staple");
        await fresh.getByRole("button", { name: "Save" }).click();
        await fresh.locator("#again").waitFor();
        const own = await open({ viewport: screen, password: "another staple" });
        await waitForText(own, "#state", "Not set up");
      },
      PATIENCE_MS,
    );
  });

  test(
    "shows the trace, the latest event first",
    async () => {
      const page = await open({ path: "/system.html" });
      await page.getByRole("button", { name: "Show" }).click();
      await waitForText(page, "#log li:last-child", "started power");
      station.device.vehicle.plug();
      await waitFor("the vehicle is detected", () => station.station?.status === "plugged");
      await page.getByRole("button", { name: "Show" }).click();
      await waitForText(page, "#log li:first-child", "status plugged");
      await expectAccessible(page);
    },
    PATIENCE_MS,
  );

  test.each([
    ["cs-CZ", "cs", "Ještě chybí: Wi-Fi, Platforma"],
    ["de-AT", "de", "Es fehlt noch: WLAN, Plattform"],
    ["uk-UA", "uk", "Ще потрібно: Wi-Fi, Платформа"],
    ["fr-FR", "en", "Still needed: Wi-Fi, Platform"],
  ])(
    "is displayed for %s in the language %s",
    async (locale, language, text) => {
      const page = await open({ locale, colorScheme: "dark" });
      await waitForText(page, "#now", text);
      expect(await page.locator("html").getAttribute("lang")).toBe(language);
      await expectAccessible(page);
      if (language === "uk") await takePicture(page, "panel/ukrainian");
    },
    PATIENCE_MS,
  );

  test.each([
    ["en-GB", "The contactor does not open. The socket can be live. Do not pull the plug."],
    ["cs-CZ", "Stykač se nerozpojil. Zásuvka může být pod napětím. Nevytahujte zástrčku."],
    ["de-DE", "Das Schütz öffnet nicht. Die Steckdose kann unter Spannung stehen. Den Stecker nicht ziehen."],
    ["uk-UA", "Контактор не розмикається. Розетка може бути під напругою. Не виймайте вилку."],
  ])(
    "says for %s what a fault is and what to do, with its code",
    async (locale, text) => {
      const page = await open({ locale, viewport: SCREENS[0][1] });
      await waitForText(page, "#status", /./);
      expect(await page.locator("#fault").isHidden()).toBe(true);
      station.device.vehicle.breakContactor("welded");
      await waitForText(page, "#fault", text);
      await waitForText(page, "#fault", "contactor-welded: the contactor does not open");
      await expectAccessible(page);
    },
    PATIENCE_MS,
  );

  test(
    "offers no plain MQTT at a station that requires TLS, and sends the port as mqtts_port",
    async () => {
      station.device.cutPower();
      const preset = { security: "tls" };
      station.device.provision({ deviceId: "cafe-1", adminPassword: ADMIN_PASSWORD, preset });
      station.boot();
      const page = await open();
      const box = page.getByLabel("Encrypted (TLS)");
      await box.waitFor({ state: "hidden" });
      await page.locator("#station").getByLabel("E-mail").fill(CAFE.email);
      await page.getByLabel("Token").fill(CAFE.token);
      await page.getByLabel("Server").fill("127.0.0.1");
      const request = page.waitForRequest("**/setcredentials");
      await page.locator("#station").getByRole("button", { name: "Save" }).click();
      expect(new URLSearchParams((await request).postData() ?? "").get("mqtts_port")).toBe("8883");
      await waitForText(page, "#station .answer", "Saved.");
      await expectAccessible(page);
    },
    PATIENCE_MS,
  );

  test(
    "is not shown without the password",
    async () => {
      const page = await open({ password: "wrong" });
      expect(await page.textContent("body")).toContain("log in as admin");
    },
    PATIENCE_MS,
  );

  test(
    "can be used by keyboard alone",
    async () => {
      const page = await open({ path: "/wifi.html" });
      const name = page.getByRole("button", { name: "Guests" });
      await name.focus();
      await page.keyboard.press("Enter");
      expect(await page.locator("[name=ssid]").inputValue()).toBe("Guests");
      await page.keyboard.press("Enter");
      await waitForText(page, "#wifi .answer", "Saved.");
    },
    PATIENCE_MS,
  );
});
