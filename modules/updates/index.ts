export { CONFIRM_WITHIN_MS } from "./confirmation.js";
export { DESCRIPTOR_MAGIC, describeImage, IMAGE_MAGIC, type ImageDescription, ImageLayout } from "./image.js";
export { type Expectation, Installation, type InstallationOptions } from "./installation.js";
export { type Refusal, type RefusalCode, refusalStatus } from "./refusal.js";
export { parseTimeOfDay } from "./schedule.js";
export { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from "./signature.js";
export { describeState, type UpdateState } from "./state.js";
export { type UpdateRecord, updateFormat } from "./trial.js";
export {
  type UpdateRequest,
  type UpdateSettings,
  Updates,
  type UpdatesOptions,
  type Upload,
  type UploadRequest,
} from "./updates.js";
export { parseURL } from "./url.js";
