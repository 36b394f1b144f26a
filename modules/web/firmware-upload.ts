/** `POST /firmware/upload` (protocol, section 2): streams a firmware image into its slot. */

import { asUint8Array, concatBytes, decodeHex, decodeUTF8 } from "../bytes/index.js";
import { type Refusal, refusalStatus, type Upload } from "../updates/index.js";
import type { IntakeRoute } from "./http-api.js";
import type { Intake } from "./intake.js";
import { boundaryOf, MultipartReader } from "./multipart.js";
import { OK, type Reply, text } from "./reply.js";

export interface FirmwareUploadOptions {
  /** Size of a firmware slot, bytes. */
  readonly slotBytes: number;
  /** Starts an upload into the inactive slot, or returns why it cannot start. `size` is in bytes, if known. */
  readonly open: (announced: { readonly size?: number }) => Upload | Refusal;
}

/** Idle timeout, ms. Erasing and writing delay a sender by tenths of a second, a weak Wi-Fi by seconds. */
const PAUSE_MS = 10_000;
/** Maximum size of a form without its image, bytes. */
const FORM_BYTES = 4096;
/** Name of the form part with the signature. Every other part is the image: existing panels call it `inobinfile`. */
const SIGNATURE = "signature";
const SIGNATURE_DIGITS = 128;

/**
 * Returns the upload route. The body is the image, or a form with the image and its signature (hex) in `signature`.
 */
export function firmwareUploadRoute({ slotBytes, open }: FirmwareUploadOptions): IntakeRoute {
  return {
    path: "/firmware/upload",
    methods: ["POST"],
    changes: true,
    needsLogin: true,
    intake(headers) {
      const type = headers.get("content-type") ?? "";
      const boundary = boundaryOf(type);
      if (boundary === undefined && /^multipart\//i.test(type))
        return text(400, "the content type of the form has no boundary");
      const length = headers.get("content-length");
      const byteLength = length === undefined ? undefined : Number(length);
      if ((byteLength ?? 0) > slotBytes + FORM_BYTES) {
        return text(413, `the image is larger than the ${slotBytes} bytes of a slot`);
      }
      // A form is longer than its image.
      const opened = open({ size: boundary === undefined ? byteLength : undefined });
      if ("code" in opened) return refused(opened);
      return boundary === undefined ? imageIntake(opened) : formIntake(opened, boundary);
    },
  };
}

function imageIntake(upload: Upload): Intake {
  return {
    pauseMs: PAUSE_MS,
    receive(bytes) {
      const refusal = upload.write(bytes);
      return refusal && refused(refusal);
    },
    finish: () => conclude(upload.finish()),
    close: () => upload.close(),
  };
}

function formIntake(upload: Upload, boundary: string): Intake {
  let refusal: Refusal | undefined;
  let signature: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  const reader = new MultipartReader(boundary, {
    onContent(name, bytes) {
      if (name !== SIGNATURE) refusal ??= upload.write(bytes);
      else if (signature.length <= SIGNATURE_DIGITS) signature = concatBytes(signature, bytes);
    },
  });
  return {
    pauseMs: PAUSE_MS,
    receive(bytes) {
      const problem = reader.push(asUint8Array(bytes));
      if (refusal) return refused(refusal);
      return problem === undefined ? undefined : text(400, problem);
    },
    finish() {
      const problem = reader.finish();
      if (problem !== undefined) {
        upload.close();
        return text(400, problem);
      }
      const given = decodeHex((decodeUTF8(signature) ?? "").trim());
      return conclude(upload.finish(given?.length ? { signature: given } : {}));
    },
    close: () => upload.close(),
  };
}

function conclude(refusal: Refusal | undefined): Reply {
  return refusal ? refused(refusal) : OK;
}

function refused(refusal: Refusal): Reply {
  return text(refusalStatus(refusal), refusal.message);
}
