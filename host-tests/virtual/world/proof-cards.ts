/** The platform's side of cards that cannot be copied (docs/protocol.md, section 3), in memory. */

import { encodeBase64URL, encodeHex, encodeUTF8 } from "../../../modules/bytes/index.js";
import { proofOf, receiptOf, stationKeyOf, stationOf } from "../../../modules/card-proof/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { HASH } from "./proof.js";

/** The part of an `authorize` request that is used here. */
interface AuthorizeRequest {
  readonly deviceId: string;
  readonly id: string;
  readonly data: JSONObject;
}

export class ProofCards {
  /** Secrets by card id, 32 bytes each. A card with a secret accepts proofs only. */
  readonly secrets = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Ids of the requests with a right proof. */
  readonly proved = new Set<string>();
  /** Requests by the nonce that they used, as `<device id> <nonce>`. */
  readonly #used = new Map<string, string>();

  /** Decides about a request. `decision` is for the card however it is presented. */
  authorize({ deviceId, id, data }: AuthorizeRequest, decision: JSONObject): JSONObject {
    const cardId = String(data.tag);
    const key = this.#keyOf(cardId, deviceId);
    if (data.proof === undefined) return key ? refused("proof-required") : decision;
    if (!key) return refused("static-required");
    const nonce = String(data.nonce);
    const station = stationOf(HASH, deviceId);
    if (data.proof !== proofOf(HASH, key, { station, nonce, cardId })) return refused("wrong-proof");
    const name = `${deviceId} ${nonce}`;
    if ((this.#used.get(name) ?? id) !== id) return refused("nonce-used");
    this.#used.set(name, id);
    this.proved.add(id);
    const code = decision.authorized === true ? 200 : 403;
    return { ...decision, receipt: receiptOf(HASH, key, { nonce, code }) };
  }

  /** The entries of a station's local list for the hashes of cards. A station without `proofs` gets plain cards only. */
  listOf(
    hashes: readonly string[],
    { deviceId, proofs }: { readonly deviceId: string; readonly proofs: boolean },
  ): readonly string[] {
    if (this.secrets.size === 0) return hashes;
    const keys = new Map<string, string>();
    for (const cardId of this.secrets.keys()) {
      const key = this.#keyOf(cardId, deviceId);
      if (key) keys.set(encodeHex(HASH.sha256(encodeUTF8(cardId))), encodeBase64URL(key));
    }
    return hashes.flatMap((hash) => {
      const key = keys.get(hash);
      if (key === undefined) return [hash];
      return proofs ? [`${hash}:${key}`] : [];
    });
  }

  #keyOf(cardId: string, deviceId: string): Uint8Array<ArrayBuffer> | undefined {
    const secret = this.secrets.get(cardId);
    return secret && stationKeyOf(HASH, secret, stationOf(HASH, deviceId));
  }
}

function refused(reason: string): JSONObject {
  return { authorized: false, reason };
}
