import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board } from "../board/index.js";
import { StoredRecord } from "../settings/index.js";
import { accessPointFormat, accessPointPassword } from "./index.js";

let device: Device;
let board: Board;

beforeEach(() => {
  device = new Device(virtualWorld());
  device.boot((made) => {
    board = made;
  });
});

function passwordOfRun(storage = board.openStorage("plugpass")): string {
  return accessPointPassword(board, new StoredRecord({ storage, format: accessPointFormat, board }));
}

describe("accessPointPassword", () => {
  test("is generated and logged once, and stays over restarts", () => {
    const password = passwordOfRun();
    expect(password).toMatch(/^[a-km-z2-9]{12}$/);
    expect(passwordOfRun()).toBe(password);
    expect(device.logLines).toEqual([
      `pairing: the password of the access point is ${password}; it is not shown again`,
    ]);
  });

  test("is another one on each station", () => {
    const password = passwordOfRun();
    board.openStorage("plugpass").delete("access-point");
    expect(passwordOfRun()).not.toBe(password);
  });

  test("is used until the next start when it cannot be stored, with a line in the log", () => {
    const opened = board.openStorage("plugpass");
    const password = passwordOfRun({
      ...opened,
      write: () => {
        throw new Error("no flash");
      },
    });
    expect(password).toHaveLength(12);
    expect(device.logLines.at(-1)).toMatch(/could not be stored and changes at the next start: no flash$/);
  });

  test.each([undefined, 5, "", "short", "x".repeat(13)])(
    "is generated again when the record has %j",
    (password) => {
      expect(accessPointFormat.parse({ password }, 1)).toBeUndefined();
    },
  );
});
