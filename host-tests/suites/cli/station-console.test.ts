import { once } from "node:events";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openStationConsole } from "../../tools/cli/station-console.js";
import { VirtualStation } from "../../tools/cli/virtual-station.js";
import { waitFor } from "../../tools/cli/wait.js";
import { NodeClock } from "../../virtual/node-board/index.js";
import { World } from "../../virtual/world/world.js";

let clock: NodeClock;
let station: VirtualStation;
let input: PassThrough & { isTTY?: boolean };
let printed: string[];
let quits: number;

beforeEach(() => {
  clock = new NodeClock();
  station = new VirtualStation({ world: new World(clock), httpPort: 0 });
  station.boot();
  input = new PassThrough();
  printed = [];
  quits = 0;
});

afterEach(() => {
  input.destroy();
  station.device.cutPower();
  clock.dispose();
});

function open(): void {
  openStationConsole({ station, input, print: (line) => printed.push(line), onQuit: () => quits++ });
}

test("the station console executes the typed commands", async () => {
  open();
  input.write("plug\n");
  await waitFor("it is plugged", () => station.station?.status === "plugged");
  input.write("\n status \nnonsense\n");
  await waitFor("two answers", () => printed.length === 2);
  expect(printed[0]).toBe("unpaired, plugged; vehicle plugged, no current");
  expect(printed[1]).toContain("unknown");
});

test("the station console breaks and mends the Modbus meter", async () => {
  const meter = { energyWh: 1234.5, fault: undefined };
  openStationConsole({ station, meter, input, print: (line) => printed.push(line), onQuit: () => quits++ });
  input.write("meter silent\nmeter ok\nmeter tired\n");
  await waitFor("three answers", () => printed.length === 3);
  expect(printed.slice(0, 2)).toEqual(["the meter is at 1235 Wh, silent", "the meter is at 1235 Wh, ok"]);
  expect(printed[2]).toContain("meter bad-crc");
});

test.each([
  ["quits at the end of a terminal's input", true, 1],
  ["keeps running at the end of another input", false, 0],
])("the station console %s", async (_name, isTTY, expected) => {
  input.isTTY = isTTY;
  open();
  input.end();
  await once(input, "end");
  await new Promise(setImmediate);
  expect(quits).toBe(expected);
});

test("the station console ignores station commands while the firmware does not run", async () => {
  station.device.cutPower();
  open();
  input.write("stop\npair\nplug\nquit\n");
  await waitFor("it quits", () => quits === 1);
  station.shutDown();
});

test("the station console presents a card, and names the numbers that the reader can read", async () => {
  open();
  input.write("card 04A1B2C3\ncard 04A1B2C3D4\n");
  await waitFor("the card is refused", () => printed.length > 0);
  expect(printed).toEqual(["a card of this reader has 10 hex digits"]);
  await waitFor("the station has read the other one", () =>
    station.device.logLines.some((line) => line.startsWith("rfid: the card …C3D4")),
  );
});
