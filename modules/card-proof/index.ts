export {
  CARD_ID_CHARS,
  type CardProof,
  isCardId,
  NONCE_BYTES,
  PROOF_BYTES,
  parseCardProof,
  proofOf,
  receiptOf,
  STATION_BYTES,
  type StationChallenge,
  stationKeyOf,
  stationOf,
  writeCardProof,
} from "./card-proof.js";
export { hmacSHA256 } from "./hmac.js";
