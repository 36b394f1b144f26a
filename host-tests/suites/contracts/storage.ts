import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Storage } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Harness, MakeHarness } from "./harness.js";

/** Defines the tests that each board's storage has to pass (modules/board/storage.ts). */
export function describeStorageContract(name: string, makeHarness: MakeHarness): void {
  describe(`${name}: storage`, () => {
    let harness: Harness;
    let storage: Storage;

    beforeEach(async () => {
      harness = await makeHarness();
      storage = harness.board.openStorage("test");
    });

    afterEach(async () => {
      await harness.dispose();
    });

    function text(key: string): string | undefined {
      const value = storage.read(key);
      return value && decodeUTF8(value);
    }

    test("returns a written value and replaces it", () => {
      expect(storage.read("key")).toBeUndefined();
      storage.write("key", encodeUTF8("one"));
      expect(text("key")).toBe("one");
      storage.write("key", encodeUTF8("two"));
      expect(text("key")).toBe("two");
    });

    test("deletes a value, and ignores the deletion of a missing one", () => {
      storage.write("key", encodeUTF8("one"));
      storage.delete("key");
      storage.delete("key");
      expect(storage.read("key")).toBeUndefined();
    });

    test("lists the keys of its own path only", () => {
      const other = harness.board.openStorage("other");
      storage.write("a", encodeUTF8("1"));
      storage.write("b", encodeUTF8("2"));
      other.write("c", encodeUTF8("3"));
      expect(storage.keys().sort()).toEqual(["a", "b"]);
      expect(storage.read("c")).toBeUndefined();
    });

    test("copies values on writing and reading", () => {
      const value = encodeUTF8("one");
      storage.write("key", value);
      value.fill(0);
      expect(text("key")).toBe("one");
      new Uint8Array(storage.read("key") ?? new ArrayBuffer(0)).fill(0);
      expect(text("key")).toBe("one");
    });

    test("accepts keys of 1 to 15 ASCII characters", () => {
      storage.write("x".repeat(15), encodeUTF8("one"));
      for (const key of ["", "x".repeat(16), "ü"])
        expect(() => storage.write(key, encodeUTF8("one"))).toThrow();
    });

    test("accepts paths of 1 to 15 ASCII characters", () => {
      expect(() => harness.board.openStorage("x".repeat(16))).toThrow();
    });

    test("accepts values of up to 4000 bytes, and changes nothing on a larger one", () => {
      storage.write("key", new Uint8Array(4000));
      expect(() => storage.write("key", new Uint8Array(4001))).toThrow();
      expect(storage.read("key")?.byteLength).toBe(4000);
    });

    test("throws when full, changes nothing, and accepts what fits afterwards", () => {
      const written: string[] = [];
      const fill = () => {
        for (let i = 0; i < 100; i++) {
          storage.write(`key${i}`, new Uint8Array(4000));
          written.push(`key${i}`);
        }
      };
      expect(fill).toThrow("full");
      expect(storage.keys().sort()).toEqual(written.sort());
      storage.delete(written[0] ?? "");
      storage.write("again", new Uint8Array(4000));
    });

    test("throws on the use after close", () => {
      storage.close();
      expect(() => storage.read("key")).toThrow("closed");
      expect(() => storage.write("key", new Uint8Array(1))).toThrow("closed");
    });
  });
}
