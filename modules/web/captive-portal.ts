import { type FormRoute, GET } from "./http-api.js";
import { type Reply, text } from "./reply.js";

const PANEL = "http://192.168.4.1/";
const NO_CONTENT = text(204, "");
const SUCCESS: Reply = {
  ...text(200, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"),
  type: "text/html",
};

const CANONICAL: Reply = {
  ...text(200, '<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>'),
  type: "text/html",
};

/** Connectivity checks of operating systems and browsers, and the responses of a network with internet access. */
const PROBES: Readonly<Record<string, Reply>> = {
  // Android, Chrome OS
  "/generate_204": NO_CONTENT,
  "/gen_204": NO_CONTENT,
  // iOS, macOS
  "/hotspot-detect.html": SUCCESS,
  "/library/test/success.html": SUCCESS,
  // Windows; its browser requests the last one
  "/connecttest.txt": text(200, "Microsoft Connect Test"),
  "/ncsi.txt": text(200, "Microsoft NCSI"),
  "/redirect": NO_CONTENT,
  // Firefox
  "/canonical.html": CANONICAL,
  "/success.txt": text(200, "success\n"),
};

const REDIRECT: Reply = { ...text(302, ""), headers: { location: PANEL } };

/**
 * Returns the route of a connectivity check, or `undefined` for other paths. While the station needs input (`isAsking`),
 * it redirects the phone to the panel.
 */
export function probeRoute(path: string, isAsking: boolean): FormRoute | undefined {
  const reply = probeReply(path, isAsking);
  return reply && { path, methods: GET, answer: () => reply };
}

/**
 * Returns the response to a request for another host. Only the station's DNS server sends these here. While the station
 * needs input, it redirects all to the panel.
 */
export function captiveReply(path: string, isAsking: boolean): Reply | undefined {
  return isAsking ? REDIRECT : probeReply(path, false);
}

function probeReply(path: string, isAsking: boolean): Reply | undefined {
  const reply = Object.hasOwn(PROBES, path) ? PROBES[path] : undefined;
  return reply && isAsking ? REDIRECT : reply;
}
