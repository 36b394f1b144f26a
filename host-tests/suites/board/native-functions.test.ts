/** Compares the ESP32 board's native functions with their declarations in TypeScript. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const BOARD = fileURLToPath(new URL("../../../firmware/boards/esp32", import.meta.url));

describe.each([
  ["gatt", "gatt-server.c"],
  ["tls", "tls-connections.c"],
])("the native functions of %s", (folder, file) => {
  const declarations = readFileSync(join(BOARD, folder, "native.ts"), "utf8");

  test("are the same in TypeScript and in C", () => {
    const source = readFileSync(join(BOARD, folder, file), "utf8");
    const named = [...declarations.matchAll(/native\("(\w+)"\)/g)].map((match) => match[1]);
    const defined = [...source.matchAll(/^void (xs_\w+)\(xsMachine \*the\)/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(defined.sort());
  });

  test("are each the only statement of their function, with its parameters: otherwise XS calls them by an object", () => {
    const functions = [
      ...declarations.matchAll(/^export function \w+\(([^{]*)\): [\w |]+ \{\n([^}]*)\n\}/gm),
    ];
    for (const [, parameters = "", body = ""] of functions) {
      const own = parameters.replace(/^\s*this: unknown,?/, "").replace(/\((\w+: \w+[^)]*)\) => void/, "");
      const names = ["this", ...[...own.matchAll(/(\w+):/g)].map((one) => one[1])];
      expect(body).toMatch(new RegExp(`^ {2}(return )?native\\("\\w+"\\)\\.call\\(${names.join(", ")}\\);$`));
    }
    expect(functions).toHaveLength(declarations.match(/native\(/g)?.length ?? 0);
  });
});
