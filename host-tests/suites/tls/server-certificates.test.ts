/** Tests which certificates of a server the chip's TLS client refuses. */

import { expect, test } from "@jest/globals";
import { type CertificateOptions, changed, type Issued, VALID_DAYS } from "./certificates.js";
import { CLIENT_REFUSED, DAY_S, describeTLS, NAME } from "./tls-bench.js";

/** A server that uses weak keys and digests. */
const WEAK = { ciphers: "DEFAULT@SECLEVEL=0" };

describeTLS("the chip's TLS client refuses the certificate", (bench) => {
  const refuses = async (identity: Issued, chain: readonly Issued[], result: string) =>
    expect(await bench.connectTo(identity, chain)).toEqual([result]);

  test("for another name", () =>
    refuses(bench.certificates.server(bench.authority, ["other.example"]), [], "wrong-name"));

  test("for another name with the right common name", () =>
    refuses(
      bench.certificates.server(bench.authority, ["other.example"], { subject: `/CN=${NAME}` }),
      [],
      "wrong-name",
    ));

  test("with a common name only, even the right one", () =>
    refuses(bench.certificates.issue({ subject: `/CN=${NAME}`, issuer: bench.authority }), [], "wrong-name"));

  test.each([
    ["the domain itself", "*.example", "example"],
    ["a part of a label", "b*.example", NAME],
    ["a label that is not the first", "broker.*", NAME],
    ["every name", "*", NAME],
  ])("with a wildcard for %s", async (_name, pattern, host) => {
    const identity = bench.certificates.server(bench.authority, [pattern]);
    expect(await bench.connectTo(identity, [], { host })).toEqual(["wrong-name"]);
  });

  test("with a name that a zero byte cuts", async () => {
    const genuine = bench.certificates.server(bench.authority, [`${NAME}x.other.example`]);
    const forged = changed(genuine, (der) => {
      for (let at = der.indexOf(`${NAME}x`); at >= 0; at = der.indexOf(`${NAME}x`))
        der.writeUInt8(0, at + NAME.length);
    });
    const [result] = await bench.connectTo(forged);
    expect(result).toMatch(/^(wrong-name|unknown-authority|invalid)$/);
  });

  test("with a wildcard for more than one label", async () => {
    const identity = bench.certificates.server(bench.authority, ["*.example"]);
    expect(await bench.connectTo(identity, [], { host: "a.b.example" })).toEqual(["wrong-name"]);
  });

  test("of an unknown authority", () =>
    refuses(
      bench.certificates.server(bench.certificates.authority("/CN=Stranger"), [NAME]),
      [],
      "unknown-authority",
    ));

  test("of an authority with the name of a known one", async () => {
    const forged = bench.certificates.authority("/CN=Authority", { key: "P-384" });
    await refuses(bench.certificates.server(forged, [NAME]), [forged], "unknown-authority");
  });

  test("that is self-signed", () =>
    refuses(bench.certificates.server(undefined, [NAME]), [], "unknown-authority"));

  test("that is self-signed and followed by the authority's genuine one", () =>
    refuses(bench.certificates.server(undefined, [NAME]), [bench.authority], "unknown-authority"));

  test("that was issued by another server's certificate", async () => {
    const other = bench.certificates.server(bench.authority, ["other.example"]);
    await refuses(bench.certificates.server(other, [NAME]), [other], "unknown-authority");
  });

  test("that was issued by a certificate whose basic constraints forbid it", async () => {
    const middle = bench.certificates.authority("/CN=No authority", {
      issuer: bench.authority,
      extensions: ["basicConstraints=critical,CA:FALSE"],
    });
    await refuses(bench.certificates.server(middle, [NAME]), [middle], "unknown-authority");
  });

  test("below an intermediate authority that the path length forbids", async () => {
    const root = bench.certificates.authority("/CN=Short", {
      extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"],
    });
    const middle = bench.certificates.authority("/CN=Middle", { issuer: root });
    const leaf = bench.certificates.server(middle, [NAME]);
    expect(await bench.connectTo(leaf, [middle], { authorities: root.der })).toEqual(["unknown-authority"]);
  });

  test.each<[string, string[]]>([
    ["has no right to sign certificates", ["basicConstraints=critical,CA:TRUE", "keyUsage=digitalSignature"]],
    ["says nothing about its purpose", []],
  ])("below an intermediate authority that %s", async (_name, extensions) => {
    const middle = bench.certificates.authority("/CN=Middle", { issuer: bench.authority, extensions });
    await refuses(bench.certificates.server(middle, [NAME]), [middle], "unknown-authority");
  });

  test("below a forged intermediate authority with the name and issuer of a genuine one", async () => {
    const forger = bench.certificates.authority("/CN=Authority");
    const middle = bench.certificates.authority("/CN=Middle", { issuer: forger });
    await refuses(bench.certificates.server(middle, [NAME]), [middle, bench.authority], "unknown-authority");
  });

  test("without its intermediate authority", async () => {
    const middle = bench.certificates.authority("/CN=Middle", { issuer: bench.authority });
    await refuses(bench.certificates.server(middle, [NAME]), [], "unknown-authority");
  });

  test("whose name was changed after it was signed", async () => {
    const genuine = bench.certificates.server(bench.authority, ["router.example"]);
    const forged = changed(genuine, (der) => {
      for (let at = der.indexOf("router"); at >= 0; at = der.indexOf("router")) der.write("broker", at);
    });
    await refuses(forged, [], "unknown-authority");
  });

  test("whose signature was changed", () =>
    refuses(
      changed(bench.server, (der) => der.writeUInt8((der.at(-1) as number) ^ 1, der.length - 1)),
      [],
      "unknown-authority",
    ));

  test("whose intermediate authority was changed after it was signed", async () => {
    const middle = bench.certificates.authority("/CN=Middle", {
      issuer: bench.authority,
      extensions: ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"],
    });
    const forged = changed(middle, (der) => der.writeUInt8((der.at(-1) as number) ^ 1, der.length - 1));
    await refuses(bench.certificates.server(middle, [NAME]), [forged], "unknown-authority");
  });

  test("that is for clients", () =>
    refuses(
      bench.certificates.server(bench.authority, [NAME], { extensions: ["extendedKeyUsage=clientAuth"] }),
      [],
      "bad-certificate",
    ));

  test.each(["rsa:1024", "P-224"] as const)("with a key %s", async (key) => {
    const port = await bench.serve(bench.certificates.server(bench.authority, [NAME], { key }), [], WEAK);
    expect((await bench.client.connect(bench.to(port)))[0]).toMatch(CLIENT_REFUSED);
  });

  test.each(["sha1", "md5"] as const)("with a signature of %s", async (digest) => {
    const root = bench.certificates.authority("/CN=RSA root", { key: "rsa:2048" });
    const port = await bench.serve(bench.certificates.server(root, [NAME], { digest }), [], WEAK);
    const [result] = await bench.client.connect(bench.to(port, { authorities: root.der }));
    expect(result).toMatch(CLIENT_REFUSED);
  });

  test.each<[string, Partial<CertificateOptions>]>([
    ["a key of RSA with 1024 bits", { key: "rsa:1024" }],
    ["a signature of SHA-1", { digest: "sha1" }],
    ["a signature of MD5", { digest: "md5" }],
  ])("below an intermediate authority with %s", async (_name, options) => {
    const root = bench.certificates.authority("/CN=RSA root", { key: "rsa:2048" });
    const middle = bench.certificates.authority("/CN=Weak", { issuer: root, ...options });
    const port = await bench.serve(bench.certificates.server(middle, [NAME]), [middle], WEAK);
    const [result] = await bench.client.connect(bench.to(port, { authorities: root.der }));
    expect(result).toMatch(CLIENT_REFUSED);
  });

  test("below an intermediate authority that has expired", async () => {
    const middle = bench.certificates.authority("/CN=Old", { issuer: bench.authority, validDays: 10 });
    const leaf = bench.certificates.server(middle, [NAME]);
    const nowS = Math.floor(Date.now() / 1000) + 20 * DAY_S;
    expect(await bench.connectTo(leaf, [middle], { nowS })).toEqual(["expired"]);
  });

  test.each([
    ["after its validity", VALID_DAYS + 1, "expired"],
    ["before its validity", -1, "not-yet-valid"],
    ["in 1970", -Math.floor(Date.now() / 1000 / DAY_S), "not-yet-valid"],
  ])("%s", async (_name, days, result) => {
    const nowS = Math.floor(Date.now() / 1000) + days * DAY_S;
    expect(await bench.connectTo(bench.server, [], { nowS })).toEqual([result]);
  });

  test("at the last day of its validity not", async () => {
    const nowS = Math.floor(Date.now() / 1000) + VALID_DAYS * DAY_S - 60;
    expect(await bench.connectTo(bench.server, [], { nowS })).toContain("connected");
  });
});
