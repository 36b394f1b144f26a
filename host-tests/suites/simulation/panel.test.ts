import { describe, expect, test } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { LOGIN, Scene } from "../../virtual/scene.js";

/** Script that is larger than one piece of a response. */
const SCRIPT = new Uint8Array(20_000).fill(0xa5);
const RESOURCES = new Map<string, Uint8Array<ArrayBuffer>>([
  ["panel-html.gz", encodeUTF8("page")],
  ["panel-css.gz", encodeUTF8("style")],
  ["panel-js.gz", SCRIPT],
]);

function booted(device = { resource: (name: string) => RESOURCES.get(name) }): Scene {
  const scene = new Scene({ device });
  scene.under.boot();
  scene.clock.advance(500);
  return scene;
}

const PATHS = ["/", "/index.html", "/wifi.html", "/system.html", "/panel.css", "/panel.js"];

describe("the admin panel", () => {
  test.each(PATHS)("serves %s only with the login", (path) => {
    const scene = booted();
    expect(scene.ask("GET", path).status).toBe(401);
    expect(scene.manage(path).status).toBe(200);
    expect(scene.ask("POST", path, { headers: LOGIN, body: "" }).status).toBe(405);
  });

  test("is sent gzipped, as the board stores it, with a strict content security policy", () => {
    const { headers, bodyBytes } = booted().manage("/panel.js");
    expect(bodyBytes).toEqual(SCRIPT);
    expect(headers.get("content-encoding")).toBe("gzip");
    expect(headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe-inline");
  });

  test("is answered with 304 until its ETag changes", () => {
    const scene = booted();
    const etag = scene.manage("/panel.js").headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{16}"$/);
    const again = (known: string) =>
      scene.ask("GET", "/panel.js", { headers: { ...LOGIN, "if-none-match": known } });
    expect(again(etag)).toMatchObject({ status: 304, body: "" });
    expect(again(etag).headers.has("content-length")).toBe(false);
    expect(again('"0000000000000000"').status).toBe(200);
  });

  test("answers 404 when it was not built in, and the station can still be paired", () => {
    const scene = booted({ resource: () => undefined });
    expect(scene.manage("/").status).toBe(404);
    expect(scene.pair()).toMatchObject({ status: 200 });
  });
});
