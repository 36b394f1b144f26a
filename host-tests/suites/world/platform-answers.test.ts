import { Buffer } from "node:buffer";
import { expect, test } from "@jest/globals";
import { base64 } from "../../virtual/world/platform-answers.js";

test("base64 equals Node's at each length", () => {
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255);
    expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
  }
});
