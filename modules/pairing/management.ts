import type { Clock } from "../board/index.js";
import type { LinkState, ScanResults } from "../network/index.js";
import type { Login } from "../web/index.js";
import { type FormRoute, GET, GET_AND_POST, json, OK, type Reply, text } from "../web/index.js";
import type { Offer } from "./offer.js";
import type { Fields } from "./parameters.js";

export interface ManagementOptions {
  readonly login: Login;
  readonly link: { readonly state: LinkState };
  readonly networks: ScanSource;
  /** The station. A scan needs the login if it has an owner. */
  readonly host: { readonly isOwned: boolean };
  readonly offer: (offer: Offer) => Reply;
  /** Restarts the station after the response is sent. */
  readonly restart: () => void;
  /** Resets the station after the response is sent. */
  readonly reset: () => void;
}

interface ScanSource {
  /** Scans. Calls `done` once, asynchronously. */
  scan(done: (results: ScanResults) => void): void;
}

/** Time for which the result of a scan is used again, ms. A scan takes the radio off its channel for seconds. */
const SCAN_CACHE_MS = 10_000;

/** Scans of the network link, at most one in 10 s. */
export class CachedScan implements ScanSource {
  private readonly _clock: Clock;
  private readonly _link: ScanSource;
  private _results: ScanResults = [];
  private _untilMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, link }: { clock: Clock; link: ScanSource }) {
    this._clock = clock;
    this._link = link;
  }

  scan(done: (results: ScanResults) => void): void {
    if (this._clock.monotonicMs() < this._untilMs) {
      this._clock.set(() => done(this._results), 0);
      return;
    }
    this._link.scan((results) => {
      this._results = results;
      this._untilMs = this._clock.monotonicMs() + SCAN_CACHE_MS;
      done(results);
    });
  }
}

/** Values of `wifi_auth_mode_t` (esp_wifi_types.h), as existing apps expect them. */
const ENC_TYPES: readonly string[] = [
  "none",
  "wep",
  "wpa_psk",
  "wpa2_psk",
  "wpa_wpa2_psk",
  "wpa2_enterprise",
  "wpa3_psk",
  "wpa2_wpa3_psk",
];

/** Returns the routes that existing 2Smart apps and panels use beside `/pair` (protocol, section 2). */
export function managementRoutes(options: ManagementOptions): FormRoute[] {
  const { login, link, networks } = options;
  const scanRoute = (path: string, describe: (encType: string, rssi: number) => unknown): FormRoute => ({
    path,
    methods: GET,
    needsLogin: () => options.host.isOwned,
    answer: () => (reply) => {
      networks.scan((results) => {
        const entries = results.map(({ ssid, authentication, rssi }) => {
          return [ssid, describe(encTypeOf(authentication), rssi)] as const;
        });
        reply(json(Object.fromEntries(entries)));
      });
    },
  });
  const change = (path: string, answer: FormRoute["answer"]): FormRoute => {
    return { path, methods: GET_AND_POST, changes: true, needsLogin: true, answer };
  };
  return [
    scanRoute("/scan", (encType) => encType),
    scanRoute("/scan/v2", (encType, rssi) => ({ encType, signal: String(percentOf(rssi)) })),
    {
      path: "/connectedwifi",
      methods: GET,
      needsLogin: true,
      answer: () => text(200, (link.state.type === "up" && link.state.ssid) || "NULL"),
    },
    change("/setwifi", (fields) => {
      return options.offer({ given: renamed(fields, NETWORK), required: Object.values(NETWORK) });
    }),
    change("/setcredentials", (fields) => {
      const given = renamed(fields, { ...CREDENTIALS, ...EXTRAS });
      const required = Object.values(CREDENTIALS);
      const reply = options.offer({ given, required, dropped: Object.values(EXTRAS) });
      return reply.status === 400 ? text(400, "Incorrect data") : reply;
    }),
    {
      ...change("/newauthpass", (fields) => login.change(fields.get("newpass") ?? "")),
      allowsInitialPassword: true,
    },
    change("/reboot", () => {
      options.restart();
      return OK;
    }),
    change("/resetdefault", () => {
      options.reset();
      return OK;
    }),
  ];
}

const NETWORK = { ssid: "ssid", pass: "psk" };
/** Names in apps and in `/pair`. Apps also send `productId` and `deviceId`; these are provisioned and ignored. */
const CREDENTIALS = { mail: "wsp", token: "token", hostname: "host", brokerPort: "brport" };
/** Fields of the panel only. They are removed when they are not given, so that a new owner does not inherit them. */
const EXTRAS = { mqtts_port: "mqtts_port", rootTopic: "rootTopic" };

function renamed(fields: Fields, names: Readonly<Record<string, string>>): Fields {
  return new Map(
    Object.entries(names).flatMap(([from, to]) => {
      const value = fields.get(from);
      return value === undefined ? [] : [[to, value] as const];
    }),
  );
}

/** Returns the number of an authentication mode. Unknown modes count as enterprise: a password is not sufficient. */
function encTypeOf(authentication: string): string {
  const type = ENC_TYPES.indexOf(authentication);
  return String(type < 0 ? ENC_TYPES.indexOf("wpa2_enterprise") : type);
}

/** Converts an RSSI to a quality: -100 dBm is 0 %, -50 dBm is 100 %. */
function percentOf(rssi: number): number {
  return Math.max(0, Math.min(100, 2 * (rssi + 100)));
}
