export { captiveReply, probeRoute } from "./captive-portal.js";
export { type FirmwareUploadOptions, firmwareUploadRoute } from "./firmware-upload.js";
export { type FormRoute, GET, GET_AND_POST, HTTPAPI, type Route, type Router } from "./http-api.js";
export { Login, loginFormat } from "./login.js";
export { panelRoute } from "./panel-route.js";
export { generatePassword } from "./password.js";
export { json, OK, type Reply, text } from "./reply.js";
