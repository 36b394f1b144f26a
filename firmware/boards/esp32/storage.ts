import KeyValue from "embedded:storage/key-value";
import type { Storage } from "../../../modules/board/index.js";

/** Maximum size of a value in NVS, bytes. */
const MAX_VALUE_BYTES = 4000;

/** Opens the SDK's key-value storage. Enforces the limits of NVS, which the SDK does not document. */
export function openStorage(path: string): Storage {
  checkName("path", path);
  const store = KeyValue.open({ path, format: "buffer" });
  return {
    read(key) {
      checkName("key", key);
      return store.read(key);
    },
    write(key, value) {
      checkName("key", key);
      if (value.byteLength > MAX_VALUE_BYTES)
        throw new RangeError(`value too big: ${value.byteLength} bytes`);
      store.write(key, value);
    },
    delete(key) {
      checkName("key", key);
      store.delete(key);
    },
    keys: () => [...store],
    close: () => store.close(),
  };
}

/** NVS limits domains and keys to 15 characters. */
function checkName(what: string, name: string): void {
  if (!/^[\x21-\x7e]{1,15}$/.test(name))
    throw new RangeError(`${what} "${name}" must have 1-15 ASCII characters`);
}
