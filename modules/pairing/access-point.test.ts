import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import type { Board } from "../board/index.js";
import { AccessPoint, accessPointName } from "./access-point.js";

let world: ReturnType<typeof virtualWorld>;

beforeEach(() => {
  world = virtualWorld();
});

function boardWith(network: "wifi" | "ethernet"): Board {
  let given: Board | undefined;
  new Device(world, { network }).boot((board) => {
    given = board;
  });
  if (!given) throw new Error("the firmware has ended");
  return given;
}

describe("accessPointName", () => {
  test.each([
    ["PlugPass", "PlugPass AP"],
    ["x".repeat(29), `${"x".repeat(29)} AP`],
    ["x".repeat(30), `${"x".repeat(29)} AP`],
    [`${"x".repeat(28)}é`, `${"x".repeat(28)} AP`],
  ])("of the title %s is %s", (title, name) => {
    expect(accessPointName(title)).toBe(name);
  });
});

describe("AccessPoint", () => {
  let accessPoint: AccessPoint;

  beforeEach(() => {
    const options = { productTitle: "Café", password: "12345678" };
    accessPoint = new AccessPoint({ board: boardWith("wifi"), ...options });
  });

  test("is closed at first, and up with name and password from open to close", () => {
    expect([accessPoint.isOpen, world.wifi.accessPoints]).toEqual([false, []]);
    accessPoint.open();
    accessPoint.open();
    expect(accessPoint.isOpen).toBe(true);
    expect(world.wifi.accessPoints).toEqual([{ ssid: "Café AP", password: "12345678", channel: 1 }]);
    accessPoint.close();
    accessPoint.close();
    expect([accessPoint.isOpen, world.wifi.accessPoints]).toEqual([false, []]);
  });

  test("moves to the channel of the network while it is up", () => {
    accessPoint.open();
    accessPoint.moveTo(11);
    expect(world.wifi.accessPoints).toMatchObject([{ ssid: "Café AP", channel: 11 }]);
  });

  test("opens on the channel to which it was moved before, and stays closed until then", () => {
    accessPoint.moveTo(13);
    expect(accessPoint.isOpen).toBe(false);
    accessPoint.open();
    expect(world.wifi.accessPoints).toMatchObject([{ channel: 13 }]);
  });

  test.each([0, -1, 14, 36])(
    "keeps its channel instead of the channel %d, which it must not use",
    (channel) => {
      accessPoint.open();
      accessPoint.moveTo(channel);
      expect(world.wifi.accessPoints).toMatchObject([{ channel: 1 }]);
    },
  );

  test("does not disconnect its phones for the channel that it has", () => {
    accessPoint.open();
    const [before] = world.wifi.accessPoints;
    accessPoint.moveTo(1);
    expect(world.wifi.accessPoints[0]).toBe(before);
  });

  test("never opens on a board without Wi-Fi", () => {
    const wired = new AccessPoint({
      board: boardWith("ethernet"),
      productTitle: "Café",
      password: undefined,
    });
    wired.open();
    wired.moveTo(6);
    wired.close();
    expect([wired.isOpen, world.wifi.accessPoints]).toEqual([false, []]);
  });
});
