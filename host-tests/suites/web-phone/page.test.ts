import { createContext, runInContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { WebBluetooth } from "../../../docs/station.js";
import { cardFileText, cardLinkOf } from "../../../platform-stub/cards.js";
import { VirtualDevice } from "../../tools/web-phone/device.js";
import { serveWebPhone } from "../../tools/web-phone/server.js";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { RadioScene, STATION_ADDRESS } from "../bluetooth/radio-scene.js";
import { skipFor } from "../optional.js";

const CARD = { v: 1, cardId: "ka5tqgx2m7bd4wzn", secret: "A".repeat(43) } as const;

/** The part of the DOM that the page uses. */
class HTMLElement extends EventTarget {
  textContent = "";
  value = "";
  disabled = false;
  readonly dataset: { state?: string } = {};
}
class HTMLButtonElement extends HTMLElement {}
class HTMLFormElement extends HTMLElement {}
class HTMLInputElement extends HTMLElement {}
class HTMLOutputElement extends HTMLElement {}

/** Runs the served page's script in a window with the given Bluetooth. */
async function openPage(bluetooth: WebBluetooth | undefined) {
  const elements = {
    connect: new HTMLButtonElement(),
    card: new HTMLFormElement(),
    tag: new HTMLInputElement(),
    present: new HTMLButtonElement(),
    station: new HTMLElement(),
    outcome: new HTMLOutputElement(),
  };
  elements.tag.value = "GUEST-0001";
  elements.present.disabled = true;
  const classes = { HTMLElement, HTMLButtonElement, HTMLFormElement, HTMLInputElement, HTMLOutputElement };
  const browser = createContext({
    ...classes,
    document: { getElementById: (id: keyof typeof elements) => elements[id] },
    navigator: { bluetooth },
    Error,
    DOMException,
    TextEncoder,
    TextDecoder,
    crypto,
    setTimeout,
    clearTimeout,
  });
  const phone = await serveWebPhone(0);
  try {
    runInContext(await (await fetch(`${phone.url}page.js`)).text(), browser);
  } finally {
    phone.close();
  }
  return elements;
}

type Page = Awaited<ReturnType<typeof openPage>>;

function click({ connect }: Page): void {
  connect.dispatchEvent(new Event("click"));
}

function submit({ card }: Page): Event {
  const event = new Event("submit", { cancelable: true });
  card.dispatchEvent(event);
  return event;
}

test("the page names supported browsers in a browser without Web Bluetooth", async () => {
  const { connect, outcome } = await openPage(undefined);
  expect(connect.disabled).toBe(true);
  expect(outcome.textContent).toContain("Use Chrome or Edge");
  expect(outcome.dataset.state).toBe("failed");
});

test("the page reports that Bluetooth is off and allows another try", async () => {
  const page = await openPage({
    getAvailability: async () => false,
    requestDevice: () => Promise.reject(new Error("it is not asked")),
  });
  click(page);
  await new Promise(setImmediate);
  expect(page.outcome.textContent).toContain("Switch it on and try again.");
  expect([page.connect.disabled, page.present.disabled]).toEqual([false, true]);
});

const packages = loadBluetoothPackages();
if (!packages) skipFor(HOW_TO_GET_BLUETOOTH);

(packages ? describe : describe.skip)("the web phone's page over the virtual radio", () => {
  let scene: RadioScene;
  let device: VirtualDevice;
  let page: Page;

  beforeEach(async () => {
    if (!packages) return;
    scene = RadioScene.online(packages);
    device = new VirtualDevice({ central: scene.radio.central, address: STATION_ADDRESS, name: "<b>Café" });
    page = await openPage({ getAvailability: async () => true, requestDevice: async () => device });
    click(page);
    await waitForSentence("Connected. Present your card.");
  });

  afterEach(() => scene.cafe.device.cutPower());

  function waitForSentence(sentence: string): Promise<void> {
    return scene.until(`the page shows ${sentence}`, () => page.outcome.textContent === sentence);
  }

  test("presents a card and shows the result", async () => {
    expect(page.station.textContent).toBe("<b>Café: a vehicle is plugged");
    expect(page.present.disabled).toBe(false);
    expect(submit(page).defaultPrevented).toBe(true);
    expect(page.present.disabled).toBe(true);
    await waitForSentence("The card is being checked…");
    await waitForSentence("You may charge. (200)");
    expect(page.outcome.dataset.state).toBe("authorized");
    await scene.until("the form is enabled again", () => !page.present.disabled);
  });

  test("presents a card by its pasted link, and says that the platform stands behind the station", async () => {
    scene.cafe.platform.tags.set(CARD.cardId, { authorized: true });
    scene.cafe.platform.proofCards.secrets.set(CARD.cardId, new Uint8Array(32));
    page.tag.value = cardLinkOf(CARD);
    submit(page);
    await waitForSentence("You may charge. (200) The platform stands behind this station.");
  });

  test("presents a card by its pasted file, and says when the platform gives no receipt", async () => {
    page.tag.value = cardFileText(CARD).replaceAll("\n", "");
    submit(page);
    await waitForSentence(
      "This card may not charge here. (403) There is no receipt of the platform: the card is out of date, or the station is not genuine.",
    );
  });

  test("shows a lost connection and disables the card form", async () => {
    scene.cafe.platform.intercept = () => [];
    submit(page);
    await waitForSentence("The card is being checked…");
    device.lose();
    await waitForSentence("The connection was lost. Come closer and connect again.");
    expect(page.station.textContent).toBe("not connected");
    expect(page.present.disabled).toBe(true);
  });
});
