import { test } from "@jest/globals";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { describeGATTContract } from "../contracts/gatt.js";
import { skipFor } from "../optional.js";
import { bluetoothHarness } from "./harness.js";

const packages = loadBluetoothPackages();
if (packages) {
  describeGATTContract("bleno over the virtual radio", () => bluetoothHarness(packages));
} else {
  skipFor(HOW_TO_GET_BLUETOOTH);
  test.skip("bleno over the virtual radio", () => {});
}
