import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/sdk/targets.js";
import { Authority } from "../../virtual/node-board/authority.js";

/** The authority that is built into the emulated firmware. Its key is public: no board may have it. */
export function builtInAuthority(): Authority {
  const der = readFileSync(join(ROOT, "manifests/esp32c3-qemu/authority.der"));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const cert = ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  const key = readFileSync(join(ROOT, "host-tests/tools/emulate/authority.key"), "utf8");
  return new Authority(undefined, { cert, key });
}
