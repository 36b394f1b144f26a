/**
 * The panel's texts of the catalogue's codes: what has happened, and what to do. A code without a text does not compile.
 * docs/faults.md has the English ones.
 */

import type { FaultTexts, Language } from "./fault-text.js";
import { cs } from "./fault-texts-cs.js";
import { de } from "./fault-texts-de.js";
import { uk } from "./fault-texts-uk.js";

const en: FaultTexts = {
  "pilot-shorted": [
    "The vehicle or the cable has a fault in the signal line.",
    "Unplug the vehicle, and try another cable or vehicle. If it happens again, call an electrician.",
  ],
  "pilot-negative": [
    "The signal line of the socket is defective.",
    "Unplug the vehicle. If it happens again, call an electrician.",
  ],
  "contactor-welded": [
    "The contactor does not open. The socket can be live.",
    "Do not pull the plug. Switch the station off at its circuit breaker and call an electrician.",
  ],
  "contactor-stuck-open": [
    "The contactor does not close.",
    "Unplug the vehicle and try again. If it happens again, call an electrician.",
  ],
  "residual-current": [
    "Current flows to earth. Charging was stopped at once.",
    "Unplug the vehicle. Reset the residual current device and try another cable or vehicle. If it happens again, call an electrician.",
  ],
  "temperature-cut-off": [
    "The temperature cut-off has stopped charging.",
    "Unplug the vehicle and let the station cool down. Call an electrician to look for the cause.",
  ],
  "residual-current-test-failed": [
    "The residual current device has failed its self-test.",
    "Do not use the station. Call an electrician.",
  ],
  "earth-missing": [
    "The protective earth is missing.",
    "Do not touch the station or the vehicle's cable. Call an electrician.",
  ],
  "phase-missing": [
    "A phase of the supply has no voltage. The station does not charge.",
    "Check the circuit breaker. If it is on, call an electrician.",
  ],
  "proximity-failed": [
    "The station does not recognize the cable.",
    "Unplug the cable and plug it in again, or try another cable. If it happens again, call an electrician.",
  ],
  "lock-failed": [
    "The plug could not be locked.",
    "Unplug the cable and push it in fully. If it happens again, call an electrician.",
  ],
  "unlock-failed": [
    "The plug could not be unlocked.",
    "Push the plug in a little and wait half a minute. If it stays locked, call an electrician.",
  ],
  "ventilation-required": [
    "The vehicle requires ventilation. It is not charged here.",
    "Charge this vehicle at a station in a ventilated place.",
  ],
  "firmware-stalled": [
    "The station was busy for more than 3 seconds. Charging was interrupted.",
    "Charging continues by itself. If it happens often, report it to the manufacturer.",
  ],
  "contactor-wear": [
    "Charging starts and stops too often. The pauses grow.",
    "Check the vehicle, its plug, and a control that pauses the station. Charging is normal again some minutes after it ends.",
  ],
  overheated: [
    "It is too hot inside the station. Charging is paused.",
    "Charging continues when it has cooled down. If it happens often, keep the station in the shade or lower the current limit.",
  ],
  "thermometer-broken": [
    "The thermometer inside the station is broken. The station charges slowly.",
    "Call an electrician to replace it.",
  ],
  overcurrent: [
    "The vehicle drew more current than allowed. Charging was stopped.",
    "Unplug the vehicle, and try another one. If it happens again, call an electrician.",
  ],
  "meter-silent": [
    "The energy meter does not answer. Charging continues, but the energy may be wrong.",
    "Call an electrician to check the meter and its cable.",
  ],
  "meter-backwards": [
    "The reading of the energy meter jumped or ran backwards. Charging continues.",
    "After an exchange of the meter, do nothing. Otherwise call an electrician to check it.",
  ],
  "blocked-tag": [
    "A blocked card was presented three times.",
    "If the card is yours, unblock it at the platform. Otherwise do nothing.",
  ],
  "cards-guessed": [
    "Many unknown cards were presented.",
    "Card numbers may have been guessed. Good cards go on working. Use cards whose numbers cannot be guessed.",
  ],
  "card-not-learned": [
    "A card was not learned.",
    "Check that the station is online and that the card is not registered yet. Swipe it again.",
  ],
  "card-reader-silent": [
    "The card reader does not respond. Cards are not read; phones go on working.",
    "Switch the station off and on. If it happens again, have the reader and its wires checked.",
  ],
  "session-not-stored": [
    "The station's memory cannot be written. A power cut would lose the session.",
    "Keep the power and the network on until the sessions are reported. Then have the board replaced.",
  ],
  "session-log-full": [
    "Too many sessions wait for the platform. The oldest was discarded.",
    "Connect the station to the platform.",
  ],
  "sessions-of-previous-owner": [
    "Sessions of the previous owner were discarded.",
    "Nothing needs to be done. The previous owner can ask the platform about them.",
  ],
  "transfer-refused": [
    "The new owner has not accepted the transfer.",
    "Ask the new owner to accept it at the platform, and try again.",
  ],
  "transfer-failed": [
    "The owner has not changed.",
    "Try again when no vehicle is charging and the station is online.",
  ],
  "update-rolled-back": [
    "The new firmware did not work. The previous one runs again.",
    "Check that the network works, and update again. If it fails again, ask the maker for a newer version.",
  ],
  "wifi-not-found": [
    "The Wi-Fi network is not in reach (2.4 GHz only).",
    "Check its name, and move the router closer.",
  ],
  "wifi-wrong-password": ["The Wi-Fi network refused the password.", "Check the password."],
  "wifi-no-address": ["The Wi-Fi network gave no address.", "Check DHCP in the router."],
  "host-not-found": ["The server was not found.", "Check its name."],
  "broker-unreachable": ["The server is not reachable.", "Check its name and port."],
  "broker-no-answer": ["The server does not answer as MQTT.", "Check the port."],
  "broker-refused": ["The server refused the login.", "Check e-mail and token."],
  "tls-failed": ["The encrypted connection failed.", "Check the server's name and certificate."],
  "clock-unknown": ["The time is unknown.", "Let the station reach a time server (UDP port 123)."],
  "connection-lost": ["The connection ended.", "It connects again. If that is frequent, check the network."],
  "keep-alive-missed": [
    "The server has stopped answering.",
    "The station connects again. If it happens often, check the network.",
  ],
  "protocol-error": ["The server sent an invalid answer.", "Check that host and port are of an MQTT server."],
  "no-socket": ["The station has no free connection.", "Close other panel pages. The station tries again."],
  "storage-failed": [
    "The parameters work, but could not be stored.",
    "Reset the station and try again. If it fails again, have the board replaced.",
  ],
  interrupted: ["The power failed while the parameters were tried.", "Try again."],
  "given-up": [
    "Pairing mode ended while the parameters were tried.",
    "Hold the button for 5 s and try again.",
  ],
  crashes: [
    "The station crashed three times. It is in safe mode and does not charge.",
    "Switch the power off and on. If it happens again, upload another firmware.",
  ],
  "wiring-invalid": [
    "The station does not know its wiring.",
    "Have the board provisioned again over its cable.",
  ],
};

export const faultTexts: Readonly<Record<Language, FaultTexts>> = { en, cs, de, uk };
