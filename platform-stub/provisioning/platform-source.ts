import { z } from "zod";
import { DEVICES_PATH } from "./endpoint.js";
import { isIdOf } from "./identity.js";
import type { IdentitySource } from "./provision.js";
import { TOKEN_VARIABLE } from "./token.js";

const TIMEOUT_MS = 10_000;
const MAX_REASON_CHARS = 200;

const answer = z.object({
  id: z.string(),
  key: z.string().regex(/^[0-9a-f]{64}$/),
  /** Present on platforms with accounts for stations. */
  password: z.string().min(1).max(128).optional(),
});

/**
 * A source that requests devices from a platform over HTTP. The answer contains the key, so plain HTTP is allowed only
 * to loopback. Throws for an invalid URL.
 */
export function platformSource(options: {
  readonly url: string;
  readonly token: string;
  readonly timeoutMs?: number;
}): IdentitySource {
  const { token, timeoutMs = TIMEOUT_MS } = options;
  const { endpoint, name } = endpointOf(options.url);
  return {
    async draw(product, isTaken) {
      const response = await post(endpoint, name, { product, token, timeoutMs });
      if (!response.ok) throw new Error(await refusalOf(response, name));
      const body: unknown = await response.json().catch(() => undefined);
      const result = answer.safeParse(body);
      if (!result.success || !isIdOf(product, result.data.id)) {
        throw new Error(`${name} returned no valid device of ${product}`);
      }
      if (isTaken(result.data.id))
        throw new Error(`${name} returned ${result.data.id}, which already exists`);
      return result.data;
    },
  };
}

function endpointOf(text: string): { endpoint: URL; name: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new Error("--platform must be http://host:port or https://host, without a user");
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new Error(`keys need encryption: use https for ${url.hostname}, or a tunnel to loopback`);
  }
  const base = url.pathname.replace(/\/+$/, "");
  return {
    endpoint: new URL(`${url.origin}${base}${DEVICES_PATH}`),
    name: `the platform at ${url.origin}${base}`,
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function post(
  endpoint: URL,
  name: string,
  request: { readonly product: string; readonly token: string; readonly timeoutMs: number },
): Promise<Response> {
  const { product, token, timeoutMs } = request;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await fetch(endpoint, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ product }),
      // A redirection would send the token to another server.
      redirect: "error",
      signal,
    });
  } catch {
    const what = signal.aborted ? `does not answer within ${timeoutMs / 1000} s` : "cannot be reached";
    throw new Error(`${name} ${what}; check that it runs with --provisioning-port`);
  }
}

async function refusalOf(response: Response, name: string): Promise<string> {
  if (response.status === 401) {
    return `${name} refuses the token (401); ${TOKEN_VARIABLE} must be the same here and at the platform`;
  }
  const body: unknown = await response.json().catch(() => undefined);
  const { data } = z.object({ error: z.string() }).safeParse(body);
  const reason = data ? `: ${data.error.replace(/\p{Cc}/gu, " ").slice(0, MAX_REASON_CHARS)}` : "";
  return `${name} refuses (${response.status})${reason}`;
}
