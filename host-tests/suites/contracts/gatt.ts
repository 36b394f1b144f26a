import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type GATTCharacteristic,
  type GATTConnection,
  GATTProperties,
  type GATTServer,
} from "../../../modules/board/index.js";
import { decodeUTF8, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { AirReport, Central, CentralConnection } from "../../virtual/world/air.js";
import type { Harness } from "./harness.js";

/** A board with a central in radio range. */
export interface RadioHarness extends Harness {
  readonly central: Central;
}

const SERVICE = "0000aaaa-0000-1000-8000-00805f9b34fb";
const VALUE = "0000aaab-0000-1000-8000-00805f9b34fb";
const NOTIFIED = "0000aaac-0000-1000-8000-00805f9b34fb";
const A_WHILE_MS = 500;

/** A server with a readable value for each connection, and a characteristic that notifies. */
class Echo {
  readonly calls: string[] = [];
  readonly connections: GATTConnection[] = [];
  readonly values = new Map<GATTConnection, ArrayBuffer>();
  readonly notified: GATTCharacteristic;
  readonly server: GATTServer;
  isReady = false;

  constructor(harness: Harness, mtu?: number) {
    this.notified = {
      uuid: NOTIFIED,
      properties: GATTProperties.notify,
      onSubscribe: () => this.calls.push("subscribe"),
      onUnsubscribe: () => this.calls.push("unsubscribe"),
    };
    const value: GATTCharacteristic = {
      uuid: VALUE,
      properties: GATTProperties.read | GATTProperties.write,
      descriptors: [{ uuid: "2901", value: encodeUTF8("A value") }],
      onRead: (connection) => this.values.get(connection) ?? new ArrayBuffer(0),
      onWrite: (bytes, connection) => {
        this.calls.push(`write ${bytes.byteLength}`);
        this.values.set(connection, bytes);
      },
    };
    this.server = new harness.board.io.GATTServer({
      mtu,
      services: [{ uuid: SERVICE, characteristics: [value, this.notified] }],
      onReady: () => {
        this.isReady = true;
      },
      onConnect: (connection) => {
        this.calls.push("connect");
        this.connections.push(connection);
      },
      onDisconnect: () => this.calls.push("disconnect"),
    });
  }
}

/** Defines the tests that each board's GATT server has to pass (modules/board/gatt.ts). */
export function describeGATTContract(name: string, makeHarness: () => Promise<RadioHarness>): void {
  describe(`${name}: GATT server`, () => {
    let harness: RadioHarness;
    let echo: Echo;
    let reports: AirReport[];

    beforeEach(async () => {
      harness = await makeHarness();
      echo = new Echo(harness, 185);
      reports = [];
      harness.central.scan((report) => reports.push(report));
      await harness.until("the server is ready", () => echo.isReady);
    });

    afterEach(async () => {
      echo.server.close();
      await harness.dispose();
    });

    async function advertise(data = new Uint8Array([1])): Promise<AirReport> {
      reports.length = 0;
      echo.server.startAdvertising(
        { flags: 6, manufacturerData: { manufacturer: 0xffff, data } },
        { name: "Echo" },
      );
      await harness.until("it is received", () => reports.length > 0);
      return reports.at(-1) as AirReport;
    }

    async function connect(mtu?: number): Promise<CentralConnection & { readonly lost: string[] }> {
      const { address } = reports.at(-1) ?? (await advertise());
      let connection: CentralConnection | undefined;
      const lost: string[] = [];
      harness.central.connect(address, {
        mtu,
        onConnected: (opened) => {
          connection = opened;
        },
        onFailed: (reason) => lost.push(reason),
        onDisconnected: (reason) => lost.push(reason),
      });
      await harness.until("it is connected", () => connection !== undefined || lost.length > 0);
      if (!connection) throw new Error(lost.join());
      return Object.assign(connection, { lost });
    }

    async function ask<T>(what: string, start: (done: (outcome: T) => void) => void): Promise<T> {
      let outcome: T | undefined;
      start((result) => {
        outcome = result;
      });
      await harness.until(`${what} is answered`, () => outcome !== undefined);
      return outcome as T;
    }

    async function write(connection: CentralConnection, value: Uint8Array<ArrayBuffer>) {
      return ask<{ error?: number }>("the write", (done) => connection.write(VALUE, value, done));
    }

    async function read(connection: CentralConnection) {
      return ask<{ error?: number; value?: Uint8Array }>("the read", (done) => connection.read(VALUE, done));
    }

    test("advertises the expected PDUs byte for byte", async () => {
      echo.server.startAdvertising(
        {
          flags: 6,
          services: [SERVICE],
          manufacturerData: { manufacturer: 0x1234, data: new Uint8Array([0xab]) },
        },
        { name: "Écho" },
      );
      await harness.until("it is received", () => reports.length > 0);
      const report = reports.at(-1) as AirReport;
      expect(encodeHex(report.advertisingData)).toBe(
        "0201061107fb349b5f80000080001000 00aaaa000004ff3412ab".replace(" ", ""),
      );
      expect(encodeHex(report.scanResponse)).toBe("0609c3896368 6f".replace(" ", ""));
    });

    test("throws on a PDU of more than 31 bytes", () => {
      const data = new Uint8Array(25);
      expect(() =>
        echo.server.startAdvertising({ flags: 6, manufacturerData: { manufacturer: 1, data } }),
      ).toThrow();
    });

    test("advertises new data after startAdvertising is called again", async () => {
      const before = await advertise(new Uint8Array([1]));
      const after = await advertise(new Uint8Array([2]));
      expect(after.advertisingData).not.toEqual(before.advertisingData);
    });

    test("stores a written value and returns it", async () => {
      const phone = await connect();
      expect(await write(phone, encodeUTF8("hello"))).toEqual({});
      expect((await read(phone)).value).toEqual(encodeUTF8("hello"));
    });

    test("receives a long value in one piece at the smallest MTU", async () => {
      const phone = await connect();
      expect(phone.mtu).toBe(23);
      expect(await write(phone, new Uint8Array(300).fill(7))).toEqual({});
      expect(echo.calls).toContain("write 300");
    });

    test("drops a long write when the connection is lost during it", async () => {
      const phone = await connect();
      phone.write(VALUE, new Uint8Array(300), () => {});
      await harness.pass(100);
      phone.lose();
      await harness.until("the server has detected it", () => echo.calls.includes("disconnect"));
      expect(echo.calls.filter((what) => what.startsWith("write"))).toEqual([]);
    });

    test("uses the smaller of both MTUs", async () => {
      expect((await connect(100)).mtu).toBe(100);
      expect((await connect(500)).mtu).toBe(185);
      expect(echo.connections.map((connection) => connection.maximumWrite)).toEqual([97, 182]);
    });

    test("keeps the values of connections apart", async () => {
      const one = await connect();
      const two = await connect();
      await write(one, encodeUTF8("one"));
      await write(two, encodeUTF8("two"));
      expect(decodeUTF8(((await read(one)).value ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>)).toBe(
        "one",
      );
    });

    test("answers with the proper ATT error for a missing attribute and for a forbidden access", async () => {
      const phone = await connect();
      const nothing = "0000ffff-0000-1000-8000-00805f9b34fb";
      expect((await ask<{ error?: number }>("it", (done) => phone.read(nothing, done))).error).toBe(0x0a);
      expect((await ask<{ error?: number }>("it", (done) => phone.read(NOTIFIED, done))).error).toBe(0x02);
      expect(
        (await ask<{ error?: number }>("it", (done) => phone.write(NOTIFIED, new Uint8Array(1), done))).error,
      ).toBe(0x03);
      expect((await write(phone, new Uint8Array(513))).error).toBe(0x0d);
    });

    test("has readable descriptors", async () => {
      const phone = await connect();
      expect(phone.characteristics()).toMatchObject([
        { uuid: VALUE, descriptors: ["2901"] },
        { uuid: NOTIFIED, descriptors: ["2902"] },
      ]);
      const { value } = await ask<{ value?: Uint8Array }>("it", (done) =>
        phone.readDescriptor(VALUE, "2901", done),
      );
      expect(value).toEqual(encodeUTF8("A value"));
    });

    test("notifies subscribed centrals in order, and no others", async () => {
      const one = await connect();
      const two = await connect();
      const received: string[] = [];
      await ask("subscribing", (done) =>
        one.subscribe(NOTIFIED, (value) => received.push(encodeHex(value)), done),
      );
      const errors: unknown[] = [];
      for (const connection of echo.connections) {
        connection.notify(echo.notified, new Uint8Array([1]), (error) => errors.push(error?.message));
        connection.notify(echo.notified, new Uint8Array([2]));
      }
      await harness.pass(A_WHILE_MS);
      expect(received).toEqual(["01", "02"]);
      expect(errors[0]).toBeUndefined();
      expect(errors[1]).toBeDefined();
      two.disconnect();
    });

    test("stops notifying a central that has unsubscribed, until it subscribes again", async () => {
      const phone = await connect();
      const received: string[] = [];
      const onNotified = (value: Uint8Array<ArrayBuffer>) => received.push(encodeHex(value));
      const notify = async (byte: number) => {
        echo.connections[0]?.notify(echo.notified, new Uint8Array([byte]));
        await harness.pass(A_WHILE_MS);
      };
      await ask("subscribing", (done) => phone.subscribe(NOTIFIED, onNotified, done));
      await notify(1);
      await ask("unsubscribing", (done) => phone.unsubscribe(NOTIFIED, done));
      await notify(2);
      await ask("subscribing", (done) => phone.subscribe(NOTIFIED, onNotified, done));
      await notify(3);
      expect(received).toEqual(["01", "03"]);
      expect(echo.calls.filter((what) => what.includes("subscribe"))).toEqual([
        "subscribe",
        "unsubscribe",
        "subscribe",
      ]);
    });

    test("reports a change of a subscription, and not its repetition", async () => {
      const phone = await connect();
      const onNotified = () => {};
      await ask("unsubscribing", (done) => phone.unsubscribe(NOTIFIED, done));
      await ask("subscribing", (done) => phone.subscribe(NOTIFIED, onNotified, done));
      await ask("subscribing", (done) => phone.subscribe(NOTIFIED, onNotified, done));
      await ask("unsubscribing", (done) => phone.unsubscribe(NOTIFIED, done));
      await ask("unsubscribing", (done) => phone.unsubscribe(NOTIFIED, done));
      expect(echo.calls).toEqual(["connect", "subscribe", "unsubscribe"]);
    });

    test("throws on a notification of more than the MTU less 3 bytes", async () => {
      await connect();
      const [connection] = echo.connections;
      expect(() => connection?.notify(echo.notified, new Uint8Array(21))).toThrow();
    });

    test("reports a notification to a disconnected central to its callback only", async () => {
      const phone = await connect();
      phone.disconnect();
      await harness.until("the server has detected it", () => echo.calls.includes("disconnect"));
      let error: Error | undefined;
      echo.connections[0]?.notify(echo.notified, new Uint8Array(1), (why) => {
        error = why;
      });
      await harness.until("it is reported", () => error !== undefined);
    });

    test("can close a connection", async () => {
      const phone = await connect();
      echo.connections[0]?.close();
      await harness.until(
        "both have detected it",
        () => phone.lost.length > 0 && echo.calls.includes("disconnect"),
      );
    });

    test("accepts three connections, pauses advertising and resumes when one is free", async () => {
      const phones = [await connect(), await connect(), await connect()];
      await expect(connect()).rejects.toThrow();
      reports.length = 0;
      phones[1]?.disconnect();
      await harness.until("it is discovered again", () => reports.length > 0);
      await connect();
    });

    test("advertises data that was set without a free connection as soon as one is free", async () => {
      const phones = [await connect(), await connect(), await connect()];
      reports.length = 0;
      const data = new Uint8Array([9]);
      echo.server.startAdvertising({ flags: 6, manufacturerData: { manufacturer: 0xffff, data } });
      await harness.pass(A_WHILE_MS);
      expect(reports).toEqual([]);
      phones[0]?.disconnect();
      await harness.until("it is received", () => reports.length > 0);
      expect(reports.at(-1)?.advertisingData.at(-1)).toBe(9);
    });

    test("stays silent after stopAdvertising, also after a disconnection", async () => {
      const phone = await connect();
      echo.server.stopAdvertising();
      await harness.pass(A_WHILE_MS);
      const received: AirReport[] = [];
      harness.central.scan((report) => received.push(report));
      await harness.pass(A_WHILE_MS);
      phone.disconnect();
      await harness.until("the server has detected it", () => echo.calls.includes("disconnect"));
      await harness.pass(A_WHILE_MS);
      expect(received).toEqual([]);
    });

    test("throws on a second server while the first is open", () => {
      expect(() => new Echo(harness)).toThrow();
    });

    test.each([
      ["a readable characteristic without onRead", { properties: GATTProperties.read }],
      ["a callback that the properties do not allow", { properties: 0, onWrite: () => {} }],
      ["notifications without onSubscribe", { properties: GATTProperties.notify, onUnsubscribe: () => {} }],
    ])("throws on %s", (_name, characteristic) => {
      echo.server.close();
      const services = [{ uuid: SERVICE, characteristics: [{ uuid: VALUE, ...characteristic }] }];
      expect(() => new harness.board.io.GATTServer({ services })).toThrow("inconsistent");
      echo = new Echo(harness);
    });

    test("calls no callback after close", async () => {
      const phone = await connect();
      echo.server.close();
      const calls = echo.calls.length;
      phone.write(VALUE, new Uint8Array(1), () => {});
      phone.disconnect();
      await harness.pass(A_WHILE_MS);
      expect(echo.calls).toHaveLength(calls);
    });
  });
}
