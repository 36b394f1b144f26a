import { expect, test } from "@jest/globals";
import { virtualWorld } from "../world/world.js";
import { loadBluetoothPackages } from "./packages.js";
import { openRadio } from "./radio.js";

test("the stacks are used where they are installed, unless calls are asked for", () => {
  const world = virtualWorld();
  const installed = loadBluetoothPackages() ? "hci" : "calls";
  expect(openRadio({ world }).kind).toBe(installed);
  expect(openRadio({ world, kind: "calls" }).kind).toBe("calls");
});
