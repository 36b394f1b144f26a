/** `POST /firmware/upload` (protocol, section 2): streams a firmware image into its slot. */

import type { Bytes } from "../board/index.js";
import { asUint8Array, concatBytes, decodeHex, decodeUTF8 } from "../bytes/index.js";
import { type Refusal, refusalStatus, type Upload } from "../updates/index.js";
import type { IntakeRoute } from "./http-api.js";
import type { Intake } from "./intake.js";
import { boundaryOf, type MultipartHandlers, MultipartReader } from "./multipart.js";
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
    allowsInitialPassword: true,
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
      return boundary === undefined ? new ImageIntake(opened) : new UploadFormIntake(opened, boundary);
    },
  };
}

/** Receives an image as the whole body. */
class ImageIntake implements Intake {
  readonly pauseMs = PAUSE_MS;
  private readonly _upload: Upload;

  constructor(upload: Upload) {
    this._upload = upload;
  }

  receive(bytes: Bytes): Reply | undefined {
    const refusal = this._upload.write(bytes);
    return refusal && refused(refusal);
  }

  finish(): Reply {
    return conclude(this._upload.finish());
  }

  close(): void {
    this._upload.close();
  }
}

/** Receives an image and its signature in a form. */
class UploadFormIntake implements Intake, MultipartHandlers {
  readonly pauseMs = PAUSE_MS;
  private readonly _upload: Upload;
  private readonly _reader: MultipartReader;
  private _refusal: Refusal | undefined;
  private _signature: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(upload: Upload, boundary: string) {
    this._upload = upload;
    this._reader = new MultipartReader(boundary, this);
  }

  onContent(name: string, bytes: Uint8Array<ArrayBuffer>): void {
    if (name !== SIGNATURE) this._refusal ??= this._upload.write(bytes);
    else if (this._signature.length <= SIGNATURE_DIGITS)
      this._signature = concatBytes(this._signature, bytes);
  }

  receive(bytes: Bytes): Reply | undefined {
    const problem = this._reader.push(asUint8Array(bytes));
    if (this._refusal) return refused(this._refusal);
    return problem === undefined ? undefined : text(400, problem);
  }

  finish(): Reply {
    const problem = this._reader.finish();
    if (problem !== undefined) {
      this.close();
      return text(400, problem);
    }
    const signature = decodeHex((decodeUTF8(this._signature) ?? "").trim());
    return conclude(this._upload.finish(signature?.length ? { signature } : {}));
  }

  close(): void {
    this._upload.close();
  }
}

function conclude(refusal: Refusal | undefined): Reply {
  return refusal ? refused(refusal) : OK;
}

function refused(refusal: Refusal): Reply {
  return text(refusalStatus(refusal), refusal.message);
}
