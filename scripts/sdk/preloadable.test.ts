import { describe, expect, test } from "@jest/globals";
import { isAlias, preloadable } from "./preloadable.js";

describe("preloadable", () => {
  test("makes variables of the top level constant, and no others", async () => {
    const bundle = await preloadable("var A = class {};\nvar { B } = A;\nfunction f() {\n  var b = B;\n}\n");
    expect(bundle).toContain("const A = class {};\nconst { B } = A;\nfunction f() {\n  var b = B;\n}\n");
  });

  test("freezes tables of the top level, but no functions", async () => {
    const bundle = await preloadable("var A = { b: 1 };\nvar C = class {};\nexport { A, C };\n");
    const module = await import(`data:text/javascript,${encodeURIComponent(bundle)}`);
    expect(Object.isFrozen(module.A)).toBe(true);
    expect(Object.isFrozen(module.C)).toBe(false);
  });

  test("refuses a variable that is assigned again", async () => {
    await expect(preloadable("var count = 0;\nfunction f() {\n  count++;\n}\n")).rejects.toThrow(
      'variable that changes: This assignment will throw because "count" is a constant',
    );
  });
});

test.each([
  ["### warning: firmware/main: default() Station() limits: no const", true],
  ["### warning: firmware/main: default() TABLE.items[2]: not frozen", true],
  ["### warning: ssl/cache: default: not frozen", false],
  ["### 3337 instances, 3354 keys, 66 colors, 0 holes", false],
])("the linker's line %s reports an alias of this project: %s", (line, isOwn) => {
  expect(isAlias(line)).toBe(isOwn);
});
