/** A guest's phone that checks its results: each written tag gets one pending and one final result. */

import {
  type AuthorizationResult,
  CHALLENGE_UUID,
  type ProofCard,
  readResult,
} from "../../../docs/station.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import type { Scene } from "../../virtual/scene.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import { prove } from "../../virtual/world/proof.js";
import type { EventLog } from "./event-log.js";

export interface GuestPhoneOptions {
  readonly scene: Scene;
  readonly eventLog: EventLog;
  readonly tag: string;
  /** Card that is presented by a proof. `tag` is its card id. */
  readonly card?: ProofCard;
  /** Reads a challenge before the plain `tag` is written, so that the station expects a proof. */
  readonly readsChallenge?: boolean;
  /** Further writes on the same connection. */
  readonly again?: { readonly count: number; readonly everyMs: number };
  /** Time after the write at which the radio contact is lost, ms. */
  readonly losesContactAfterMs?: number;
  /** Called with the text when it is sent. */
  readonly onWritten: (text: string) => void;
  readonly onFinal: (result: AuthorizationResult) => void;
}

/** Maximum time to the final result, ms: 15 s by docs/protocol.md, and two connection intervals. */
const PROMISED_MS = 15_100;
/** Time for which the phone stays connected to detect surplus results, ms. */
const LINGERS_MS = 20_000;

interface Attempt {
  readonly sinceMs: number;
  pending: number;
  final: number;
}

export class GuestPhone {
  readonly #options: GuestPhoneOptions;
  #connection: CentralConnection | undefined;
  /** Attempts in order, beginning with attempt 1. */
  readonly #attempts: Attempt[] = [];
  #isOver = false;

  constructor(options: GuestPhoneOptions) {
    this.#options = options;
    const { scene } = options;
    const link = scene.world.air.connect(scene.device.mac, {
      onConnected: (connection) => this.#use(connection),
      onFailed: () => {
        this.#isOver = true;
      },
      onDisconnected: () => {
        this.#isOver = true;
      },
    });
    scene.clock.set(() => {
      this.#checkAttempts();
      this.#isOver = true;
      link.close();
    }, LINGERS_MS + againMs(options));
  }

  #use(connection: CentralConnection): void {
    const { scene, again, losesContactAfterMs } = this.#options;
    this.#connection = connection;
    const onValue = (value: Uint8Array<ArrayBuffer>) => this.#handleValue(value);
    connection.subscribe(RESULT_UUID, onValue, ({ error }) => {
      if (error !== undefined || this.#isOver) return;
      this.#write();
      for (let i = 1; i <= (again?.count ?? 0); i++)
        scene.clock.set(() => this.#write(), i * (again?.everyMs ?? 0));
      if (losesContactAfterMs !== undefined) {
        scene.clock.set(() => {
          this.#isOver = true;
          connection.lose();
        }, losesContactAfterMs);
      }
    });
  }

  #write(): void {
    const { card, tag, readsChallenge } = this.#options;
    if (this.#isOver) return;
    if (!card && !readsChallenge) {
      this.#writeText(tag);
      return;
    }
    this.#connection?.read(CHALLENGE_UUID, ({ value, error }) => {
      const text = card && value ? prove(card, value)?.text : tag;
      if (error !== undefined || text === undefined)
        this.#reportViolation(`no challenge (ATT error ${error})`);
      else this.#writeText(text);
    });
  }

  #writeText(text: string): void {
    const { scene, tag, onWritten } = this.#options;
    if (this.#isOver) return;
    this.#attempts.push({ sinceMs: scene.clock.monotonicMs(), pending: 0, final: 0 });
    onWritten(text);
    this.#connection?.write(TAG_UUID, encodeUTF8(text), ({ error }) => {
      if (error !== undefined)
        this.#reportViolation(`the write of ${tag} is refused with ATT error ${error}`);
    });
  }

  #handleValue(value: Uint8Array<ArrayBuffer>): void {
    const { eventLog, onFinal, tag } = this.#options;
    if (this.#isOver) return;
    const result = readResult(value);
    const attempt = result && this.#attempts[result.attempt - 1];
    if (!result || !attempt) {
      this.#reportViolation(`a result of no attempt: ${value}`);
    } else if (result.state === "pending") {
      if (++attempt.pending > 1 || attempt.final > 0) this.#reportViolation(`pending again: ${tag}`);
    } else {
      if (attempt.pending !== 1) this.#reportViolation(`a final result of ${tag} without a pending one`);
      if (++attempt.final > 1) this.#reportViolation(`a second final result of ${tag}: ${result.code}`);
      const tookMs = this.#options.scene.clock.monotonicMs() - attempt.sinceMs;
      if (tookMs > PROMISED_MS) this.#reportViolation(`the final result of ${tag} after ${tookMs} ms`);
      eventLog.count(`result ${result.code}`);
      onFinal(result);
    }
  }

  /** Checks the attempts whose time is over. */
  #checkAttempts(): void {
    const now = this.#options.scene.clock.monotonicMs();
    for (const { final, sinceMs } of this.#attempts) {
      if (now - sinceMs >= PROMISED_MS && final !== 1)
        this.#reportViolation(`${final} final results of ${this.#options.tag}`);
    }
  }

  /** Reports a violation, except after the contact is lost. */
  #reportViolation(what: string): void {
    if (!this.#isOver) this.#options.eventLog.reportViolation(what);
  }
}

function againMs({ again }: GuestPhoneOptions): number {
  return again ? again.count * again.everyMs : 0;
}
