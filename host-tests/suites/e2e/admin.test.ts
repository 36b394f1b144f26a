/** Tests the platform stub's admin page in a real browser, with a real station on its broker. */

import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { type Admin, Login, startAdmin } from "../../../platform-stub/admin/index.js";
import { StationWatcher } from "../../../platform-stub/station-watcher.js";
import { Traffic } from "../../../platform-stub/traffic.js";
import { BAR, CAFE } from "../owners.js";
import { type BrokerUnderTest, onAedes } from "./brokers.js";
import {
  DESK,
  expectAccessible,
  findChromium,
  SCREENS,
  type Screen,
  TestBrowser,
  takePicture,
  waitForText,
} from "./chromium.js";
import { OnlineStation } from "./online-station.js";

const PATIENCE_MS = 60_000;
const PASSWORD = "correct horse";
const SECTIONS = ["Cards", "Stations", "Sessions", "Requests"];
/** Label with a script that must not run in the page. */
const HOSTILE = `<img src=x onerror="document.title='hit'">`;

const program = findChromium();
const describeWithChromium = program === undefined ? describe.skip : describe;

describeWithChromium("the platform's admin page", () => {
  let browser: TestBrowser;
  let broker: BrokerUnderTest;
  let watcher: StationWatcher;
  let admin: Admin;
  let station: OnlineStation | undefined;

  beforeAll(async () => {
    browser = await TestBrowser.start(program ?? "");
  }, PATIENCE_MS);

  afterAll(() => browser.close());

  beforeEach(async () => {
    const traffic = new Traffic();
    broker = await onAedes({
      onRequest: (request, decision) => traffic.record(request, decision),
      onIgnored: (why) => traffic.recordIgnored(why),
    });
    const { registry, platform } = broker;
    watcher = await StationWatcher.start({ registry, url: platform.url, ...platform.account });
    const { login } = await Login.open({ registry, password: PASSWORD });
    admin = await startAdmin({ registry, traffic, watcher, login, host: "127.0.0.1", port: 0 });
  }, PATIENCE_MS);

  afterEach(async () => {
    const browserErrors = await browser.closePages();
    station?.stop();
    station = undefined;
    await admin.close();
    await watcher.close();
    await broker.close();
    expect(browserErrors).toEqual([]);
  });

  function open(viewport?: Screen, colorScheme?: "dark"): Promise<Page> {
    return browser.open({
      baseURL: admin.url,
      viewport: viewport ?? DESK,
      colorScheme,
      acceptDownloads: true,
    });
  }

  async function logIn(page: Page, password = PASSWORD): Promise<void> {
    await page.getByLabel("Password").fill(password);
    await page.keyboard.press("Enter");
  }

  async function openLoggedIn(screen?: Screen, colorScheme?: "dark"): Promise<Page> {
    const page = await open(screen, colorScheme);
    await logIn(page);
    await waitForText(page, "#cards h1", "Cards");
    return page;
  }

  function rowOf(page: Page, tag: string) {
    return page.locator("#cards-rows tr").filter({ hasText: tag });
  }

  /** Adds the sessions of a fortnight, which are the same in each run. */
  function fillSessions(): void {
    const nowS = Math.floor(Date.now() / 1000);
    for (let i = 0; i < 18; i++) {
      const start = nowS - Math.floor(((18 - i) * 13.3 * 86_400) / 18);
      const seconds = 1800 + ((i * 977) % 7200);
      broker.registry.acceptSession({
        device: i % 3 === 0 ? "cafe-2" : "cafe-1",
        id: i.toString(16).padStart(16, "0"),
        owner: CAFE.email,
        accepted: start + seconds,
        tag: "ab".repeat(32),
        tagEnd: "0001",
        method: i % 4 === 0 ? "rfid" : "ble",
        start,
        end: start + seconds,
        seconds,
        startWh: 0,
        endWh: 3000 + ((i * 2711) % 19_000),
        why: "unplugged",
      });
    }
  }

  test(
    "is shown only after login, and hidden again after logout",
    async () => {
      const page = await open();
      await waitForText(page, "#login h1", "Log in");
      expect(await page.title()).toBe("Log in - PlugPass platform");
      expect(await page.locator("nav").isVisible()).toBe(false);
      await expectAccessible(page);
      await logIn(page, "wrong password");
      await waitForText(page, "#login-answer", "Wrong password.");
      await logIn(page);
      await waitForText(page, "#cards-rows", "GUEST-0001");
      await page.getByRole("button", { name: "Log out" }).click();
      await waitForText(page, "#login-answer", "You are logged out.");
      expect(await page.locator("body").innerHTML()).not.toContain("GUEST-0001");
      await page.goto("/#stations");
      await waitForText(page, "#login h1", "Log in");
    },
    PATIENCE_MS,
  );

  test.each(SCREENS)(
    "shows each section with its data on a %s, and axe finds no violations",
    async (name, screen) => {
      fillSessions();
      broker.registry.putTag({
        tag: "ANNA-2026",
        owner: CAFE.email,
        label: "Anna, upstairs",
        maxCurrent: 10,
      });
      broker.registry.putTag({ tag: "ka5tqgx2m7bd4wzn", owner: CAFE.email, label: "Jan", accepts: "proof" });
      station = await OnlineStation.start(broker);
      await station.present("GUEST-0001");
      await station.charge(150);
      await station.present("GUEST-0002");
      const page = await openLoggedIn(screen);
      for (const section of SECTIONS) {
        await page.getByRole("link", { name: section }).click();
        const shown = `#${section.toLowerCase()}`;
        await waitForText(page, `${shown} tbody tr`, /cafe-1|all/);
        expect(await page.locator("a[aria-current]").textContent()).toBe(section);
        expect(await page.title()).toBe(`${section} - PlugPass platform`);
        await expectAccessible(page);
        await takePicture(page, `admin/${name}-${section.toLowerCase()}`);
      }
    },
    PATIENCE_MS,
  );

  test(
    "has no axe violations in the dark color scheme",
    async () => {
      fillSessions();
      const page = await openLoggedIn(DESK, "dark");
      for (const section of SECTIONS) {
        await page.getByRole("link", { name: section }).click();
        await waitForText(page, `#${section.toLowerCase()} h1`, section);
        await expectAccessible(page);
      }
    },
    PATIENCE_MS,
  );

  test(
    "creates, edits, blocks and deletes a card, also by keyboard",
    async () => {
      const page = await openLoggedIn();
      await page.getByRole("button", { name: "New card" }).focus();
      await page.keyboard.press("Enter");
      await expectAccessible(page);
      await page.keyboard.press("Tab");
      await page.getByLabel("Number", { exact: true }).fill("ANNA-2026");
      await page.getByLabel("Label", { exact: true }).fill("Anna");
      await page.getByLabel("all stations of the owner").uncheck();
      await page.getByLabel("cafe-2").check();
      await page.keyboard.press("Enter");
      await waitForText(page, "#cards-answer", "ANNA-2026 is saved.");
      expect(broker.registry.tag("ANNA-2026")).toEqual({
        tag: "ANNA-2026",
        owner: CAFE.email,
        label: "Anna",
        stations: ["cafe-2"],
      });
      await page.getByRole("button", { name: "Block ANNA-2026", exact: true }).click();
      await waitForText(page, "#cards-rows tr", /ANNA-2026.*blocked/);
      expect(broker.registry.tag("ANNA-2026")).toMatchObject({
        blocked: true,
        label: "Anna",
        stations: ["cafe-2"],
      });
      await page.getByRole("button", { name: "Edit ANNA-2026" }).click();
      await page.getByLabel("Owner", { exact: true }).selectOption(BAR.email);
      await page.getByLabel("all stations of the owner").check();
      await page.getByLabel("Blocked").uncheck();
      await page.getByLabel("Current limit").fill("7.5");
      await page.getByRole("button", { name: "Save" }).click();
      await waitForText(page, "#cards-rows tr", /ANNA-2026.*good/);
      const changed = { tag: "ANNA-2026", owner: BAR.email, label: "Anna", maxCurrent: 7.5 };
      expect(broker.registry.tag("ANNA-2026")).toEqual(changed);
      await page.getByRole("button", { name: "Delete ANNA-2026" }).click();
      await expectAccessible(page);
      await page.getByRole("button", { name: "Keep" }).click();
      expect(broker.registry.tag("ANNA-2026")).toEqual(changed);
      await page.getByRole("button", { name: "Delete ANNA-2026" }).click();
      await page.locator("#deletion").getByRole("button", { name: "Delete" }).click();
      await waitForText(page, "#cards-answer", "ANNA-2026 is deleted.");
      expect(broker.registry.tag("ANNA-2026")).toBeUndefined();
    },
    PATIENCE_MS,
  );

  test(
    "keeps the keyboard focus at the button of the same card, or of the next one",
    async () => {
      const page = await openLoggedIn();
      const press = async (name: string) => {
        await page.getByRole("button", { name, exact: true }).focus();
        await page.keyboard.press("Enter");
      };
      const isAt = (name: string) => page.locator(`button:focus[aria-label="${name}"]`).waitFor();
      await press("Block GUEST-0001");
      await isAt("Unblock GUEST-0001");
      await page.keyboard.press("Enter");
      await isAt("Block GUEST-0001");
      await press("Edit GUEST-0001");
      await page.getByLabel("Label", { exact: true }).fill("Anna");
      await page.keyboard.press("Enter");
      await waitForText(page, "#cards-rows tr", /GUEST-0001Anna/);
      await isAt("Edit GUEST-0001");
      await press("Delete GUEST-0001");
      await page.locator("#deletion").getByRole("button", { name: "Delete" }).press("Enter");
      await waitForText(page, "#cards-answer", "GUEST-0001 is deleted.");
      await isAt("Delete GUEST-0002");
      await press("New card");
      await page.getByLabel("Number", { exact: true }).fill("ANNA-2026");
      await page.keyboard.press("Enter");
      await waitForText(page, "#cards-answer", "ANNA-2026 is saved.");
      await page.locator("#new-card:focus").waitFor();
    },
    PATIENCE_MS,
  );

  test(
    "registers by keyboard that an owner accepts a station, and withdraws it",
    async () => {
      const page = await openLoggedIn();
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#expected-rows tr", "no accepted transfers");
      await page.getByLabel("New owner", { exact: true }).selectOption(BAR.email);
      await page.getByLabel("Station", { exact: true }).fill("cafe-1");
      await page.keyboard.press("Enter");
      await waitForText(page, "#expect-answer", `${BAR.email} accepts cafe-1.`);
      await waitForText(page, "#expected-rows tr", /owner@bar\.examplecafe-11 h 0 min/);
      expect(broker.registry.acceptances).toMatchObject([{ owner: BAR.email, device: "cafe-1" }]);
      await expectAccessible(page);
      await page.getByRole("button", { name: `Withdraw acceptance of ${BAR.email}` }).focus();
      // The list comes again every 2 s.
      await page.waitForResponse(/api\/stations/);
      await page.waitForResponse(/api\/stations/);
      await page.locator("#expected-rows button:focus").press("Enter");
      await waitForText(page, "#expected-rows tr", "no accepted transfers");
      expect(broker.registry.acceptances).toEqual([]);
    },
    PATIENCE_MS,
  );

  test(
    "shows implausible values of a session, and no card for a session without one",
    async () => {
      const session = {
        device: "cafe-1",
        owner: CAFE.email,
        accepted: Math.floor(Date.now() / 1000),
        tag: "0".repeat(64),
        tagEnd: "-",
        start: null,
        end: null,
        seconds: 60,
        startWh: 500,
        endWh: 10,
        why: "unplugged",
      };
      broker.registry.acceptSession({ ...session, id: "0000000000000001", method: "free" });
      broker.registry.acceptSession({ ...session, id: "0000000000000002", method: "remote", endWh: 600 });
      broker.registry.acceptSession({ ...session, id: "0000000000000002", method: "remote", endWh: 700 });
      const page = await openLoggedIn();
      await page.getByRole("link", { name: "Sessions" }).click();
      const rows = page.locator("#sessions-rows tr");
      await waitForText(
        page,
        "#sessions-rows tr",
        /nonefree.*0 kWhunplugged; the meter ran backwards, from 500 to 10 Wh/,
      );
      expect(await rows.first().textContent()).toMatch(
        /noneremote.*0\.1 kWhunplugged; it was reported again with other values/,
      );
      expect(await rows.locator("td.bad").count()).toBe(2);
      await expectAccessible(page);
    },
    PATIENCE_MS,
  );

  test(
    "reports a duplicate card number in the dialog, and finds cards by search",
    async () => {
      const page = await openLoggedIn();
      await page.getByRole("button", { name: "New card" }).click();
      await page.getByLabel("Number", { exact: true }).fill("GUEST-0001");
      await page.getByRole("button", { name: "Save" }).click();
      await waitForText(page, "#card-answer", "a card with this number already exists");
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByLabel("Search").fill("bar.example");
      await waitForText(page, "#cards-count", "1-1 of 1");
      expect(await rowOf(page, "GUEST-0004").count()).toBe(1);
    },
    PATIENCE_MS,
  );

  test(
    "exports and imports cards; a file with an error changes nothing and the line is shown",
    async () => {
      broker.registry.putTag({ tag: "FORMULA-1", owner: CAFE.email, label: `=cmd|' /C calc'!A0` });
      const before = broker.registry.tags;
      const page = await openLoggedIn();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Export CSV" }).click(),
      ]);
      const file = await download.path();
      expect(readFileSync(file, "utf8")).toContain(`"FORMULA-1","${CAFE.email}","'=cmd|' /C calc'!A0",`);
      const choose = async (text: string) => {
        await page
          .getByLabel("Import CSV")
          .setInputFiles({ name: "cards.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
        await page.getByRole("button", { name: "Import", exact: true }).click();
      };
      await choose(readFileSync(file, "utf8"));
      await waitForText(page, "#cards-answer", "0 cards added, 5 changed.");
      expect(broker.registry.tags).toEqual(before);
      await choose(`tag,owner\nNEW-0001,${CAFE.email}\nx${HOSTILE},${CAFE.email}\n`);
      await waitForText(page, "#cards-answer", "no card has changed");
      await waitForText(page, "#mistakes", /line 3: .*quotation mark is inside an unquoted cell/);
      expect(broker.registry.tags).toEqual(before);
      await expectAccessible(page);
      await choose(`tag,owner,label\nNEW-0001,${CAFE.email},${HOSTILE.replaceAll('"', "'")}\n`);
      await waitForText(page, "#cards-answer", "1 cards added");
      await waitForText(page, "#cards-rows", "<img src=x onerror='");
      expect(await page.title()).toBe("Cards - PlugPass platform");
    },
    PATIENCE_MS,
  );

  test(
    "makes a card with a proof, gives it to a phone, and replaces its secret",
    async () => {
      const page = await openLoggedIn();
      await page.getByRole("button", { name: "New card" }).click();
      await page.getByLabel("Presented by", { exact: true }).selectOption("proof");
      await page.getByLabel("Label", { exact: true }).fill("Anna");
      await page.getByRole("button", { name: "Save" }).click();
      await waitForText(page, "#phone-title", /Card [a-z2-7]{16} for a phone/);
      const card = broker.registry.tags.find(({ accepts }) => accepts === "proof");
      const tag = card?.tag ?? "";
      expect(card).toEqual({ tag, owner: CAFE.email, label: "Anna", accepts: "proof" });
      await expectAccessible(page);
      const link = page.getByLabel("Link", { exact: true });
      const secret = () => broker.registry.cardFile(tag)?.secret ?? "-";
      const before = secret();
      expect(await link.inputValue()).toBe(`plugpass:card?id=${tag}&secret=${before}&label=Anna`);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Download the card file" }).click(),
      ]);
      expect(JSON.parse(readFileSync(await download.path(), "utf8"))).toMatchObject({
        cardId: tag,
        secret: before,
      });
      await page.getByRole("button", { name: "New secret" }).click();
      await expectAccessible(page);
      await page.getByRole("button", { name: "Give a new secret" }).click();
      await waitForText(page, "#phone-answer", "The card has a new secret.");
      expect(secret()).not.toBe(before);
      expect(await link.inputValue()).toContain(secret());
      await page.getByRole("button", { name: "Close" }).click();
      await page.waitForFunction(`document.getElementById("phone-link").value === ""`);
      expect(await page.locator("body").innerHTML()).not.toContain(secret());
      await waitForText(page, "#cards-rows tr", new RegExp(`${tag}Anna.*proof`));
      await page.getByRole("button", { name: `Give ${tag} to a phone` }).click();
      await page.locator("#phone-qr svg").waitFor();
    },
    PATIENCE_MS,
  );

  test(
    "warns of a number that can be guessed, in the list, in the dialog and after a change",
    async () => {
      const page = await openLoggedIn();
      await waitForText(page, "#cards-rows tr", /GUEST-0001.*number; can be guessed/);
      await page.getByRole("button", { name: "Edit GUEST-0001" }).click();
      await waitForText(page, "#card-warning", "GUEST-0001 can be guessed: it is a word and 4 digits.");
      await expectAccessible(page);
      await page.getByRole("button", { name: "Save" }).click();
      await waitForText(page, "#mistakes", "GUEST-0001 can be guessed");
      await page.getByRole("button", { name: "New card" }).click();
      await page.getByLabel("Label", { exact: true }).fill("Anna");
      await page.getByRole("button", { name: "Save" }).click();
      await waitForText(page, "#cards-answer", /^[a-z2-7]{16} is saved\.$/);
      expect(await page.locator("#mistakes li").count()).toBe(0);
    },
    PATIENCE_MS,
  );

  test(
    "asks a station for its trace, and shows it among the requests",
    async () => {
      station = await OnlineStation.start(broker);
      const page = await openLoggedIn();
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#stations-rows tr", /cafe-1.*online/);
      await page.getByRole("button", { name: "Ask cafe-1 for its trace" }).click();
      await waitForText(page, "#requests-rows tr", /diagnostics.*started power.*lifeCycle online.*200/);
      await expectAccessible(page);
    },
    PATIENCE_MS,
  );

  test(
    "shows a session while it is in progress, and its result afterwards",
    async () => {
      station = await OnlineStation.start(broker);
      const page = await openLoggedIn();
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#stations-rows tr", /cafe-1.*Slavia.*online.*available/);
      await station.present("GUEST-0001");
      await waitForText(page, "#stations-rows tr", /cafe-1.*charging/);
      await station.charge(150);
      await waitForText(page, "#stations-rows tr", /cafe-1.*available.*150 Wh/);
      await page.getByRole("link", { name: "Sessions" }).click();
      await waitForText(page, "#sessions-rows tr", /cafe-1…0001ble.*0\.15 kWh/);
      const chart = page.getByRole("img");
      expect(await chart.getAttribute("aria-label")).toMatch(/0\.15 kWh$/);
      await page.getByRole("link", { name: "Requests" }).click();
      await waitForText(page, "#requests-rows tr", /authorize.*tag: …0001.*200.*authorized: true/);
      const text = (await page.locator("#requests").textContent()) ?? "";
      for (const secret of ["GUEST-0001", broker.registry.device("cafe-1")?.key ?? "-", CAFE.token]) {
        expect(text).not.toContain(secret);
      }
      station.stop();
      station = undefined;
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#stations-rows tr", /cafe-1.*lost/);
    },
    PATIENCE_MS,
  );

  test(
    "escapes a station's name and a card's label",
    async () => {
      station = await OnlineStation.start(broker, { name: "<img src=x onerror=x()>" });
      broker.registry.putTag({ tag: "HOSTILE-1", owner: CAFE.email, label: HOSTILE });
      const page = await openLoggedIn();
      await waitForText(page, "#cards-rows", HOSTILE);
      await page.getByRole("button", { name: "Delete HOSTILE-1" }).click();
      await waitForText(page, "#deletion-card", HOSTILE);
      await page.getByRole("button", { name: "Keep" }).click();
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#stations-rows", "<img src=x onerror=x()>");
      expect(await page.locator("main img").count()).toBe(0);
      expect(await page.title()).toBe("Stations - PlugPass platform");
    },
    PATIENCE_MS,
  );

  test(
    "reports that the platform is unreachable, and continues when it is back",
    async () => {
      const page = await openLoggedIn();
      await page.getByRole("link", { name: "Stations" }).click();
      await waitForText(page, "#stations-rows tr", "never seen");
      await page.context().setOffline(true);
      await waitForText(page, "#trouble", "The platform does not answer.");
      await page.context().setOffline(false);
      await page.locator("#trouble:empty").waitFor({ state: "attached", timeout: 20_000 });
    },
    PATIENCE_MS,
  );
});
