export { deviceMaker } from "./device-maker.js";
export { type Provisioning, type ProvisioningOptions, startProvisioning } from "./endpoint.js";
export { randomPassword } from "./identity.js";
export { type NVSContent, NVSError, readNVSImage } from "./nvs-reader.js";
export { TOKEN_VARIABLE, tokenFrom } from "./token.js";
