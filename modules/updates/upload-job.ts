import type { Bytes, IO } from "../board/index.js";
import type { Failure } from "../failure/index.js";
import type { Installation } from "./installation.js";
import type { Refusal } from "./refusal.js";
import type { Upload } from "./request.js";
import type { UpdateFailureCode } from "./state.js";

export interface UploadJobOptions {
  readonly onProgress: (receivedBytes: number) => void;
  /** Makes the image the next boot image, or returns why it is refused. */
  readonly complete: (
    installation: Installation,
    options: { signature?: Uint8Array<ArrayBuffer> },
  ) => Refusal | undefined;
  /** The upload is over: `failure` is why it failed, or `undefined` after a success. */
  readonly onOver: (failure: Failure<UpdateFailureCode> | undefined) => void;
}

/** An image that an uploader sends. A session ends the upload, because an uploader cannot wait. */
export class UploadJob implements IO {
  private readonly _installation: Installation;
  private readonly _options: UploadJobOptions;
  private _refusal: Refusal | undefined;

  constructor(installation: Installation, options: UploadJobOptions) {
    this._installation = installation;
    this._options = options;
  }

  /** The handle of the uploader. */
  get upload(): Upload {
    return {
      write: (data) => this._refusal ?? this._write(data),
      finish: (options = {}) => this._refusal ?? this._finish(options),
      close: () => this._end({ code: "interrupted", message: "the upload was interrupted" }),
    };
  }

  pause(): void {
    this._refuse({ code: "busy", message: "a session has begun" });
  }

  /** Aborts the upload without a callback. */
  close(): void {
    this._installation.close();
  }

  private _write(data: Bytes): Refusal | undefined {
    const refusal = this._installation.write(data);
    if (refusal) return this._refuse(refusal);
    this._options.onProgress(this._installation.receivedBytes);
    return undefined;
  }

  private _finish(options: { signature?: Uint8Array<ArrayBuffer> }): Refusal | undefined {
    const refusal = this._options.complete(this._installation, options);
    if (refusal) return this._refuse(refusal);
    this._options.onOver(undefined);
    return undefined;
  }

  private _refuse(refusal: Refusal): Refusal {
    this._refusal = refusal;
    this._end(refusal);
    return refusal;
  }

  private _end(failure: Failure<UpdateFailureCode>): void {
    this.close();
    this._options.onOver(failure);
  }
}
