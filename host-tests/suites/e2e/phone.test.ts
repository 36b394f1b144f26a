import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "../../virtual/bluetooth/packages.js";
import { skipFor } from "../optional.js";
import { Command } from "./command.js";

/** Longer than the timeout of a command, so that the error shows its output. */
jest.setTimeout(40_000);

let server: Server;
let radioAddress: string;

beforeEach(async () => {
  server = createServer((_request, response) => response.end());
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  radioAddress = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
});

test("npm run phone reports an address that is not a radio", async () => {
  const phone = new Command("phone.ts", ["scan", "--radio", radioAddress]);
  expect(await phone.ended()).toBe(1);
  expect(phone.output).toBe(
    `what answers at ${radioAddress} is no radio; give --radio as npm run station prints it\n`,
  );
});

test.each([
  ["neither a tag nor a card", [], "give either --tag or --card\n"],
  ["both", ["--tag", "GUEST-0001", "--card", "package.json"], "give either --tag or --card\n"],
  ["a file that is missing", ["--card", "none.json"], "none.json cannot be read; download a card file"],
  ["a file that is no card", ["--card", "package.json"], "package.json has neither a card nor its link"],
])("npm run phone -- authorize refuses %s before it uses the radio", async (_what, words, sentence) => {
  const phone = new Command("phone.ts", ["authorize", ...words]);
  expect(await phone.ended()).toBe(1);
  expect(phone.output).toContain(sentence);
});

const hasBluetooth = loadBluetoothPackages() !== undefined;
if (!hasBluetooth) skipFor(HOW_TO_GET_BLUETOOTH);

(hasBluetooth && process.platform === "linux" ? test : test.skip)(
  "npm run phone reports a missing adapter",
  async () => {
    const phone = new Command("phone.ts", ["scan", "--ble", "hci99"]);
    expect(await phone.ended()).toBe(1);
    expect(phone.output).toMatch(/^adapter hci99 cannot be used: .+\n$/);
  },
);

test("npm run phone reports a name that is not an adapter", async () => {
  const phone = new Command("phone.ts", ["scan", "--ble", "eth0"]);
  expect(await phone.ended()).toBe(1);
  expect(phone.output).toBe("eth0 is no adapter; hciconfig or bluetoothctl list names them: hci0\n");
});

test("npm run phone reports that the radio has disconnected", async () => {
  server.on("connection", (socket) => socket.destroy());
  const phone = new Command("phone.ts", ["scan", "--radio", radioAddress]);
  expect(await phone.ended()).toBe(1);
  expect(phone.output).toBe("the station's process ended\n");
});
