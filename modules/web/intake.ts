import type { Bytes } from "../board/index.js";
import { concatBytes, decodeUTF8 } from "../bytes/index.js";
import { type Form, parseForm } from "./form.js";
import { type Reply, text } from "./reply.js";

/** An answer that comes later, once: not from inside the call. */
export type Later = (reply: (answer: Reply) => void) => void;

/** Takes the body of one request as it comes. */
export interface Intake {
  /** Set: as long as something comes within this time it may take as long as it takes. */
  readonly pauseMs?: number;
  /** The next bytes. What it gives is the answer, and the rest of the body is dropped. */
  take(bytes: Bytes): Reply | undefined;
  /** The body is complete. */
  finish(): Reply | Later;
  /** There will be no `finish`: the sender went away, or was answered. */
  close?(): void;
}

/** Protocol, section 2. */
const MAX_FORM_BYTES = 2048;

export const TOO_LARGE = text(413, `a form has at most ${MAX_FORM_BYTES} bytes`);

export function isTooLarge(headers: ReadonlyMap<string, string>): boolean {
  return Number(headers.get("content-length") ?? 0) > MAX_FORM_BYTES;
}

/** A form, as `application/x-www-form-urlencoded`. */
export function formIntake(answer: (form: Form) => Reply | Later): Intake {
  let body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  return {
    take(bytes) {
      body = concatBytes(body, bytes);
      return body.length > MAX_FORM_BYTES ? TOO_LARGE : undefined;
    },
    finish() {
      const form = decodeUTF8(body);
      return form === undefined ? text(400, "the form is not UTF-8") : answer(parseForm(form));
    },
  };
}
