import { describe, expect, test } from "@jest/globals";
import { codeInPlace, readOpcodes } from "./code-in-place.js";

/** The form of the SDK's xsCommon.c, with few bytecodes. */
const COMMON = `
const txS1 gxCodeSizes[XS_CODE_COUNT] ICACHE_FLASH_ATTR = {
	1 /* XS_NO_CODE */,
	2 /* XS_CODE_BEGIN_STRICT */,
	2 /* XS_CODE_CODE_1 */,
	3 /* XS_CODE_CODE_2 */,
	5 /* XS_CODE_CODE_4 */,
	2 /* XS_CODE_CODE_ARCHIVE_1 */,
	3 /* XS_CODE_CODE_ARCHIVE_2 */,
	5 /* XS_CODE_CODE_ARCHIVE_4 */,
	0 /* XS_CODE_GET_PROPERTY */,
	-1 /* XS_CODE_STRING_1 */,
	-2 /* XS_CODE_STRING_2 */,
	-4 /* XS_CODE_STRING_4 */,
	-1 /* XS_CODE_STRING_ARCHIVE_1 */,
	-2 /* XS_CODE_STRING_ARCHIVE_2 */,
	-4 /* XS_CODE_STRING_ARCHIVE_4 */,
};
const txS1 gxOther[] = { 1 };
`;
const opcodes = readOpcodes(COMMON);

function linked(bytes: readonly number[]): string {
  const text = bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  return `{ (txSlot*)&gxHeap[1], {.ID = xsID_a, .flag = 0x8b, .kind = XS_CODE_X_KIND}, .value = { .code = { (txByte*)"${text}", NULL } } },`;
}

describe("the code of preloaded functions", () => {
  test.each<[string, number[], number[]]>([
    ["a string", [1, 0, 9, 2, 2, 0], [1, 0, 12, 2, 2, 0]],
    ["a long string", [10, 2, 0, 9, 0], [13, 2, 0, 9, 0]],
    ["a very long string", [11, 1, 0, 0, 0, 9], [14, 1, 0, 0, 0, 9]],
    ["a closure, and a string in it", [2, 5, 1, 0, 9, 1, 0], [5, 5, 1, 0, 12, 1, 0]],
    ["a long closure", [3, 2, 0, 1, 0], [6, 2, 0, 1, 0]],
    ["a very long closure", [4, 2, 0, 0, 0, 1, 9], [7, 2, 0, 0, 0, 1, 9]],
    ["no identifier that looks like a string", [8, 9, 9, 0, 0], [8, 9, 9, 0, 0]],
  ])("uses %s where it is", (_name, before, after) => {
    expect(codeInPlace(linked(before), opcodes)).toBe(linked(after));
  });

  test("leaves other lines alone", () => {
    const source = '.kind = XS_STRING_X_KIND}, .value = { .string = (txString)"\\x09" }';
    expect(codeInPlace(source, opcodes)).toBe(source);
  });

  test.each([
    ["an unknown bytecode", [200], "unknown bytecode, 200"],
    ["a bytecode that does not end", [9, 5, 0], "does not end"],
  ])("throws an error for %s", (_name, code, message) => {
    expect(() => codeInPlace(linked(code), opcodes)).toThrow(message);
  });
});

test("throws an error for an SDK with other bytecodes", () => {
  expect(() => readOpcodes(COMMON.replace("XS_CODE_STRING_2 ", "XS_CODE_TEXT "))).toThrow("other bytecodes");
});
