import { makeGATTServer } from "./gatt-server.js";
import type { VariantIO, VariantParts } from "./io.js";
import { makeAccessPoint, makeWiFi } from "./wifi.js";

/** Returns the IO classes of a board with Wi-Fi. */
export function makeWiFiIO({ clock, guard, onAddress, onAnalog }: VariantParts): VariantIO {
  // A radio is on soon, in safe mode, too.
  onAnalog();
  return {
    network: {
      kind: "wifi",
      WiFi: makeWiFi({ clock, guard, onAddress }),
      AccessPoint: makeAccessPoint(clock),
    },
    GATTServer: makeGATTServer({ clock, guard }),
  };
}
