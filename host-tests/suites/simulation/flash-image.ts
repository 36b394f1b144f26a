import { readNVSImage } from "../../../platform-stub/provisioning/nvs-reader.js";
import { Flash } from "../../virtual/board/index.js";

/** Builds a flash from an NVS image, as a flash programmer writes it. Throws an NVSError for an invalid image. */
export function flashFromImage(image: Uint8Array): Flash {
  const flash = new Flash();
  for (const [path, values] of readNVSImage(image)) {
    for (const [key, value] of values) flash.set(path, key, value);
  }
  return flash;
}
