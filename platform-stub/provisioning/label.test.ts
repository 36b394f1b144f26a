import { describe, expect, test } from "@jest/globals";
import { IDENTITY } from "../../host-tests/suites/identity.js";
import { readQR } from "../../host-tests/suites/qr.js";
import { innerLabelSVG, innerLabelText, labelSVG, labelText, wifiText } from "./label.js";

/** Decodes the label's QR code as a phone does. */
function scan(svg: string): string | undefined {
  const [, path = ""] = / d="([^"]*)"/.exec(svg) ?? [];
  const squares = [...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(
    ([, x, y]) => [Number(x), Number(y)] as const,
  );
  expect(squares.map(([x, y]) => `M${x} ${y}h1v1h-1z`).join("")).toBe(path);
  const quietZone = Math.min(...squares.map(([x]) => x));
  return readQR(squares, Math.max(...squares.map(([x]) => x)) + 1 + quietZone);
}

describe("a label", () => {
  test("as text contains the station's identity without the key and the admin password", () => {
    expect(labelText({ identity: IDENTITY, accessPointName: "PlugPass AP" })).toBe(
      [
        "product         cafe",
        "device id       cafe-1a2b3c4d",
        "Wi-Fi network   PlugPass AP",
        "Wi-Fi password  wyq8tb5rauxj",
        "",
      ].join("\n"),
    );
  });

  test("as a drawing contains the station's identity without the key and the admin password", () => {
    const svg = labelSVG({ identity: IDENTITY, accessPointName: "PlugPass AP" });
    const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(texts.filter((_, i) => i % 2 === 1)).toEqual([
      "cafe",
      "cafe-1a2b3c4d",
      "PlugPass AP",
      "wyq8tb5rauxj",
    ]);
    for (const secret of [IDENTITY.key, IDENTITY.adminPassword]) expect(svg).not.toContain(secret);
  });

  test("for the inside of the station has the admin password, and no Wi-Fi password", () => {
    const options = { identity: IDENTITY, accessPointName: "PlugPass AP" };
    expect(innerLabelText(options)).toBe(
      "product         cafe\ndevice id       cafe-1a2b3c4d\nadmin password  zz48w56jgu6g\n",
    );
    const svg = innerLabelSVG(options);
    for (const value of [IDENTITY.id, IDENTITY.adminPassword]) expect(svg).toContain(`>${value}</text>`);
    for (const secret of [IDENTITY.key, IDENTITY.accessPointPassword, "<path"])
      expect(svg).not.toContain(secret);
  });

  test.each(["PlugPass AP", 'Café; "A, B": \\ AP', "充电桩 AP"])(
    "has a QR code with which a phone joins %s",
    (accessPointName) => {
      const svg = labelSVG({ identity: IDENTITY, accessPointName });
      expect(scan(svg)).toBe(wifiText({ ssid: accessPointName, password: "wyq8tb5rauxj" }));
    },
  );

  test("escapes special characters of SVG", () => {
    const svg = labelSVG({ identity: IDENTITY, accessPointName: "<A & B> AP" });
    expect(svg).toContain("&lt;A &amp; B&gt; AP</text>");
  });

  test("shrinks a long device id to fit", () => {
    const id = `${"a".repeat(55)}-1a2b3c4d`;
    const svg = labelSVG({ identity: { ...IDENTITY, id }, accessPointName: "PlugPass AP" });
    const [, size] = new RegExp(`font-size="([\\d.]+)">${id}`).exec(svg) ?? [];
    // The space is 48 mm wide, and a monospaced character is 0.6 of the font size wide.
    expect(Number(size) * 0.6 * id.length).toBeLessThan(48);
  });
});

test("the text of the QR code escapes its delimiters", () => {
  expect(wifiText({ ssid: "PlugPass AP", password: "secret" })).toBe("WIFI:T:WPA;S:PlugPass AP;P:secret;;");
  expect(wifiText({ ssid: 'a;b,c:d\\e"f', password: ";" })).toBe(
    'WIFI:T:WPA;S:a\\;b\\,c\\:d\\\\e\\"f;P:\\;;;',
  );
});
