import { readNVSImage } from "../../../platform-stub/provisioning/nvs-reader.js";
import { Flash } from "../../virtual/board/index.js";

/** A flash with an NVS image written to it, as a programmer does. Throws an NVSError for what is no image. */
export function flashFromImage(image: Uint8Array): Flash {
  const flash = new Flash();
  for (const [path, values] of readNVSImage(image)) {
    for (const [key, value] of values) flash.set(path, key, value);
  }
  return flash;
}
