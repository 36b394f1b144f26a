import { keyField } from "../settings/index.js";
import type { RequestOutcome, Requests } from "./requests.js";
import type { ResponseKey } from "./response-key.js";

const ENDPOINT = "rotate-key";

/**
 * Replaces the response key by one that the platform offers (protocol, section 4). The station stores the new key in one
 * write, after it has opened an answer under it; before, and after a power cut at any point, the previous key stays in
 * use. `done` receives why the key was not replaced; `undefined` if it was.
 */
export function rotateKey(
  { requests, responseKey }: { requests: Pick<Requests, "request">; responseKey: ResponseKey },
  done: (problem: string | undefined) => void,
): void {
  requests.request(ENDPOINT, { step: "get" }, (offer) => {
    const key = offer.ok ? keyField(offer.data, "key") : undefined;
    if (!key) {
      done(offer.ok ? "the platform's answer has no key" : offer.failure.message);
      return;
    }
    const finish = (trial: RequestOutcome) => {
      const problem = trial.ok ? responseKey.replace(key) : trial.failure.message;
      if (problem !== undefined) done(problem);
      // Any other request under the new key tells the platform the same, so the answer does not matter.
      else requests.request(ENDPOINT, { step: "done" }, () => done(undefined));
    };
    requests.request(ENDPOINT, { step: "try" }, finish, key);
  });
}
