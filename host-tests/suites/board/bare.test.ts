/** The virtual board in an engine that has the language and nothing else, as bare XS. */

import { createContext, runInContext } from "node:vm";
import { expect, test } from "@jest/globals";
import { bundle } from "../../tools/xs/engine.js";

/** XS's own way to UTF-8, the one thing that the modules take from the engine beyond the language. */
const LIKE_XS = `
  ArrayBuffer.fromString = (text) =>
    Uint8Array.from(unescape(encodeURIComponent(text)), (one) => one.charCodeAt(0)).buffer;
  String.fromArrayBuffer = (buffer) =>
    decodeURIComponent(escape(Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("")));
`;

const STORY = `
  import { Scene, codeOf } from "./host-tests/virtual/scene.js";
  const scene = new Scene({ seed: 7 });
  scene.bringOnline();
  scene.plug();
  const code = codeOf(scene.present("GUEST-0001"));
  scene.until("current flows", () => scene.device.vehicle.isCharging);
  globalThis.result = JSON.stringify({ code, ends: scene.under.ends });
`;

test("a station goes from boot to charging where there is no Node, no timer, no console and no TextEncoder", () => {
  const context = createContext({});
  runInContext(LIKE_XS, context);
  runInContext(bundle(STORY), context);
  expect(JSON.parse(runInContext("result", context))).toEqual({ code: 200, ends: [] });
});
