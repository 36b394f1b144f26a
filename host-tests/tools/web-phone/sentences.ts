import type { AuthorizationResult, StationStatus } from "../../../docs/station.js";

const RESULTS: Readonly<Record<number, string>> = {
  200: "You may charge.",
  400: "This is no card: 4 to 64 characters of A-Z a-z 0-9 . _ : -",
  401: "The card took too long. Try again.",
  403: "This card may not charge here.",
  408: "The café's platform did not answer. Try again in a moment.",
  409: "Plug in your vehicle first, or wait until the session that is under way is over.",
  423: "Another guest's card is being checked. Try again in a moment.",
  429: "Too many attempts. Wait a minute.",
  500: "The station is not set up right. Ask the café.",
  502: "The platform's answer could not be trusted. Ask the café.",
  503: "The station has no connection to the café's platform. Ask the café.",
};

const STATUSES: Readonly<Record<StationStatus, string>> = {
  available: "free",
  plugged: "a vehicle is plugged",
  authorized: "waiting for the vehicle",
  charging: "charging",
  finishing: "finishing",
  faulted: "out of order",
  unavailable: "not available",
  "suspended-by-vehicle": "paused by the vehicle",
  "suspended-by-station": "paused by the station",
};

/** Text of a result for a guest. */
export function resultSentence({ code }: AuthorizationResult): string {
  return RESULTS[code] ?? `The station answered ${code}.`;
}

/**
 * Text for a guest about the platform's receipt for a card that cannot be copied. It is empty for a result that has no
 * receipt because the platform has not decided.
 */
export function confirmationSentence({ code }: AuthorizationResult, isConfirmed: boolean): string {
  if (isConfirmed) return "The platform stands behind this station.";
  if (code === 200) {
    return "There is no receipt of the platform: the station has decided by itself, or is not genuine.";
  }
  return code === 403
    ? "There is no receipt of the platform: the card is out of date, or the station is not genuine."
    : "";
}

/** Text of an error for a guest. The browser's own messages are for developers. */
export function errorSentence(error: unknown): string {
  if (!(error instanceof DOMException)) return error instanceof Error ? error.message : "Something failed.";
  if (error.name === "NetworkError")
    return "There is no contact with the station. Come closer and connect again.";
  if (error.name === "SecurityError" || error.name === "NotAllowedError")
    return "The browser does not let this page use Bluetooth. Allow it in the site's settings.";
  return `The browser's Bluetooth failed (${error.name}: ${error.message}). Connect again.`;
}

/** Text of a station's status for a guest. */
export function statusWords(status: StationStatus): string {
  return STATUSES[status];
}
