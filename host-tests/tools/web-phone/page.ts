import {
  type AuthorizationResult,
  chooseStation,
  readCard,
  Station,
  type WebBluetooth,
} from "../../../docs/station.js";
import { confirmationSentence, errorSentence, resultSentence, statusWords } from "./sentences.js";

const connectButton = find("connect", HTMLButtonElement);
const form = find("card", HTMLFormElement);
const tagField = find("tag", HTMLInputElement);
const presentButton = find("present", HTMLButtonElement);
const stationText = find("station", HTMLElement);
const outcome = find("outcome", HTMLOutputElement);
const bluetooth = (navigator as Navigator & { readonly bluetooth?: WebBluetooth }).bluetooth;

let station: Station | undefined;
let name = "";

if (bluetooth) {
  connectButton.addEventListener("click", () => void guarded(() => connect(bluetooth)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void guarded(present);
  });
} else {
  connectButton.disabled = true;
  showMessage(
    "This browser has no Web Bluetooth. Use Chrome or Edge on Android, Windows, macOS or ChromeOS; on Linux, switch on chrome://flags/#enable-web-bluetooth.",
    "failed",
  );
}

async function connect(bluetooth: WebBluetooth): Promise<void> {
  const gatt = await chooseStation(bluetooth);
  if (!gatt) return;
  station?.disconnect();
  showMessage("Connecting…", "pending");
  name = gatt.name;
  station = await Station.connect(gatt, () => {
    station = undefined;
    presentButton.disabled = true;
    stationText.textContent = "not connected";
  });
  await showStatus();
  presentButton.disabled = false;
  showMessage("Connected. Present your card.", "idle");
}

async function present(): Promise<void> {
  if (!station) throw new Error("Connect to a station first.");
  presentButton.disabled = true;
  try {
    const { result, confirmation } = await presentTo(station);
    showMessage(`${resultSentence(result)} (${result.code})${confirmation}`, result.state);
    await showStatus();
  } finally {
    presentButton.disabled = station === undefined;
  }
}

/** Presents the number, or the card whose link or file was pasted. */
async function presentTo(chosen: Station): Promise<{ result: AuthorizationResult; confirmation: string }> {
  const onPending = () => showMessage("The card is being checked…", "pending");
  const card = readCard(tagField.value);
  if (!card) return { result: await chosen.authorize(tagField.value, onPending), confirmation: "" };
  const result = await chosen.authorize(card, onPending);
  return { result, confirmation: ` ${confirmationSentence(result, result.isConfirmed)}`.trimEnd() };
}

async function showStatus(): Promise<void> {
  if (!station) return;
  const { status } = await station.read();
  stationText.textContent = `${name}: ${statusWords(status)}`;
}

async function guarded(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    showMessage(errorSentence(error), "failed");
  }
}

function showMessage(text: string, state: string): void {
  outcome.textContent = text;
  outcome.dataset.state = state;
}

function find<T extends HTMLElement>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${id}`);
  return element;
}
