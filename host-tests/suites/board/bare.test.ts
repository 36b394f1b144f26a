/** Runs the virtual board in an engine with the language alone, like bare XS. */

import { createContext, runInContext } from "node:vm";
import { expect, test } from "@jest/globals";
import { bundle } from "../../tools/xs/engine.js";

/** XS's own UTF-8 functions, which are all that the modules use of the engine beyond the language. */
const LIKE_XS = `
  ArrayBuffer.fromString = (text) =>
    Uint8Array.from(unescape(encodeURIComponent(text)), (one) => one.charCodeAt(0)).buffer;
  String.fromArrayBuffer = (buffer) =>
    decodeURIComponent(escape(Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("")));
`;

const SCRIPT = `
  import { Scene, codeOf } from "./host-tests/virtual/scene.js";
  const scene = new Scene({ seed: 7 });
  scene.bringOnline();
  scene.plug();
  const code = codeOf(scene.present("GUEST-0001"));
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  globalThis.result = JSON.stringify({ code, ends: scene.under.ends });
`;

test("a station boots and charges in an engine without Node, timers, console and TextEncoder", () => {
  const context = createContext({});
  runInContext(LIKE_XS, context);
  runInContext(bundle(SCRIPT), context);
  expect(JSON.parse(runInContext("result", context))).toEqual({ code: 200, ends: [] });
});
