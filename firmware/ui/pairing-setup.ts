import type { Link } from "../../modules/network/index.js";
import { candidateFormat, type PairingOptions, pairingFormat } from "../../modules/pairing/index.js";
import { Login, loginFormat } from "../../modules/web/index.js";
import { tryBroker } from "../platform/broker-trial.js";
import type { StationIdentity } from "../platform/identity.js";
import type { StationOptions } from "../station-options.js";

/** Options of pairing that a station and safe mode have in common. */
export function pairingSetup({
  board,
  config,
  records,
  boots,
  identity,
  link,
}: StationOptions & { identity: StationIdentity; link: Link }) {
  const { deviceId, productId, firmwareVersion, accessPointPassword, adminPassword, preset } = identity;
  return {
    board,
    link,
    login: new Login({ board, record: records.open(loginFormat), provisionedPassword: adminPassword }),
    pairingRecord: records.open(pairingFormat),
    candidateRecord: records.open(candidateFormat),
    preset,
    tryBroker: ((parameters, done) =>
      tryBroker({ board, deviceId, parameters }, done)) satisfies PairingOptions["tryBroker"],
    productTitle: config.productTitle,
    accessPointPassword,
    about: {
      deviceId,
      firmware: {
        product: productId,
        version: firmwareVersion,
        isSigned: config.updateKey !== undefined,
      },
      restarts: { count: boots.count, last: boots.resetReason },
    },
  };
}
