import type { Bytes } from "../board/index.js";
import { concatBytes, decodeUTF8 } from "../bytes/index.js";
import { type Form, parseForm } from "./form.js";
import { type Reply, text } from "./reply.js";

/** An asynchronous response: calls `reply` once, never from inside the call. */
export type Later = (reply: (answer: Reply) => void) => void;

/** Receiver of the body of one request. */
export interface Intake {
  /** Idle timeout, ms. When set, it replaces the time limit of the whole request. */
  readonly pauseMs?: number;
  /** Receives the next bytes. A returned response is sent at once, and the rest of the body is dropped. */
  receive(bytes: Bytes): Reply | undefined;
  /** Called at the end of the body. Returns the response. */
  finish(): Reply | Later;
  /** Called once: before the response is sent, also after `finish`, or when the sender disconnects. */
  close?(): void;
}

/** Maximum length of a form, bytes (protocol, section 2). */
const MAX_FORM_BYTES = 2048;

/** Response to a form that is too long. */
export const TOO_LARGE = text(413, `the form is longer than ${MAX_FORM_BYTES} bytes`);

/** Whether the announced length of a form is too large. */
export function isTooLarge(headers: ReadonlyMap<string, string>): boolean {
  return Number(headers.get("content-length") ?? 0) > MAX_FORM_BYTES;
}

/** Returns a receiver of a form, `application/x-www-form-urlencoded`. */
export function formIntake(answer: (form: Form) => Reply | Later): Intake {
  let body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  return {
    receive(bytes) {
      body = concatBytes(body, bytes);
      return body.length > MAX_FORM_BYTES ? TOO_LARGE : undefined;
    },
    finish() {
      const form = decodeUTF8(body);
      return form === undefined ? text(400, "the form is not UTF-8") : answer(parseForm(form));
    },
  };
}
