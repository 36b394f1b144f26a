import type { Board, Bytes, IO, Timer } from "../board/index.js";
import { concatBytes } from "../bytes/index.js";
import { parseJSONObject } from "../json/index.js";
import type { StoredRecord } from "../settings/index.js";
import { AutoUpdate } from "./auto-update.js";
import { Confirmation } from "./confirmation.js";
import { Download } from "./download.js";
import { Get } from "./get.js";
import { type Expectation, Installation } from "./installation.js";
import type { Refusal } from "./refusal.js";
import { describeState, type UpdateState } from "./state.js";
import type { UpdateRecord } from "./trial.js";
import { type Place, parseURL } from "./url.js";
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
  /** Ed25519, 32 bytes: with it, only what this key has signed can boot. */
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
}

export interface UpdateRequest {
  /** An older version is welcome. */
  readonly allowsDowngrade?: boolean;
}

/** An image that somebody sends to the station. Given up by `close`. */
export interface Upload extends IO {
  /** Gives why the image is refused, if it is; nothing else is taken after that. */
  write(data: Bytes): Refusal | undefined;
  /** All of it has come. `undefined`: it was taken, and the station restarts in two seconds, or after the session. */
  finish(options?: { signature?: Uint8Array<ArrayBuffer> }): Refusal | undefined;
}

export interface UploadRequest extends UpdateRequest {
  /** Bytes, where that is known. */
  readonly size?: number;
  /** Ed25519 over the SHA-256 of the image, 64 bytes, where it comes first. */
  readonly signature?: Uint8Array<ArrayBuffer>;
}

/** What is under way. `close` ends it without a word. */
type Job = IO & { pause?(): void; resume?(): void };

const MAX_ANSWER_BYTES = 2048;
const PROGRESS_MS = 1000;
/** For the last words, and for the answer to an upload. */
const RESTART_MS = 2000;

/**
 * Firmware over the air (docs/protocol.md): looks for it, downloads it, takes it from an uploader, restarts into it,
 * and keeps it when it has proven itself. One update at a time, never during a session, never before the running
 * firmware is confirmed.
 */
export class Updates implements IO {
  #options: UpdatesOptions;
  #confirmation: Confirmation;
  #autoUpdate: AutoUpdate;
  #state: UpdateState;
  #job: Job | undefined;
  /** It waits for the end of a session. */
  #waiting: (() => void) | undefined;
  #notice: Timer | undefined;
  #restart: Timer | undefined;
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: UpdatesOptions) {
    this.#options = options;
    this.#confirmation = new Confirmation({
      ...options,
      onConfirmed: () => this.#enter({ type: "updated" }),
    });
    const { rollback } = this.#confirmation;
    this.#state = rollback ? { type: "rolled-back", why: rollback.why } : { type: "idle" };
    this.#autoUpdate = new AutoUpdate({
      board: options.board,
      time: () => (options.settings().auto ? options.settings().time : undefined),
      look: () => this.#start({ isAuto: true }),
    });
  }

  get state(): UpdateState {
    return this.#state;
  }

  /** What `updatestate` says; `undefined` for nothing. */
  get text(): string | undefined {
    return describeState(this.#state);
  }

  /** Somebody wants an update now. Gives why not, if not. */
  request({ allowsDowngrade = false }: UpdateRequest = {}): string | undefined {
    const obstacle = this.#obstacle();
    if (obstacle === undefined) this.#start({ isAuto: false, allowsDowngrade });
    return obstacle;
  }

  /** Begins to take an image from somebody who sends it. */
  upload(request: UploadRequest = {}): Upload | Refusal {
    const obstacle = this.#obstacle() ?? (this.#options.isFree() ? undefined : "a vehicle is charging");
    if (obstacle !== undefined) return { code: "busy", message: obstacle };
    return this.#takeUpload(request);
  }

  /** The broker was reached. */
  followBroker(): void {
    this.#confirmation.followBroker();
  }

  /** A session may have begun or ended. */
  followSession(): void {
    if (!this.#options.isFree()) {
      this.#job?.pause?.();
      return;
    }
    this.#confirmation.followSession();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting();
    else this.#job?.resume?.();
  }

  close(): void {
    const { clock } = this.#options.board;
    this.#confirmation.close();
    this.#autoUpdate.close();
    this.#job?.close();
    this.#job = undefined;
    this.#waiting = undefined;
    clock.clear(this.#notice);
    clock.clear(this.#restart);
  }

  #obstacle(): string | undefined {
    if (this.#confirmation.isOnTrial) return "the running firmware is new and not confirmed yet";
    return this.#job || this.#waiting ? "an update is under way" : undefined;
  }

  #start(request: Check): void {
    if (this.#obstacle() !== undefined) return;
    if (this.#options.isFree()) {
      this.#check(request);
    } else {
      this.#waiting = () => this.#check(request);
      this.#enter({ type: "updating" });
    }
  }

  #check(request: Check): void {
    const { server, productId } = this.#options;
    const place = parseURL(`${server() ?? ""}/firmwares/v1/products/${productId}/firmware-version`);
    if (!place) {
      this.#fail("nobody has said where updates are", request);
      return;
    }
    this.#enter({ type: "checking" });
    let status = 0;
    let body: Uint8Array<ArrayBuffer> = new Uint8Array(0);
    const get = new Get({
      board: this.#options.board,
      place,
      headers: this.#headers(),
      onHead: (head) => {
        status = head.status;
      },
      onBody: (bytes) => {
        body = concatBytes(body, bytes);
        if (body.length <= MAX_ANSWER_BYTES) return;
        get.close();
        this.#fail("the answer on the newest version is too long", request);
      },
      onDone: () => {
        if (status === 200) this.#consider(body, request);
        else this.#fail(`the server answers ${status} when it is asked for the newest version`, request);
      },
      onFailed: (why) => this.#fail(why, request),
    });
    this.#job = get;
  }

  #headers(): Record<string, string> {
    const { deviceId, productId, runningVersion, settings } = this.#options;
    return {
      "user-agent": `${productId}/${runningVersion}`,
      "x-device-id": deviceId,
      ...(settings().staging ? { "x-firmware-channel": "staging" } : {}),
    };
  }

  #consider(body: Uint8Array<ArrayBuffer>, request: Check): void {
    this.#job = undefined;
    const { runningVersion, publicKey } = this.#options;
    const fields = parseJSONObject(body);
    const newest = fields && parseVersionAnswer(fields);
    if (!newest) {
      this.#fail("the answer on the newest version cannot be understood", request);
      return;
    }
    const { version } = newest;
    const { rollback } = this.#confirmation;
    if (version === runningVersion || (version < runningVersion && !request.allowsDowngrade)) {
      this.#enter({ type: "up-to-date" });
    } else if (request.isAuto && rollback?.isFault && rollback.version === version) {
      this.#enter({ type: "rolled-back", why: rollback.why });
    } else if (publicKey && !newest.signature) {
      this.#enter({
        type: "failed",
        why: `version ${version} is not signed, and this station takes no other`,
      });
    } else {
      this.#download(newest, request);
    }
  }

  #download(newest: Expectation, request: Check): void {
    const place = this.#imagePlace();
    if (!place) return;
    this.#enter({ type: "updating" });
    const download = new Download({
      board: this.#options.board,
      place,
      headers: this.#headers(),
      expected: newest,
      begin: (expected) => this.#install(expected, request),
      onProgress: (received, size) => this.#progress(received, size),
      onDone: (installation) => {
        this.#job = undefined;
        const refusal = this.#finish(installation, {});
        if (refusal) this.#enter({ type: "failed", why: refusal.message });
      },
      onRefused: ({ message }) => {
        this.#job = undefined;
        this.#enter({ type: "failed", why: message });
      },
      onFailed: (why) => this.#fail(why, request),
    });
    this.#job = download;
    if (!this.#options.isFree()) download.pause();
  }

  #imagePlace(): Place | undefined {
    const { server, settings, productId } = this.#options;
    const staging = settings().staging ? "staging/" : "";
    return parseURL(`${server() ?? ""}/firmwares/v1/${staging}${productId}.bin`);
  }

  #install(expected: Expectation, { allowsDowngrade }: UpdateRequest): Installation {
    return new Installation({ ...this.#options, allowsDowngrade, expected });
  }

  #takeUpload({ size, signature, allowsDowngrade }: UploadRequest): Upload {
    const installation = this.#install({ size, signature }, { allowsDowngrade });
    let refusal: Refusal | undefined;
    const end = (why: string | undefined) => {
      if (this.#job !== job) return;
      this.#job = undefined;
      installation.close();
      if (why !== undefined) this.#enter({ type: "failed", why });
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
    this.#job = job;
    this.#enter({ type: "updating" });
    return {
      write: (data) => {
        if (refusal) return refusal;
        const found = installation.write(data);
        if (found) return refuse(found);
        this.#progress(installation.receivedBytes, size);
        return undefined;
      },
      finish: (options = {}) => {
        if (refusal) return refusal;
        const found = this.#finish(installation, options);
        if (found) return refuse(found);
        this.#job = undefined;
        return undefined;
      },
      close: () => end("the upload broke off"),
    };
  }

  /** Makes an image the one that starts next, and restarts when nobody charges. */
  #finish(
    installation: Installation,
    { signature }: { signature?: Uint8Array<ArrayBuffer> },
  ): Refusal | undefined {
    const from = this.#options.runningVersion;
    const to = installation.image?.version ?? from;
    const hadBroker = this.#options.isOnline();
    let isPrepared = false;
    const beforeBoot = () => {
      isPrepared = true;
      return this.#confirmation.prepare({ from, to, hadBroker });
    };
    const refusal = installation.finish({ signature, beforeBoot });
    installation.close();
    if (refusal) {
      if (isPrepared) this.#confirmation.withdraw();
      return refusal;
    }
    this.#enter({ type: "updating", percent: 100 });
    this.#restartInto(to);
    return undefined;
  }

  #restartInto(version: number): void {
    // Nothing else begins before that.
    this.#waiting = () => this.#restartInto(version);
    const { clock } = this.#options.board;
    clock.clear(this.#restart);
    this.#restart = clock.set(() => {
      if (this.#options.isFree()) this.#options.restart(`updated to version ${version}`);
    }, RESTART_MS);
  }

  /** For a reason that may pass. */
  #fail(why: string, { isAuto }: Check): void {
    this.#job = undefined;
    this.#enter({ type: "failed", why });
    if (isAuto) this.#autoUpdate.tryAgain();
  }

  #progress(receivedBytes: number, size: number | undefined): void {
    const now = this.#options.board.clock.monotonicMs();
    if (size === undefined || now - this.#shownAtMs < PROGRESS_MS) return;
    this.#shownAtMs = now;
    const percent = Math.min(99, Math.floor((100 * receivedBytes) / size));
    this.#enter({ type: "updating", percent });
  }

  #enter(state: UpdateState): void {
    const before = this.text;
    this.#state = state;
    const { board, onChanged } = this.#options;
    if (this.text === before || this.#notice) return;
    if (state.type !== "updating") board.log(`update: ${this.text}`);
    this.#notice = board.clock.set(() => {
      this.#notice = undefined;
      onChanged();
    }, 0);
  }
}

interface Check extends UpdateRequest {
  /** The station has thought of it by itself. */
  readonly isAuto: boolean;
}
