import type { Board, IO, Timer } from "../board/index.js";
import type { Failure } from "../failure/index.js";
import type { StoredRecord } from "../settings/index.js";
import { AutoUpdate, type AutoUpdateHost } from "./auto-update.js";
import { BootTrial, type BootTrialHost, type BootTrialListener } from "./boot-trial.js";
import { Download } from "./download.js";
import type { GetOptions } from "./get.js";
import { type Expectation, Installation } from "./installation.js";
import { NO_KEY, NOT_APPROVED, type Refusal } from "./refusal.js";
import type { Check, Trust, UpdateRequest, Upload, UploadRequest } from "./request.js";
import { describeState, type UpdateState } from "./state.js";
import type { UpdateRecord } from "./trial.js";
import { UploadJob } from "./upload-job.js";
import { parseURL, type URLParts } from "./url.js";
import type { VersionAnswer } from "./version-answer.js";
import { VersionCheck } from "./version-check.js";

/** The owner's settings of updates. */
export interface UpdateSettings {
  /** Whether the station checks for updates automatically. */
  readonly auto: boolean;
  /** Time of the automatic check, `HH:MM` UTC. */
  readonly time: string;
  /** Whether the station uses the staging channel. */
  readonly staging: boolean;
}

export interface UpdatesOptions {
  readonly board: Board;
  readonly deviceId: string;
  readonly productId: string;
  /** Version of the running firmware. */
  readonly runningVersion: number;
  /**
   * Ed25519 public key, 32 bytes: only images signed by it are installed. Without a key nothing is downloaded, and an
   * upload needs an approval at the station.
   */
  readonly publicKey?: Uint8Array<ArrayBuffer>;
  readonly record: StoredRecord<UpdateRecord>;
  readonly host: UpdatesHost;
}

/** The station that is updated. */
export interface UpdatesHost extends BootTrialHost {
  readonly updateSettings: UpdateSettings;
  /** Base URL of the firmware server; `undefined` while none is configured. */
  readonly updateServer: string | undefined;
  readonly isOnline: boolean;
  /** Whether a person at the station has just approved an unsigned upload. One approval is good for one upload. */
  takeApproval(): boolean;
  /** `state` has changed. For progress it is called at most once a second. */
  handleUpdateChanged(state: UpdateState): void;
}

/** The check, download or upload under way. `close` aborts it without a callback. */
type Job = IO & {
  pause?(): void;
  resume?(): void;
  /** The request of a check or download; `undefined` for an upload. An upload replaces a check or download. */
  readonly request?: Check;
};

const IDLE: UpdateState = { type: "idle" };
const OFF: UpdateState = { type: "off" };

/** Minimum interval of progress reports, ms. */
const PROGRESS_MS = 1000;
/** Delay of the restart, ms: leaves time for the last messages and for the answer to an upload. */
const RESTART_MS = 2000;

/**
 * Firmware over the air (docs/protocol.md): checks for updates, downloads or receives an image, restarts into it and
 * validates it. One update runs at a time. None runs during a session or while the running firmware is pending
 * verification.
 */
export class Updates implements IO, AutoUpdateHost, BootTrialListener {
  private readonly _options: UpdatesOptions;
  private readonly _bootTrial: BootTrial;
  /** Exists on a station with a key. */
  private readonly _autoUpdate: AutoUpdate | undefined;
  private _state: UpdateState;
  private _job: Job | undefined;
  /** Action that is postponed until the session ends. */
  private _waiting: (() => void) | undefined;
  private _notice: Timer | undefined;
  private _restart: Timer | undefined;
  /** Whether the broker was reached when the image started to arrive. */
  private _hadBroker = false;
  private _progressAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: UpdatesOptions) {
    this._options = options;
    this._bootTrial = new BootTrial(options, this);
    const { rollback } = this._bootTrial;
    const { board, publicKey } = options;
    this._state = rollback ? { type: "rolled-back", ...rollback } : publicKey ? IDLE : OFF;
    if (publicKey) this._autoUpdate = new AutoUpdate({ board, host: this });
  }

  get autoUpdateTime(): string | undefined {
    const { auto, time } = this._options.host.updateSettings;
    return auto ? time : undefined;
  }

  checkAutomatically(): void {
    const { publicKey } = this._options;
    if (publicKey) this._start({ isAuto: true, publicKey });
  }

  handleValidated(): void {
    this._enter({ type: "updated" });
  }

  get state(): UpdateState {
    return this._state;
  }

  /** Text of the property `updatestate`; `undefined` without one. */
  get text(): string | undefined {
    return describeState(this._state);
  }

  /** Starts an update on the owner's request. Returns the reason why it cannot start, if any. */
  request({ allowsDowngrade = false }: UpdateRequest = {}): Failure<"no-key" | "busy"> | undefined {
    const { publicKey } = this._options;
    if (!publicKey) return NO_KEY;
    const blocker = this._blocker();
    if (blocker !== undefined) return { code: "busy", message: blocker };
    this._start({ isAuto: false, allowsDowngrade, publicKey });
    return undefined;
  }

  /** Starts an upload of an image. */
  upload(request: UploadRequest = {}): Upload | Refusal {
    const { host, publicKey } = this._options;
    const blocker = host.isFree ? undefined : "a vehicle is charging";
    const fetching = blocker === undefined ? this._job?.request : undefined;
    const busy = blocker ?? (fetching ? undefined : this._blocker());
    if (busy !== undefined) return { code: "busy", message: busy };
    if (!publicKey && !host.takeApproval()) return NOT_APPROVED;
    this._job?.close();
    if (fetching?.isAuto) this._autoUpdate?.scheduleRetry();
    return this._startUpload(request, publicKey ?? "button");
  }

  /** Validates a firmware that is pending verification: the broker was reached. */
  handleBrokerReached(): void {
    this._bootTrial.handleBrokerReached();
  }

  /** Pauses the job during a session, and continues after it. */
  handleSessionChanged(): void {
    if (!this._options.host.isFree) {
      this._job?.pause?.();
      return;
    }
    this._bootTrial.handleSessionChanged();
    const waiting = this._waiting;
    this._waiting = undefined;
    if (waiting) waiting();
    else this._job?.resume?.();
  }

  close(): void {
    const { clock } = this._options.board;
    this._bootTrial.close();
    this._autoUpdate?.close();
    this._job?.close();
    this._job = undefined;
    this._waiting = undefined;
    clock.clear(this._notice);
    clock.clear(this._restart);
  }

  private _blocker(): string | undefined {
    if (this._bootTrial.isPendingVerification) return "the running firmware is pending verification";
    return this._job || this._waiting ? "an update is under way" : undefined;
  }

  private _start(request: Check): void {
    if (this._blocker() !== undefined) return;
    if (this._options.host.isFree) {
      this._check(request);
    } else {
      this._waiting = () => this._check(request);
      this._enter({ type: "updating" });
    }
  }

  private _check(request: Check): void {
    const { host, productId } = this._options;
    const url = parseURL(`${host.updateServer ?? ""}/firmwares/v1/products/${productId}/firmware-version`);
    if (!url) {
      this._fail("no firmware server is configured", request);
      return;
    }
    this._enter({ type: "checking" });
    const check = new VersionCheck({
      board: this._options.board,
      url,
      ...this._headers(),
      onAnswer: (newest) => this._handleVersionAnswer(newest, request),
      onFailed: (why) => this._fail(why, request),
    });
    this._job = { request, close: () => check.close() };
  }

  private _headers(): Pick<GetOptions, "headers" | "ownHeaders"> {
    const { deviceId, productId, runningVersion, host } = this._options;
    return {
      headers: {
        "user-agent": `${productId}/${runningVersion}`,
        ...(host.updateSettings.staging ? { "x-firmware-channel": "staging" } : {}),
      },
      ownHeaders: { "x-device-id": deviceId },
    };
  }

  private _handleVersionAnswer(newest: VersionAnswer, request: Check): void {
    this._job = undefined;
    const { runningVersion } = this._options;
    const { version } = newest;
    const { rollback } = this._bootTrial;
    if (version === runningVersion || (version < runningVersion && !request.allowsDowngrade)) {
      this._enter({ type: "up-to-date" });
    } else if (request.isAuto && rollback?.isFault && rollback.version === version) {
      this._enter({ type: "rolled-back", ...rollback });
    } else if (!newest.signature) {
      const message = `version ${version} is not signed; this station installs only signed images`;
      this._enter({ type: "failed", failure: { code: "unsigned", message } });
    } else {
      this._download(newest, request);
    }
  }

  private _download(newest: Expectation, request: Check): void {
    const url = this._imageURL();
    if (!url) return;
    this._enter({ type: "updating" });
    const download = new Download({
      board: this._options.board,
      url,
      ...this._headers(),
      expected: newest,
      begin: (expected) => this._install(expected, request, request.publicKey),
      onProgress: (received, size) => this._reportProgress(received, size),
      onDone: (installation) => {
        this._job = undefined;
        const refusal = this._finish(installation, {});
        if (refusal) this._enter({ type: "failed", failure: refusal });
      },
      onRefused: (failure) => {
        this._job = undefined;
        this._enter({ type: "failed", failure });
      },
      onFailed: (why) => this._fail(why, request),
    });
    this._job = {
      request,
      pause: () => download.pause(),
      resume: () => download.resume(),
      close: () => download.close(),
    };
    if (!this._options.host.isFree) download.pause();
  }

  private _imageURL(): URLParts | undefined {
    const { host, productId } = this._options;
    const staging = host.updateSettings.staging ? "staging/" : "";
    return parseURL(`${host.updateServer ?? ""}/firmwares/v1/${staging}${productId}.bin`);
  }

  private _install(expected: Expectation, { allowsDowngrade }: UpdateRequest, trust: Trust): Installation {
    this._hadBroker = this._options.host.isOnline;
    return new Installation({ ...this._options, allowsDowngrade, trust, expected });
  }

  private _startUpload({ size, signature, ...how }: UploadRequest, trust: Trust): Upload {
    const job: UploadJob = new UploadJob(this._install({ size, signature }, how, trust), {
      onProgress: (receivedBytes) => this._reportProgress(receivedBytes, size),
      complete: (installation, options) => this._finish(installation, options),
      onOver: (failure) => {
        if (this._job !== job) return;
        this._job = undefined;
        if (failure) this._enter({ type: "failed", failure });
      },
    });
    this._job = job;
    this._enter({ type: "updating" });
    return job.upload;
  }

  /** Makes an image the next boot image, and restarts when no session is under way. */
  private _finish(
    installation: Installation,
    { signature }: { signature?: Uint8Array<ArrayBuffer> },
  ): Refusal | undefined {
    const from = this._options.runningVersion;
    const to = installation.image?.version ?? from;
    const hadBroker = this._hadBroker || this._options.host.isOnline;
    let isPrepared = false;
    const beforeBoot = () => {
      isPrepared = true;
      return this._bootTrial.prepare({ from, to, hadBroker });
    };
    const refusal = installation.finish({ signature, beforeBoot });
    installation.close();
    if (refusal) {
      if (isPrepared) this._bootTrial.cancel();
      return refusal;
    }
    this._enter({ type: "updating", percent: 100 });
    this._restartInto(to);
    return undefined;
  }

  private _restartInto(version: number): void {
    // Blocks other updates until the restart.
    this._waiting = () => this._restartInto(version);
    const { clock } = this._options.board;
    clock.clear(this._restart);
    this._restart = clock.set(() => {
      if (this._options.host.isFree) this._options.host.restart(`updated to version ${version}`);
    }, RESTART_MS);
  }

  /** Reports a temporary failure; an automatic check is retried. */
  private _fail(why: string, { isAuto }: Check): void {
    this._job = undefined;
    this._enter({ type: "failed", failure: { code: "not-downloaded", message: why } });
    if (isAuto) this._autoUpdate?.scheduleRetry();
  }

  private _reportProgress(receivedBytes: number, size: number | undefined): void {
    const now = this._options.board.clock.monotonicMs();
    if (size === undefined || now - this._progressAtMs < PROGRESS_MS) return;
    this._progressAtMs = now;
    const percent = Math.min(99, Math.floor((100 * receivedBytes) / size));
    this._enter({ type: "updating", percent });
  }

  private _enter(state: UpdateState): void {
    const before = this.text;
    this._state = state;
    const { board, host } = this._options;
    if (this.text === before || this._notice) return;
    if (state.type !== "updating") board.log(`update: ${this.text}`);
    this._notice = board.clock.set(() => {
      this._notice = undefined;
      host.handleUpdateChanged(this._state);
    }, 0);
  }
}
