/** Answers of a station to `/pair` (docs/protocol.md, section 2) as sentences for the owner at a terminal. */

/** Environment variable with the admin password of the station. */
export const STATION_PASSWORD_VARIABLE = "PLUGPASS_ADMIN_PASSWORD";
export const STATION_PASSWORD_FLAG = "--admin-password-file";

/** Flags of `npm run phone -- pair` by the field of `/pair` that they give. */
const FLAGS: Readonly<Record<string, string>> = {
  ssid: "--ssid",
  psk: "--psk-file",
  wsp: "--email",
  token: "--token-from",
  host: "--broker",
  brport: "--broker",
  mqtts_port: "--mqtts-port",
  rootTopic: "--root-topic",
};

export interface PairingAnswer {
  readonly status: number;
  readonly body: string;
  /** Whether the request had a login. */
  readonly hasLogin: boolean;
}

/** Returns why the station refused the parameters, and what to do; `undefined` if it has accepted them. */
export function refusalSentence({ status, body, hasLogin }: PairingAnswer): string | undefined {
  switch (status) {
    case 200:
      return undefined;
    case 401:
      return hasLogin
        ? `the station refused the admin password in ${STATION_PASSWORD_VARIABLE} or ${STATION_PASSWORD_FLAG}; ` +
            "without it, hold the button for 15 s to reset the station"
        : "the station has an owner, so pairing needs its admin password; " +
            `set ${STATION_PASSWORD_VARIABLE} or use ${STATION_PASSWORD_FLAG}`;
    case 403:
      return /pairing mode/.test(body)
        ? `the station refused: ${body}; hold its button for 5 s, or type pair in its terminal`
        : `the station refused: ${body}`;
    case 409: {
      const flag = FLAGS[/^\w+/.exec(body)?.[0] ?? ""];
      return `the station refused: ${body}${flag === undefined ? "" : ` with ${flag}`}`;
    }
    default:
      return `the station answered ${status}: ${body}`;
  }
}

/** Returns the HTTP headers of the admin login; none without a password. */
export function loginHeaders(password: string | undefined): Record<string, string> {
  if (password === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
}
