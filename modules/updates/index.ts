export { DESCRIPTOR_MAGIC, describeImage, IMAGE_MAGIC, type ImageDescription, ImageLayout } from "./image.js";
export { type Expectation, Installation, type InstallationOptions } from "./installation.js";
export { type Refusal, type RefusalCode, refusalStatus } from "./refusal.js";
export { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from "./signature.js";
