import type { Link } from "../../modules/network/index.js";
import {
  accessPointFormat,
  accessPointPassword,
  Pairing,
  type PairingHost,
} from "../../modules/pairing/index.js";
import { Login, loginFormat } from "../../modules/web/index.js";
import type { StationIdentity } from "../platform/identity.js";
import type { StationOptions } from "../station-options.js";

/** Makes the pairing of a station or of safe mode. */
export function makePairing(
  { board, config, records, identity }: StationOptions & { readonly identity: StationIdentity },
  { link, host }: { readonly link: Link; readonly host: PairingHost },
): Pairing {
  const { adminPassword, preset } = identity;
  const hasAccessPoint = board.io.network.kind === "wifi";
  return new Pairing({
    board,
    link,
    login: new Login({ board, record: records.open(loginFormat), provisionedPassword: adminPassword }),
    records,
    preset,
    productTitle: config.productTitle,
    accessPointPassword: hasAccessPoint
      ? (identity.accessPointPassword ?? accessPointPassword(board, records.open(accessPointFormat)))
      : undefined,
    host,
  });
}

/** Fields of `/status` about the firmware, which a station and safe mode have in common. */
export function firmwareFields({
  config,
  boots,
  identity,
}: StationOptions & { readonly identity: StationIdentity }): Readonly<Record<string, unknown>> {
  const { deviceId, productId, firmwareVersion } = identity;
  return {
    deviceId,
    firmware: {
      product: productId,
      version: firmwareVersion,
      isSigned: config.updateKey !== undefined,
    },
    restarts: { count: boots.count, last: boots.resetReason },
  };
}
