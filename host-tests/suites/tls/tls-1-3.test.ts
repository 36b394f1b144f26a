/** Tests TLS 1.3 of the chip's client, which is an option of the library's build. */

import { expect, test } from "@jest/globals";
import type { Issued } from "./certificates.js";
import { CLIENT_REFUSED, DAY_S, describeTLS, HAS_TLS_1_3, NAME } from "./tls-bench.js";

/** Version 4 of the library reports tickets, version 3.6 leaves them. */
const CONNECTED = ["connected", "ok", expect.stringMatching(/^(connected|resumed)$/), "ok"];

describeTLS("the chip's TLS client with a server that has only TLS 1.3", (bench) => {
  const connect = async (identity: Issued, chain: Issued[] = [], options = {}) => {
    const port = await bench.serve(identity, chain, { minVersion: "TLSv1.3" });
    return bench.client.connect(bench.to(port, options));
  };

  if (!HAS_TLS_1_3) {
    test("ends with a reason if the library has no TLS 1.3", async () => {
      expect((await connect(bench.server))[0]).toMatch(CLIENT_REFUSED);
    });
    // Debian has no such library, so it cannot be required anywhere.
    process.stderr.write("skipped: TLS 1.3 needs mbedTLS 3.6 or 4, installed from its sources\n");
    test.todo("connects where the library has TLS 1.3");
    return;
  }

  test("connects with an ECDSA chain, and reads records of 16 KB", async () => {
    expect(await connect(bench.server)).toEqual(CONNECTED);
  });

  test("connects with an RSA chain that has an intermediate authority", async () => {
    const root = bench.certificates.authority("/CN=RSA root", { key: "rsa:2048" });
    const middle = bench.certificates.authority("/CN=RSA intermediate", { key: "rsa:2048", issuer: root });
    const leaf = bench.certificates.server(middle, [NAME], { key: "rsa:2048" });
    expect(await connect(leaf, [middle], { authorities: root.der })).toEqual(CONNECTED);
  });

  test("proves itself by its own certificate", async () => {
    const own = bench.certificates.issue({ subject: "/CN=station", issuer: bench.authority });
    const options = { ca: bench.authority.cert, requestCert: true, rejectUnauthorized: true };
    const port = await bench.serve(bench.server, [], { minVersion: "TLSv1.3", ...options });
    expect(await bench.client.connect(bench.to(port), own)).toEqual(CONNECTED);
    expect((await bench.client.connect(bench.to(port))).at(-1)).toMatch(CLIENT_REFUSED);
  });

  test("refuses the same certificates as with TLS 1.2", async () => {
    const { certificates, authority, server } = bench;
    const other = certificates.server(authority, ["other.example"]);
    expect(await connect(other)).toEqual(["wrong-name"]);
    expect(await connect(certificates.issue({ subject: `/CN=${NAME}`, issuer: authority }))).toEqual([
      "wrong-name",
    ]);
    expect(await connect(certificates.server(undefined, [NAME]), [authority])).toEqual(["unknown-authority"]);
    expect(await connect(certificates.server(other, [NAME]), [other])).toEqual(["unknown-authority"]);
    const nowS = Math.floor(Date.now() / 1000);
    expect(await connect(server, [], { nowS: nowS + 60 * DAY_S })).toEqual(["expired"]);
    expect(await connect(server, [], { nowS: nowS - 60 * DAY_S })).toEqual(["not-yet-valid"]);
  });

  test("refuses a server that is forced down to TLS 1.1", async () => {
    const port = await bench.serve(bench.server, [], {
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    expect((await bench.client.connect(bench.to(port)))[0]).toMatch(CLIENT_REFUSED);
  });
});
