/** The admin panel: one page with the routes /, /wifi.html and /system.html. It polls /status for live values. */

import { faultTexts } from "./fault-texts.ts";
import { translations } from "./translations.js";

/** Interval of polling /status, ms. */
const POLL_MS = 2000;
/** Time limit of a poll, ms. A station that has moved to another channel does not reset its connections. */
const ANSWER_MS = 10_000;
/** Texts of the states in /status. */
const STATES = {
  unpaired: "Not set up",
  joining: "Joining the Wi-Fi network",
  connecting: "Connecting to the platform",
  online: "Online",
  offline: "Offline; the station keeps trying",
  rescue: "Safe mode",
};
/** Texts of the charging statuses in /status. */
const STATUSES = {
  available: "Free",
  plugged: "Vehicle plugged in",
  authorized: "Authorized",
  charging: "Charging",
  finishing: "Finished",
  faulted: "Faulted",
  unavailable: "Out of service",
  "suspended-by-vehicle": "Paused by the vehicle",
  "suspended-by-station": "Paused by the station",
};
/** Where the offered current comes from. */
const LIMITS = {
  installation: "limit of the installation",
  owner: "the owner's limit",
  paused: "charging is paused",
  "phase-switching": "the phases are being changed",
  "load-management": "the energy manager's limit",
  fallback: "the energy manager is silent",
  cable: "limit of the cable",
  card: "limit of the card",
  temperature: "it is hot inside",
};
const ENGLISH_ONLY = "en";
const PLAIN =
  "Not encrypted: the token and all messages can be read and forged on their way. Use it only in a network that you control.";
/** Ports of MQTT with and without TLS. */
const PORTS = { true: "8883", false: "1883" };
const UNREACHABLE = "The station does not answer. Check that this device is in its network.";

const language = navigator.languages
  .map((tag) => tag.slice(0, 2))
  .find((tag) => tag === ENGLISH_ONLY || translations[tag]);
const dictionary = translations[language] ?? {};
const explanations = faultTexts[language] ?? faultTexts.en;
const find = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
/** Translates a text of the page. */
const translate = (text) => dictionary[text] ?? text;
/** Sets the text of an element if it changes: screen readers would repeat an unchanged live text. */
const put = (selector, text) => {
  const element = find(selector);
  if (element.textContent !== text) element.textContent = text;
};

/** Shows what has happened, what to do, and the code with the station's own text. */
function putFailure(selector, failure) {
  if (!failure) {
    put(selector, "");
    return;
  }
  const { code, message } = failure;
  const detail = `${code}: ${message}`;
  const element = find(selector);
  if (element.lastChild?.textContent === detail) return;
  const small = document.createElement("small");
  small.textContent = detail;
  element.replaceChildren(...(explanations[code] ?? []).map((text) => `${text} `), small);
}

function translatePage() {
  if (language) document.documentElement.lang = language;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = node.data.trim();
    if (text) node.data = node.data.replace(text, translate(text));
  }
}

function show() {
  const { classList } = document.body;
  const chosen = /wifi|system/.exec(location.pathname)?.[0] ?? "station";
  const page = classList.contains("again") ? "again" : classList.contains("first") ? "system" : chosen;
  for (const section of all("section")) section.hidden = section.id !== page;
  for (const link of all("nav a")) {
    if (link.pathname === location.pathname.replace("/index.html", "/"))
      link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${translate(find(`#${page} h1`).textContent)} - PlugPass`;
  if (page === "wifi") search();
}

/** Shows only the form of the password until the first one is changed. */
function insistOnPassword(isInitial) {
  if (document.body.classList.contains("first") === isInitial) return;
  document.body.classList.toggle("first", isInitial);
  find("[data-first]").hidden = !isInitial;
  show();
}

/** Ends all requests: they have the old password, and count as guesses. */
function askForLogin() {
  isPolling = false;
  document.body.classList.add("again");
  show();
}

/** Proposes the port of the chosen security, and warns of plain MQTT. */
function showSecurity() {
  const { checked } = find("[name=tls]");
  const port = find("[name=brokerPort]");
  if (port.value === PORTS[!checked]) port.value = PORTS[checked];
  put("#plain", checked ? "" : translate(PLAIN));
}

/** Shows the properties and the state of the station. */
function showStatus(status) {
  const { current, energyWh, firmware, lastError, preset, ownerChange, secure, tagLearning } = status;
  put("#name", status.name);
  const name = find("[name=name]");
  name.placeholder = status.name;
  put("#status", translate(STATUSES[status.status]));
  put("#state", translate(STATES[status.state]));
  put("#device", status.deviceId);
  const unsigned = firmware.isSigned ? "" : ` (${translate("updates are not signed")})`;
  put("#firmware", `${firmware.product} ${firmware.version}${unsigned}`);
  for (const line of all("[data-secure]")) line.hidden = typeof secure !== "boolean";
  put("#secure", translate(secure ? "Encrypted (TLS)" : "plain MQTT (not encrypted)"));
  put("#version", String(firmware.version));
  put("#update", status.update ?? "");
  for (const line of all("[data-fault]")) line.hidden = !lastError;
  putFailure("#fault", lastError);
  for (const line of all("[data-current]")) line.hidden = !current;
  if (current) put("#current", `${current.offeredA} A (${translate(LIMITS[current.limitedBy])})`);
  for (const line of all("[data-meter]")) line.hidden = !energyWh;
  if (energyWh) {
    put("#session-energy", kWh(energyWh.session));
    put("#total-energy", kWh(energyWh.total));
  }
  find("[data-signed]").hidden = !firmware.isSigned;
  find("[data-unsigned]").hidden = firmware.isSigned;
  hidePreset(preset.map((name) => (name === "mqtts_port" ? "brport" : name)));
  if (preset.includes("security") && !find("[name=tls]").checked) requireTLS();
  put("#learning", tagLearning ? translate("Learning.") : "");
  find("[name=on]").value = String(!tagLearning);
  put("[data-to='/setlearning'] button", translate(tagLearning ? "Stop" : "Learn cards"));
  if (ownerChange?.isUnderWay) put("#owner", translate("Ownership transfer in progress …"));
  else putFailure("#owner", ownerChange?.failure);
}

/** The station accepts no plain MQTT, so that its choice is hidden. */
function requireTLS() {
  find("[name=tls]").checked = true;
  showSecurity();
}

/** Hides the fields that are built in or provisioned. */
function hidePreset(names) {
  for (const label of all("[data-field]")) {
    label.hidden = label.dataset.field.split(" ").some((name) => names.includes(name));
    label.querySelector("input").disabled = label.hidden;
  }
  for (const form of all("[data-tried]")) form.hidden = !form.querySelector("[data-field]:not([hidden])");
}

const kWh = (wh) => `${(wh / 1000).toLocaleString(language, { maximumFractionDigits: 2 })} kWh`;

async function fetchStatus() {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    const response = await fetch("/status", { signal: abort.signal });
    if (response.status === 401) askForLogin();
    return await response.json();
  } finally {
    clearTimeout(timer);
  }
}

let isPolling = true;

async function pollStatus() {
  if (!isPolling) return;
  try {
    const status = await fetchStatus();
    insistOnPassword(status.passwordIsInitial === true);
    const { lastFailure, problem, waitingFor, trying } = status;
    const failure = trying ? null : (lastFailure ?? problem);
    if (failure) for (const form of all("form[data-tried]")) form.querySelector(".answer").textContent = "";
    putFailure("#failure", failure);
    showStatus(status);
    const isWiFiMissing = waitingFor.includes("ssid");
    const needs = [...(isWiFiMissing ? ["Wi-Fi"] : []), ...(waitingFor.includes("wsp") ? ["Platform"] : [])];
    if (trying) put("#now", translate("Trying the new parameters …"));
    else if (status.state === "online") put("#now", translate("Connected."));
    else
      put(
        "#now",
        needs.length > 0 && !failure
          ? `${translate("Still needed")}: ${needs.map(translate).join(", ")}`
          : "",
      );
    find("[data-wifi]").hidden = status.network !== "wifi";
  } catch {
    if (isPolling) put("#now", translate(UNREACHABLE));
  }
  setTimeout(pollStatus, POLL_MS);
}

async function search() {
  const list = find("#networks");
  const button = find("#scan");
  button.disabled = true;
  try {
    const found = Object.entries(await (await fetch("/scan/v2")).json());
    found.sort(([, a], [, b]) => b.signal - a.signal);
    list.replaceChildren(...found.map(([ssid, network]) => networkItem(ssid, network)));
    put("#connected", (await (await fetch("/connectedwifi")).text()).replace(/^NULL$/, "-"));
  } catch {
    list.replaceChildren();
  }
  button.disabled = false;
}

function networkItem(ssid, { encType, signal }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const name = document.createElement("span");
  const quality = document.createElement("span");
  name.textContent = ssid;
  quality.textContent = `${signal} % ${translate(encType === "0" ? "open" : "locked")}`;
  button.type = "button";
  button.append(name, quality);
  button.onclick = () => {
    find("[name=ssid]").value = ssid;
    find("[name=pass]").focus();
  };
  item.append(button);
  return item;
}

function ask(question) {
  const dialog = find("dialog");
  put("#question", translate(question));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => done(dialog.returnValue === "yes");
  });
}

const refusal = (why) => `${translate("Refused")}: ${why}`;

/** Uploads a file with a progress bar; `fetch` does not report the progress of an upload. */
function upload(form) {
  const answer = form.querySelector(".answer");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const end = (text) => {
    bar.hidden = true;
    button.disabled = false;
    answer.textContent = text;
  };
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = Math.floor((100 * loaded) / total);
    answer.textContent = `${bar.value} %`;
  };
  request.onload = () => {
    const { status, responseText } = request;
    if (status === 200) form.reset();
    end(status === 200 ? translate(form.dataset.done) : refusal(responseText));
  };
  request.onerror = () => end(translate("The upload was interrupted. Is a vehicle charging? Try again."));
  bar.value = 0;
  bar.hidden = false;
  button.disabled = true;
  answer.textContent = "…";
  request.open("POST", form.dataset.to);
  request.send(new FormData(form));
}

async function send(form) {
  const { to, ask: question } = form.dataset;
  if (question && !(await ask(question))) return;
  const fields = new URLSearchParams(new FormData(form));
  // A hidden checkbox is not among the fields.
  if (form.elements.tls?.checked && fields.has("brokerPort"))
    fields.set("mqtts_port", fields.get("brokerPort"));
  const answer = form.querySelector(".answer");
  answer.textContent = "…";
  try {
    const response = await fetch(to, { method: "POST", body: fields });
    answer.textContent = response.ok
      ? translate(form.dataset.done ?? "Saved.")
      : refusal(await response.text());
    if (response.ok && to === "/newauthpass") askForLogin();
  } catch {
    answer.textContent = translate(UNREACHABLE);
  }
}

/** Shows the trace of /log, the latest event first. */
async function showLog(form) {
  const answer = form.querySelector(".answer");
  try {
    const { uptimeMs, timeMs, events } = await (await fetch("/log")).json();
    const items = events.map(([second, event, detail, count]) => {
      const item = document.createElement("li");
      const startMs = timeMs - uptimeMs;
      const at = timeMs === null ? `${second} s` : new Date(startMs + 1000 * second).toLocaleString(language);
      item.textContent = `${at} ${event} ${detail ?? ""} ${count > 1 ? `× ${count}` : ""}`;
      return item;
    });
    find("#log").replaceChildren(...items.reverse());
    answer.textContent = "";
  } catch {
    answer.textContent = translate(UNREACHABLE);
  }
}

translatePage();
find("form[data-log]").onsubmit = (event) => {
  event.preventDefault();
  showLog(event.target);
};
for (const form of all("form[data-to]")) {
  form.onsubmit = (event) => {
    event.preventDefault();
    if ("upload" in form.dataset) upload(form);
    else send(form);
  };
}
for (const box of all(".show")) {
  box.onchange = () => {
    box.form.querySelector("[name=pass],[name=newpass]").type = box.checked ? "text" : "password";
  };
}
for (const link of all("nav a")) {
  link.onclick = (event) => {
    event.preventDefault();
    history.pushState(null, "", link.href);
    show();
  };
}
addEventListener("popstate", show);
find("#scan").onclick = search;
find("[name=tls]").onchange = showSecurity;
show();
pollStatus();
