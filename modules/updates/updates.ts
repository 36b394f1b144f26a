import type { Board, IO, Timer } from "../board/index.js";
import { concatBytes } from "../bytes/index.js";
import { parseJSONObject } from "../json/index.js";
import type { StoredRecord } from "../settings/index.js";
import { AutoUpdate } from "./auto-update.js";
import { BootTrial, type BootTrialOptions } from "./boot-trial.js";
import { Download } from "./download.js";
import { Get, type GetOptions } from "./get.js";
import { type Expectation, Installation } from "./installation.js";
import { NO_KEY, type Refusal } from "./refusal.js";
import type { Check, UpdateRequest, Upload, UploadRequest, Verified } from "./request.js";
import { describeState, type UpdateState } from "./state.js";
import type { UpdateRecord } from "./trial.js";
import { parseURL, type URLParts } from "./url.js";
import { parseVersionAnswer } from "./version-answer.js";

/** What the owner may set. */
export interface UpdateSettings {
  /** The station looks for updates by itself. */
  readonly auto: boolean;
  /** When: `HH:MM`, UTC. */
  readonly time: string;
  /** It takes the firmware that is not for everybody yet. */
  readonly staging: boolean;
}

export interface UpdatesOptions {
  readonly board: Board;
  readonly deviceId: string;
  readonly productId: string;
  /** Of the firmware that runs. */
  readonly runningVersion: number;
  /** Ed25519, 32 bytes: only what this key has signed can boot. Without a key nothing is installed or looked for. */
  readonly publicKey?: Uint8Array<ArrayBuffer>;
  readonly record: StoredRecord<UpdateRecord>;
  readonly settings: () => UpdateSettings;
  /** `http://` or `https://`, host and port, of where the firmware is kept; `undefined` while nobody has said. */
  readonly server: () => string | undefined;
  /** No session is under way, and none was authorized. */
  readonly isFree: () => boolean;
  readonly isOnline: () => boolean;
  /** The radio is up, and so is the station's own network or the one it has joined. */
  readonly isUp: () => boolean;
  /** What keeps the station from the broker, if that is known. */
  readonly problem: () => string | undefined;
  /** Says goodbye and restarts the board, with the reason. */
  readonly restart: (reason: string) => void;
  /** `state` has changed; of a percentage it says so at most once a second. */
  readonly onChanged: () => void;
  /** What people want to know: firmware that runs from now on, or that was taken back. It may come while this is made. */
  readonly onNews?: BootTrialOptions["onNews"];
}

/** What is under way. `close` ends it without a word. */
type Job = IO & {
  pause?(): void;
  resume?(): void;
  /** What the station fetches gives way to somebody who stands there with an image. */
  readonly request?: Check;
};

const MAX_ANSWER_BYTES = 2048;
const CHECK_LIMIT_MS = 60_000;
const PROGRESS_MS = 1000;
/** For the last words, and for the answer to an upload. */
const RESTART_MS = 2000;

/**
 * Firmware over the air (docs/protocol.md): looks for it, downloads it, takes it from an uploader, restarts into it,
 * and keeps it when it has proven itself. One update at a time, never during a session, never before the running
 * firmware is confirmed.
 */
export class Updates implements IO {
  private _options: UpdatesOptions;
  private _confirmation: BootTrial;
  private _autoUpdate: AutoUpdate;
  private _state: UpdateState;
  private _job: Job | undefined;
  /** It waits for the end of a session. */
  private _waiting: (() => void) | undefined;
  private _notice: Timer | undefined;
  private _restart: Timer | undefined;
  /** The broker was reached when the image under way began to come. */
  private _hadBroker = false;
  private _shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: UpdatesOptions) {
    this._options = options;
    this._confirmation = new BootTrial({
      ...options,
      onConfirmed: () => this._enter({ type: "updated" }),
    });
    const { rollback } = this._confirmation;
    const { publicKey } = options;
    const untried: UpdateState = { type: publicKey ? "idle" : "off" };
    this._state = rollback ? { type: "rolled-back", ...rollback } : untried;
    this._autoUpdate = new AutoUpdate({
      board: options.board,
      time: () => (publicKey && options.settings().auto ? options.settings().time : undefined),
      look: () => {
        if (publicKey) this._start({ isAuto: true, publicKey });
      },
    });
  }

  get state(): UpdateState {
    return this._state;
  }

  /** What `updatestate` says; `undefined` for nothing. */
  get text(): string | undefined {
    return describeState(this._state);
  }

  /** Somebody wants an update now. Gives why not, if not. */
  request({ allowsDowngrade = false }: UpdateRequest = {}): string | undefined {
    const { publicKey } = this._options;
    if (!publicKey) return NO_KEY.message;
    const obstacle = this._obstacle();
    if (obstacle === undefined) this._start({ isAuto: false, allowsDowngrade, publicKey });
    return obstacle;
  }

  /** Begins to take an image from somebody who sends it. */
  upload(request: UploadRequest = {}): Upload | Refusal {
    const { publicKey } = this._options;
    if (!publicKey) return NO_KEY;
    const obstacle = this._options.isFree() ? undefined : "a vehicle is charging";
    const fetching = obstacle === undefined ? this._job?.request : undefined;
    const busy = obstacle ?? (fetching ? undefined : this._obstacle());
    if (busy !== undefined) return { code: "busy", message: busy };
    this._job?.close();
    if (fetching?.isAuto) this._autoUpdate.tryAgain();
    return this._takeUpload({ ...request, publicKey });
  }

  /** The broker was reached. */
  handleBrokerReached(): void {
    this._confirmation.handleBrokerReached();
  }

  /** A session may have begun or ended. */
  handleSessionChanged(): void {
    if (!this._options.isFree()) {
      this._job?.pause?.();
      return;
    }
    this._confirmation.handleSessionChanged();
    const waiting = this._waiting;
    this._waiting = undefined;
    if (waiting) waiting();
    else this._job?.resume?.();
  }

  close(): void {
    const { clock } = this._options.board;
    this._confirmation.close();
    this._autoUpdate.close();
    this._job?.close();
    this._job = undefined;
    this._waiting = undefined;
    clock.clear(this._notice);
    clock.clear(this._restart);
  }

  private _obstacle(): string | undefined {
    if (this._confirmation.isOnTrial) return "the running firmware is new and not confirmed yet";
    return this._job || this._waiting ? "an update is under way" : undefined;
  }

  private _start(request: Check): void {
    if (this._obstacle() !== undefined) return;
    if (this._options.isFree()) {
      this._check(request);
    } else {
      this._waiting = () => this._check(request);
      this._enter({ type: "updating" });
    }
  }

  private _check(request: Check): void {
    const { server, productId } = this._options;
    const place = parseURL(`${server() ?? ""}/firmwares/v1/products/${productId}/firmware-version`);
    if (!place) {
      this._fail("nobody has said where updates are", request);
      return;
    }
    this._enter({ type: "checking" });
    let status = 0;
    let body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    const get = new Get({
      board: this._options.board,
      place,
      ...this._headers(),
      limitMs: CHECK_LIMIT_MS,
      onHead: (head) => {
        status = head.status;
      },
      onBody: (bytes) => {
        body = concatBytes(body, bytes);
        if (body.length <= MAX_ANSWER_BYTES) return;
        get.close();
        this._fail("the answer on the newest version is too long", request);
      },
      onDone: () => {
        if (status === 200) this._consider(body, request);
        else this._fail(`the server answers ${status} when it is asked for the newest version`, request);
      },
      onFailed: (why) => this._fail(why, request),
    });
    this._job = { request, close: () => get.close() };
  }

  private _headers(): Pick<GetOptions, "headers" | "ownHeaders"> {
    const { deviceId, productId, runningVersion, settings } = this._options;
    return {
      headers: {
        "user-agent": `${productId}/${runningVersion}`,
        ...(settings().staging ? { "x-firmware-channel": "staging" } : {}),
      },
      ownHeaders: { "x-device-id": deviceId },
    };
  }

  private _consider(body: Uint8Array<ArrayBuffer>, request: Check): void {
    this._job = undefined;
    const { runningVersion } = this._options;
    const fields = parseJSONObject(body);
    const newest = fields && parseVersionAnswer(fields);
    if (!newest) {
      this._fail("the answer on the newest version cannot be understood", request);
      return;
    }
    const { version } = newest;
    const { rollback } = this._confirmation;
    if (version === runningVersion || (version < runningVersion && !request.allowsDowngrade)) {
      this._enter({ type: "up-to-date" });
    } else if (request.isAuto && rollback?.isFault && rollback.version === version) {
      this._enter({ type: "rolled-back", ...rollback });
    } else if (!newest.signature) {
      this._enter({
        type: "failed",
        why: `version ${version} is not signed, and this station takes no other`,
      });
    } else {
      this._download(newest, request);
    }
  }

  private _download(newest: Expectation, request: Check): void {
    const place = this._imageURL();
    if (!place) return;
    this._enter({ type: "updating" });
    const download = new Download({
      board: this._options.board,
      place,
      ...this._headers(),
      expected: newest,
      begin: (expected) => this._install(expected, request),
      onProgress: (received, size) => this._progress(received, size),
      onDone: (installation) => {
        this._job = undefined;
        const refusal = this._finish(installation, {});
        if (refusal) this._enter({ type: "failed", why: refusal.message });
      },
      onRefused: ({ message }) => {
        this._job = undefined;
        this._enter({ type: "failed", why: message });
      },
      onFailed: (why) => this._fail(why, request),
    });
    this._job = {
      request,
      pause: () => download.pause(),
      resume: () => download.resume(),
      close: () => download.close(),
    };
    if (!this._options.isFree()) download.pause();
  }

  private _imageURL(): URLParts | undefined {
    const { server, settings, productId } = this._options;
    const staging = settings().staging ? "staging/" : "";
    return parseURL(`${server() ?? ""}/firmwares/v1/${staging}${productId}.bin`);
  }

  private _install(
    expected: Expectation,
    { allowsDowngrade, publicKey }: UpdateRequest & Verified,
  ): Installation {
    this._hadBroker = this._options.isOnline();
    return new Installation({ ...this._options, allowsDowngrade, publicKey, expected });
  }

  private _takeUpload({ size, signature, ...how }: UploadRequest & Verified): Upload {
    const installation = this._install({ size, signature }, how);
    let refusal: Refusal | undefined;
    const end = (why: string | undefined) => {
      if (this._job !== job) return;
      this._job = undefined;
      installation.close();
      if (why !== undefined) this._enter({ type: "failed", why });
    };
    const refuse = (why: Refusal) => {
      refusal = why;
      end(why.message);
      return why;
    };
    const job: Job = {
      pause: () => refuse({ code: "busy", message: "a session has begun" }),
      close: () => installation.close(),
    };
    this._job = job;
    this._enter({ type: "updating" });
    return {
      write: (data) => {
        if (refusal) return refusal;
        const found = installation.write(data);
        if (found) return refuse(found);
        this._progress(installation.receivedBytes, size);
        return undefined;
      },
      finish: (options = {}) => {
        if (refusal) return refusal;
        const found = this._finish(installation, options);
        if (found) return refuse(found);
        this._job = undefined;
        return undefined;
      },
      close: () => end("the upload broke off"),
    };
  }

  /** Makes an image the one that starts next, and restarts when nobody charges. */
  private _finish(
    installation: Installation,
    { signature }: { signature?: Uint8Array<ArrayBuffer> },
  ): Refusal | undefined {
    const from = this._options.runningVersion;
    const to = installation.image?.version ?? from;
    const hadBroker = this._hadBroker || this._options.isOnline();
    let isPrepared = false;
    const beforeBoot = () => {
      isPrepared = true;
      return this._confirmation.prepare({ from, to, hadBroker });
    };
    const refusal = installation.finish({ signature, beforeBoot });
    installation.close();
    if (refusal) {
      if (isPrepared) this._confirmation.withdraw();
      return refusal;
    }
    this._enter({ type: "updating", percent: 100 });
    this._restartInto(to);
    return undefined;
  }

  private _restartInto(version: number): void {
    // Nothing else begins before that.
    this._waiting = () => this._restartInto(version);
    const { clock } = this._options.board;
    clock.clear(this._restart);
    this._restart = clock.set(() => {
      if (this._options.isFree()) this._options.restart(`updated to version ${version}`);
    }, RESTART_MS);
  }

  /** For a reason that may pass. */
  private _fail(why: string, { isAuto }: Check): void {
    this._job = undefined;
    this._enter({ type: "failed", why });
    if (isAuto) this._autoUpdate.tryAgain();
  }

  private _progress(receivedBytes: number, size: number | undefined): void {
    const now = this._options.board.clock.monotonicMs();
    if (size === undefined || now - this._shownAtMs < PROGRESS_MS) return;
    this._shownAtMs = now;
    const percent = Math.min(99, Math.floor((100 * receivedBytes) / size));
    this._enter({ type: "updating", percent });
  }

  private _enter(state: UpdateState): void {
    const before = this.text;
    this._state = state;
    const { board, onChanged } = this._options;
    if (this.text === before || this._notice) return;
    if (state.type !== "updating") board.log(`update: ${this.text}`);
    this._notice = board.clock.set(() => {
      this._notice = undefined;
      onChanged();
    }, 0);
  }
}
