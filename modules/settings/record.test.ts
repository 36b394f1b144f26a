import { expect, test } from "@jest/globals";
import type { Storage } from "../board/index.js";
import { type RecordFormat, StoredRecord } from "./index.js";

const FORMAT: RecordFormat<number> = {
  key: "count",
  version: 1,
  parse: ({ count }) => (typeof count === "number" ? count : undefined),
  format: (count) => ({ count }),
};

function broken(error: unknown) {
  const fail = () => {
    throw error;
  };
  const storage: Storage = { read: fail, write: fail, delete: fail, keys: fail, close: fail };
  const lines: string[] = [];
  const report = (line: string) => lines.push(line);
  return { record: new StoredRecord({ storage, format: FORMAT, board: { log: report } }), lines };
}

test("StoredRecord reports a failed read or delete without throwing", () => {
  const { record, lines } = broken(new Error("no flash"));
  expect(record.read()).toBeUndefined();
  record.clear();
  expect(lines).toEqual([
    'settings: the record "count" cannot be read: no flash',
    'settings: the record "count" cannot be deleted: no flash',
  ]);
});

test("StoredRecord throws when a write fails", () => {
  const { record } = broken(new Error("no flash"));
  expect(() => record.write(1)).toThrow("no flash");
});
