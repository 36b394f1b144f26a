import { describe, expect, test } from "@jest/globals";
import { hardware as esp32c3 } from "../../esp32c3/ethernet/pins.js";
import { hardware as esp32 } from "./pins.js";
import { ethernetWiring } from "./wiring.js";

/** Values in the order of ethernet-driver.h. A pin that is not connected is 255. */
describe("ethernetWiring", () => {
  test("describes a W5500: clock, MOSI, MISO, select, interrupt and reset", () => {
    expect([...(ethernetWiring(esp32c3) ?? [])]).toEqual([0, 4, 18, 19, 1, 0, 255]);
    expect([...(ethernetWiring({ ...esp32c3, ethernetResetPin: 2 }) ?? [])].at(-1)).toBe(2);
  });

  test("describes a LAN8720: MDC, MDIO, clock, its direction, address and reset", () => {
    expect([...(ethernetWiring(esp32) ?? [])]).toEqual([1, 23, 18, 0, 0, 1, 16]);
    const { lan8720 } = esp32;
    if (!lan8720) throw new Error("the board has no LAN8720");
    const withOutput = { ...esp32, lan8720: { ...lan8720, clock: "output 17" } } as const;
    expect([...(ethernetWiring(withOutput) ?? [])]).toEqual([1, 23, 18, 17, 1, 1, 16]);
  });

  test("returns nothing for a wiring without a network interface", () => {
    const { controlPilot, contactorPin } = esp32;
    expect(ethernetWiring({ controlPilot, contactorPin })).toBeUndefined();
  });
});
