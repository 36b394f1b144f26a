/** Identity of a station for tests of provisioning and of provisioned stations. */

import type { Identity } from "../../platform-stub/provisioning/identity.js";

export const IDENTITY: Identity = {
  id: "cafe-1a2b3c4d",
  product: "cafe",
  key: "5a".repeat(32),
  cipher: "aes-256-gcm",
  accessPointPassword: "wyq8tb5rauxj",
  adminPassword: "zz48w56jgu6g",
};
