import { makeGATTServer } from "../gatt-server.js";
import type { VariantIO, VariantParts } from "../io.js";
import { makeEthernet } from "./index.js";
import { ethernetWiring } from "./wiring.js";

/** Returns the IO classes of a board with Ethernet in place of Wi-Fi. Phones reach it by Bluetooth as any other. */
export function makeEthernetIO({ hardware, onAnalog, ...parts }: VariantParts): VariantIO {
  return {
    network: { kind: "ethernet", Ethernet: makeEthernet({ ...parts, wiring: ethernetWiring(hardware) }) },
    // In safe mode there is neither of them: random numbers for TLS come from the entropy source then.
    GATTServer: preceded(makeGATTServer(parts), onAnalog),
  };
}

/** Returns a constructor that calls `before` first. */
function preceded<Options, Instance>(
  Class: new (options: Options) => Instance,
  before: () => void,
): new (
  options: Options,
) => Instance {
  function Bound(options: Options): Instance {
    before();
    return Reflect.construct(Class, [options], new.target);
  }
  Bound.prototype = Class.prototype;
  return Bound as unknown as new (
    options: Options,
  ) => Instance;
}
