import type { IO } from "../board/index.js";
import { MIN_CURRENT_A } from "../charging/index.js";
import { type JSONObject, numberField, textField } from "../json/index.js";
import type { Requester, RequestFailure } from "../requests/index.js";
import type { Card, Verdict, Verifier } from "./verifier.js";

/** Highest length of a reason from the platform, characters. A longer reason is replaced by `not-allowed`. */
const MAX_REASON_CHARS = 64;
/** The platform's error code for a tag that may not charge. */
const FORBIDDEN = 403;

/** Verifier that requests the platform's endpoint `authorize` (protocol, section 4). */
export class PlatformVerifier implements Verifier {
  private readonly _platform: Pick<Requester, "request">;

  constructor(platform: Pick<Requester, "request">) {
    this._platform = platform;
  }

  verify(card: Card, done: (verdict: Verdict) => void): IO {
    const { tag, method, proof } = card;
    const data = proof ? { tag, method, proof: proof.proof, nonce: proof.nonce } : { tag, method };
    return this._platform.request("authorize", data, (outcome) => {
      done(outcome.ok ? verdictOfAnswer(outcome.data) : verdictOfFailure(outcome.failure));
    });
  }
}

/** Only `authorized: true` authorizes, and only `authorized: false` rejects. Any other answer is a failure. */
function verdictOfAnswer(data: JSONObject): Verdict {
  if (data.authorized === false) {
    const reason = textField(data, "reason", MAX_REASON_CHARS) ?? "not-allowed";
    return { type: "rejected", reason, receipt: receiptField(data) };
  }
  if (data.authorized !== true) {
    return noDecision("the platform's answer does not say whether the tag may charge");
  }
  const cacheForS = numberField(data, "cacheFor", { min: 1, max: Number.MAX_SAFE_INTEGER });
  const receipt = receiptField(data);
  if (data.maxCurrent === undefined) return { type: "authorized", cacheForS, receipt };
  // A station cannot offer less than MIN_CURRENT_A. A higher current is limited to the station's own maximum later.
  const maxCurrentA = numberField(data, "maxCurrent", { min: MIN_CURRENT_A, max: Number.MAX_SAFE_INTEGER });
  if (maxCurrentA === undefined) {
    return noDecision("the platform's answer has a maxCurrent that no station can offer");
  }
  return { type: "authorized", maxCurrentA: Math.floor(maxCurrentA), cacheForS, receipt };
}

/** An invalid receipt is ignored: the phone notices that it is missing. */
function receiptField({ receipt }: JSONObject): string | undefined {
  return typeof receipt === "string" && /^[0-9a-f]{16}$/.test(receipt) ? receipt : undefined;
}

/** The platform's refusal with 403 is a decision. */
function verdictOfFailure(failure: RequestFailure): Verdict {
  if (failure.platformCode === FORBIDDEN) return { type: "rejected", reason: "not-allowed" };
  return { type: "failed", failure };
}

function noDecision(message: string): Verdict {
  return { type: "failed", failure: { code: "no-decision", message } };
}
