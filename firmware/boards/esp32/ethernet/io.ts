import { makeGATTServer } from "../gatt-server.js";
import type { VariantIO, VariantParts } from "../io.js";
import { ChipDigitalOut, makeControlPilot } from "../pins-io.js";
import { makeEthernet } from "./index.js";
import { ethernetWiring } from "./wiring.js";

/** Returns the IO classes of a board with Ethernet in place of Wi-Fi. Phones reach it by Bluetooth as any other. */
export function makeEthernetIO({ hardware, pause, ...parts }: VariantParts): VariantIO {
  return {
    network: { kind: "ethernet", Ethernet: makeEthernet({ ...parts, wiring: ethernetWiring(hardware) }) },
    GATTServer: makeGATTServer({ ...parts, pause }),
    ControlPilot: makeControlPilot(hardware.controlPilot, parts.clock),
    DigitalOut: ChipDigitalOut,
  };
}
