/** The software bill of materials beside a firmware image (CycloneDX). `npm run build:<target>` writes it. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

/** Name of the property with the public key whose updates the image installs. */
export const UPDATE_KEY_PROPERTY = "plugpass:updateKey";

/** Returns the SBOM's file for an image. */
export function sbomFileOf(image: string): string {
  return `${image.replace(/\.bin$/, "")}.cdx.json`;
}

const schema = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.looseObject({
    component: z.looseObject({
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })),
      properties: z.array(z.object({ name: z.string(), value: z.string() })),
    }),
  }),
});

/** The SBOM of an image that is to be released. */
export interface ImageSBOM {
  readonly json: string;
  /** Public key whose updates the image installs, or "none". */
  readonly updateKey: string | undefined;
}

/** Reads the SBOM of an image. Throws an error if it is missing, invalid, or of another image. */
export function readSBOM(file: string, image: Uint8Array): ImageSBOM {
  if (!existsSync(file)) {
    throw new Error(`${file} does not exist: npm run build:<target> writes the SBOM beside the image`);
  }
  const json = readFileSync(file, "utf8");
  const parsed = schema.safeParse(parseJSON(json));
  if (!parsed.success) throw new Error(`${file} is not an SBOM of npm run build:<target>`);
  const { hashes, properties } = parsed.data.metadata.component;
  const sha256 = createHash("sha256").update(image).digest("hex");
  if (!hashes.some(({ alg, content }) => alg === "SHA-256" && content === sha256))
    throw new Error(`${file} is the SBOM of another image; build again`);
  return { json, updateKey: properties.find(({ name }) => name === UPDATE_KEY_PROPERTY)?.value };
}

function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
