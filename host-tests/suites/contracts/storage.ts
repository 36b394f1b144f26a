import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Storage } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { Harness, MakeHarness } from "./harness.js";

/** What every board's storage does (modules/board/storage.ts). */
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

    test("what was written is read, and replaced", () => {
      expect(storage.read("key")).toBeUndefined();
      storage.write("key", encodeUTF8("one"));
      expect(text("key")).toBe("one");
      storage.write("key", encodeUTF8("two"));
      expect(text("key")).toBe("two");
    });

    test("what was deleted is gone; deleting what is not there is no mistake", () => {
      storage.write("key", encodeUTF8("one"));
      storage.delete("key");
      storage.delete("key");
      expect(storage.read("key")).toBeUndefined();
    });

    test("the keys are those of this path only", () => {
      const other = harness.board.openStorage("other");
      storage.write("a", encodeUTF8("1"));
      storage.write("b", encodeUTF8("2"));
      other.write("c", encodeUTF8("3"));
      expect(storage.keys().sort()).toEqual(["a", "b"]);
      expect(storage.read("c")).toBeUndefined();
    });

    test("a value that the caller changes afterwards is not changed in the storage", () => {
      const value = encodeUTF8("one");
      storage.write("key", value);
      value.fill(0);
      expect(text("key")).toBe("one");
      new Uint8Array(storage.read("key") ?? new ArrayBuffer(0)).fill(0);
      expect(text("key")).toBe("one");
    });

    test("a key has 1 to 15 ASCII characters", () => {
      storage.write("x".repeat(15), encodeUTF8("one"));
      for (const key of ["", "x".repeat(16), "ü"])
        expect(() => storage.write(key, encodeUTF8("one"))).toThrow();
    });

    test("a path has 1 to 15 ASCII characters", () => {
      expect(() => harness.board.openStorage("x".repeat(16))).toThrow();
    });

    test("a value has at most 4000 bytes; a larger one changes nothing", () => {
      storage.write("key", new Uint8Array(4000));
      expect(() => storage.write("key", new Uint8Array(4001))).toThrow();
      expect(storage.read("key")?.byteLength).toBe(4000);
    });

    test("a full storage refuses, changes nothing, and takes again what fits", () => {
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

    test("a closed storage refuses to be used", () => {
      storage.close();
      expect(() => storage.read("key")).toThrow("closed");
      expect(() => storage.write("key", new Uint8Array(1))).toThrow("closed");
    });
  });
}
