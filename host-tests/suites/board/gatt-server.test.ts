import { beforeEach, describe, expect, test } from "@jest/globals";
import { type GATTConnection, GATTProperties, type GATTServer } from "../../../modules/board/index.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import { type VirtualHarness, virtualHarness } from "./harness.js";

const SERVICE = "0000aaaa-0000-1000-8000-00805f9b34fb";
const NOTIFIED = "0000aaac-0000-1000-8000-00805f9b34fb";

/** Tests behavior beyond the contract: that of NimBLE on the chip, and lost connections. */
describe("the virtual GATT server", () => {
  let harness: VirtualHarness;
  let server: GATTServer;
  let events: string[];
  let connections: GATTConnection[];
  let centralEvents: string[];

  beforeEach(async () => {
    harness = await virtualHarness();
    events = [];
    connections = [];
    centralEvents = [];
    server = new harness.board.io.GATTServer({
      services: [
        {
          uuid: SERVICE,
          characteristics: [
            {
              uuid: NOTIFIED,
              properties: GATTProperties.notify,
              onSubscribe: () => events.push("subscribe"),
              onUnsubscribe: () => events.push("unsubscribe"),
            },
          ],
        },
      ],
      onReady: () => server.startAdvertising({ flags: 6 }),
      onConnect: (connection) => {
        events.push(`connect ${connection.maximumWrite}`);
        connections.push(connection);
      },
      onDisconnect: () => events.push("disconnect"),
    });
    await harness.pass(10);
  });

  async function connect(mtu?: number): Promise<CentralConnection> {
    let connection: CentralConnection | undefined;
    harness.central.connect(harness.device.mac, {
      mtu,
      onConnected: (opened) => {
        connection = opened;
      },
      onFailed: (reason) => centralEvents.push(reason),
      onDisconnected: (reason) => centralEvents.push(reason),
    });
    await harness.until("it is connected", () => connection !== undefined);
    return connection as unknown as CentralConnection;
  }

  async function subscribe(connection: CentralConnection): Promise<void> {
    connection.subscribe(
      NOTIFIED,
      () => {},
      () => {},
    );
    await harness.until("it is subscribed", () => events.includes("subscribe"));
  }

  test("has the smallest MTU when a central connects, and the exchanged one soon after", async () => {
    const connection = await connect(100);
    expect(events).toEqual(["connect 20"]);
    expect(connections[0]?.maximumWrite).toBe(97);
    expect(connection.mtu).toBe(100);
  });

  test("offers an MTU of 256 by default", async () => {
    expect((await connect(517)).mtu).toBe(256);
  });

  test("reports the end of the subscription before that of the connection", async () => {
    const connection = await connect();
    await subscribe(connection);
    connection.disconnect();
    await harness.until("the server has detected it", () => events.includes("disconnect"));
    expect(events).toEqual(["connect 20", "subscribe", "unsubscribe", "disconnect"]);
  });

  test("detects a lost connection after the supervision timeout, as the central does", async () => {
    const connection = await connect();
    connection.lose();
    await harness.pass(1900);
    expect([events, centralEvents]).toEqual([["connect 20"], []]);
    await harness.pass(200);
    expect([events, centralEvents]).toEqual([["connect 20", "disconnect"], ["contact was lost"]]);
  });

  test("is detected as lost by a central after a power cut, and calls no callback", async () => {
    const connection = await connect();
    await subscribe(connection);
    harness.device.cutPower();
    const before = [...events];
    await harness.pass(3000);
    expect(centralEvents).toEqual(["contact was lost"]);
    expect(events).toEqual(before);
  });

  test("disconnects its centrals when it is closed", async () => {
    await connect();
    server.close();
    await harness.until("the central has detected it", () => centralEvents.length > 0);
    expect(centralEvents).toEqual(["the peripheral disconnected"]);
  });

  test("allows a central to cancel a connection attempt", async () => {
    const attempt = harness.central.connect(harness.device.mac, {
      onConnected: () => centralEvents.push("connected"),
      onFailed: (reason) => centralEvents.push(reason),
      onDisconnected: (reason) => centralEvents.push(reason),
    });
    attempt.close();
    await harness.pass(1000);
    expect([events, centralEvents]).toEqual([[], []]);
  });

  test("answers one request at a time, in order", async () => {
    const connection = await connect();
    const answers: string[] = [];
    connection.readDescriptor(NOTIFIED, "2901", () =>
      answers.push(`first ${harness.board.clock.monotonicMs()}`),
    );
    connection.read(NOTIFIED, () => answers.push(`second ${harness.board.clock.monotonicMs()}`));
    const startMs = harness.board.clock.monotonicMs();
    await harness.pass(1000);
    // A request and its response take a connection interval each.
    expect(answers).toEqual([`first ${startMs + 60}`, `second ${startMs + 120}`]);
  });
});
