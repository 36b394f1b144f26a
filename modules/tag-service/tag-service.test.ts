import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  AUTHORIZED,
  Bench,
  ManualServer,
  METADATA,
  RADIO_MS,
  REJECTED,
  TAG,
} from "../../host-tests/suites/units/tag-service-bench.js";
import { type GATTConnection, GATTProperties } from "../board/index.js";
import { decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { CHALLENGE_UUID, RESULT_UUID, SERVICE_UUID, TAG_UUID } from "./index.js";

const INTERVAL_MS = 250;

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("TagService's attempt", () => {
  test("notifies pending, then the result, and logs it without the tag", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    expect(bench.sources[0]?.tags).toEqual([TAG]);
    const pending = { state: "pending", code: 202, attempt: 1, status: "plugged" };
    expect(phone.results).toEqual([pending]);
    bench.answer(AUTHORIZED);
    const authorized = { state: "authorized", code: 200, attempt: 1, status: "plugged" };
    expect(phone.results).toEqual([pending, authorized]);
    expect(bench.device.logLines).toEqual([
      "tag-service: attempt 1: authorized (200: authorized by the platform)",
    ]);
  });

  test("can be read as well: idle, pending, and its result", () => {
    const phone = bench.connect({ subscribes: false });
    expect(bench.readResult(phone)).toEqual({ state: "idle", code: 0, attempt: 0, status: "plugged" });
    bench.write(phone, TAG);
    expect(bench.readResult(phone)).toMatchObject({ state: "pending", code: 202, attempt: 1 });
    bench.answer(REJECTED);
    expect(bench.readResult(phone)).toMatchObject({ state: "rejected", code: 403, attempt: 1 });
    expect(phone.results).toEqual([]);
  });

  test("is pending for a read right after the write", () => {
    const phone = bench.connect();
    phone.connection.write(TAG_UUID, encodeUTF8(TAG), () => {});
    expect(bench.readResult(phone)).toMatchObject({ state: "pending", attempt: 1 });
  });

  test("runs from a timer, not in the callback of the radio", () => {
    const phone = bench.connect();
    const notPending = () => phone.results.length === 0;
    phone.connection.write(TAG_UUID, encodeUTF8(TAG), () => {});
    bench.world.clock.runUntil(() => bench.sources[0]?.tags.length === 1, RADIO_MS);
    expect(notPending()).toBe(true);
    bench.advance(RADIO_MS);
    expect(notPending()).toBe(false);
  });

  test("has the status of the moment in each notification", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    bench.service.update({ ...METADATA, status: "authorized" });
    bench.answer(AUTHORIZED);
    expect(phone.results.map((result) => result?.status)).toEqual(["plugged", "authorized"]);
  });

  test("counts per connection from 1 to 255, then 0", () => {
    const phone = bench.connect();
    for (let n = 1; n <= 257; n++) {
      bench.write(phone, TAG, 100);
      bench.answer(REJECTED, 0, 100);
    }
    const attempts = phone.results
      .filter((result) => result?.state === "rejected")
      .map((result) => result?.attempt);
    expect(attempts.slice(0, 2)).toEqual([1, 2]);
    expect(attempts.slice(-3)).toEqual([255, 0, 1]);
    const other = bench.connect();
    bench.write(other, TAG);
    expect(other.results).toMatchObject([{ attempt: 1 }]);
  });

  test.each([
    ["bytes that are not UTF-8", new Uint8Array([0xff, 0xfe]), ""],
    ["an empty value", new Uint8Array(0), ""],
    ["a text that is no tag", encodeUTF8("ä b"), "ä b"],
  ])("passes %s on, so that the source refuses it", (_name, value, tag) => {
    bench.write(bench.connect(), value);
    expect(bench.sources[0]?.tags).toEqual([tag]);
  });

  test("returns the written tag to its own phone alone", () => {
    const [phone, other] = [bench.connect(), bench.connect()];
    bench.write(phone, TAG);
    expect(decodeUTF8(bench.read(phone, TAG_UUID))).toBe(TAG);
    expect(bench.read(other, TAG_UUID)).toHaveLength(0);
  });
});

describe("TagService's connections", () => {
  test("have a source each, and receive only their own results", () => {
    const [phone, other] = [bench.connect(), bench.connect()];
    bench.write(phone, TAG);
    bench.write(other, "other-tag");
    expect(bench.sources.map(({ tags }) => tags)).toEqual([[TAG], ["other-tag"]]);
    bench.answer(REJECTED, 1);
    expect(phone.results.map((result) => result?.state)).toEqual(["pending"]);
    expect(other.results.map((result) => result?.state)).toEqual(["pending", "rejected"]);
    expect(bench.readResult(phone)).toMatchObject({ state: "pending" });
  });

  test("pass the address of their central to the source, where the board knows it", () => {
    bench.connect({ address: "c0ffee000001" });
    bench.connect();
    expect(bench.addresses).toEqual(["c0ffee000001", undefined]);
  });

  test("may end before the result: the attempt continues, and its result is logged", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    phone.connection.disconnect();
    bench.advance(RADIO_MS);
    bench.answer(AUTHORIZED);
    expect(bench.device.logLines).toHaveLength(1);
    expect(phone.results).toHaveLength(1);
  });

  test("may end right after the write: the attempt still starts", () => {
    const phone = bench.connect();
    phone.connection.write(TAG_UUID, encodeUTF8(TAG), () => phone.connection.disconnect());
    bench.advance(RADIO_MS);
    expect(bench.sources[0]?.tags).toEqual([TAG]);
  });

  test("start idle again after a disconnection, with a new source", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    phone.connection.disconnect();
    bench.advance(RADIO_MS);
    const again = bench.connect();
    expect(bench.readResult(again)).toMatchObject({ state: "idle", attempt: 0 });
    expect(bench.read(again, TAG_UUID)).toHaveLength(0);
    expect(bench.sources).toHaveLength(2);
    bench.answer(AUTHORIZED);
    expect(again.results).toEqual([]);
  });

  test("offer tag, result and challenge with their properties and descriptions", () => {
    const { connection } = bench.connect();
    const { read, write, notify } = GATTProperties;
    expect(connection.characteristics()).toMatchObject([
      { uuid: TAG_UUID, properties: read | write },
      { uuid: RESULT_UUID, properties: read | notify },
      { uuid: CHALLENGE_UUID, properties: read },
    ]);
    const descriptions: (string | undefined)[] = [];
    for (const uuid of [TAG_UUID, RESULT_UUID, CHALLENGE_UUID]) {
      connection.readDescriptor(uuid, "2901", ({ value }) => {
        descriptions.push(value && decodeUTF8(value));
      });
      bench.advance(RADIO_MS);
    }
    expect(descriptions).toEqual(["Tag", "Authorization result", "Challenge"]);
    expect(connection.mtu).toBe(247);
  });
});

describe("TagService's advertisement", () => {
  test("starts once the radio is ready", () => {
    expect(bench.service.isReady).toBe(false);
    bench.service.update(METADATA);
    bench.service.rename("Other");
    bench.advance(1000);
    expect(bench.service.isReady).toBe(true);
    expect(bench.seen.map(({ name }) => name)).toEqual(["Other"]);
  });

  test("has the service, the metadata, the hash of the device id and the name", () => {
    bench.advance(1000);
    const service = SERVICE_UUID.replaceAll("-", "").match(/../g)?.reverse().join("");
    const hex = ["020106", `1107${service}`, "09ffffff", "1101", "437d4a98"].join("");
    expect(bench.seen).toMatchObject([{ hex, name: "Café" }]);
  });

  test("has the company identifier of the options", () => {
    bench = new Bench({ companyId: 0x1234 });
    bench.advance(1000);
    expect(bench.seen[0]?.hex).toContain("09ff34121101");
  });

  test("changes with the metadata and the name", () => {
    bench.advance(1000);
    bench.service.update({ ...METADATA, status: "charging" });
    bench.advance(INTERVAL_MS);
    bench.service.rename("Bistro");
    bench.advance(INTERVAL_MS);
    expect(bench.seen.slice(1)).toMatchObject([
      { hex: expect.stringContaining("ffff1103"), name: "Café" },
      { hex: expect.stringContaining("ffff1103"), name: "Bistro" },
    ]);
  });

  test("stays as it is when nothing has changed", () => {
    bench.advance(1000);
    bench.service.update({ ...METADATA });
    bench.service.rename("Café");
    bench.advance(1000);
    expect(bench.seen).toHaveLength(1);
  });

  test("changes at most every 250 ms, and shows the last of several changes", () => {
    bench.advance(1000);
    bench.seen.length = 0;
    for (const status of ["authorized", "charging", "finishing", "faulted"] as const) {
      bench.service.update({ ...METADATA, status });
    }
    bench.advance(INTERVAL_MS - 1);
    expect(bench.seen.map(({ hex }) => hex.slice(-10, -8))).toEqual(["02"]);
    bench.advance(1);
    expect(bench.seen.map(({ hex }) => hex.slice(-10, -8))).toEqual(["02", "05"]);
  });
});

describe("TagService that is closed", () => {
  test("advertises and answers no more, also when it is closed twice", () => {
    const phone = bench.connect();
    bench.write(phone, TAG);
    const before = bench.seen.length;
    bench.service.close();
    bench.service.close();
    bench.service.update({ ...METADATA, status: "charging" });
    bench.answer(AUTHORIZED);
    bench.advance(1000);
    expect(bench.seen).toHaveLength(before);
    expect(phone.results).toHaveLength(1);
  });

  test("before the radio is ready never advertises", () => {
    bench.service.close();
    bench.advance(1000);
    expect([bench.service.isReady, bench.seen]).toEqual([false, []]);
  });

  test("starts no attempt for a write that it has only recorded", () => {
    bench = new Bench({}, () => ({ io: { GATTServer: ManualServer } }));
    const connection: GATTConnection = { maximumWrite: 20, notify: () => {}, close: () => {} };
    const { onConnect, services } = ManualServer.options ?? { services: [] };
    const [tag] = services.flatMap(({ characteristics }) => characteristics);
    onConnect?.(connection);
    tag?.onWrite?.(encodeUTF8(TAG).buffer, connection);
    bench.service.close();
    bench.advance(1000);
    expect(bench.sources.map(({ tags }) => tags)).toEqual([[]]);
  });
});
