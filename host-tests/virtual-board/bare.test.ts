/** The virtual board in an engine that has the language and nothing else, as bare XS. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** XS's own way to UTF-8, the one thing that the modules take from the engine beyond the language. */
const LIKE_XS = `
  ArrayBuffer.fromString = (text) =>
    Uint8Array.from(unescape(encodeURIComponent(text)), (one) => one.charCodeAt(0)).buffer;
  String.fromArrayBuffer = (buffer) =>
    decodeURIComponent(escape(Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("")));
`;

const STORY = `
  import { Scene, codeOf } from "./host-tests/simulation/scene.js";
  const scene = new Scene({ seed: 7 });
  scene.bringOnline();
  scene.plug();
  const code = codeOf(scene.present("GUEST-0001"));
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  globalThis.result = JSON.stringify({ code, ends: scene.under.ends });
`;

function bundle(source: string): string {
  const { status, stdout, stderr } = spawnSync(
    join(ROOT, "node_modules", ".bin", "esbuild"),
    ["--bundle", "--format=iife", "--platform=neutral", "--main-fields=main", "--loader=ts"],
    { cwd: ROOT, input: source, encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

test("a station goes from boot to charging where there is no Node, no timer, no console and no TextEncoder", () => {
  const context = createContext({});
  runInContext(LIKE_XS, context);
  runInContext(bundle(STORY), context);
  expect(JSON.parse(runInContext("result", context))).toEqual({ code: 200, ends: [] });
});
