import { expect, test } from "@jest/globals";
import { loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { openRadio } from "../../virtual/bluetooth/radio.js";
import { virtualWorld } from "../../virtual/world/world.js";

test("the radio uses the Bluetooth stacks where they are installed, unless calls are requested", () => {
  const world = virtualWorld();
  const installed = loadBluetoothPackages() ? "hci" : "calls";
  expect(openRadio({ world }).kind).toBe(installed);
  expect(openRadio({ world, kind: "calls" }).kind).toBe("calls");
});
