/** Bugs on purpose: each breaks one promise, and the simulation has to find it. */

import type { Board, DigitalOut, GATTConnection, Timer } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID } from "../../../modules/tag-service/index.js";

export const CANARIES = ["slow-contactor", "forgotten-session", "second-result", "deaf-to-refusals"] as const;
export type Canary = (typeof CANARIES)[number];

/** Gives the board of a firmware that has the bug. */
export function withCanary(canary: Canary | undefined): ((board: Board) => Board) | undefined {
  switch (canary) {
    case undefined:
      return undefined;
    case "slow-contactor":
      return withSlowContactor;
    case "forgotten-session":
      return withForgottenSession;
    case "second-result":
      return withSecondResult;
    case "deaf-to-refusals":
      return withDeafness;
  }
}

/** Opens the contactor late. */
function withSlowContactor(board: Board): Board {
  const { DigitalOut: Own } = board.io;
  const LATE_MS = 150;
  class SlowOutput implements DigitalOut {
    readonly #own: DigitalOut;
    #isOn = false;
    #opening: Timer | undefined;

    constructor(options: { pin: string | number }) {
      this.#own = new Own(options);
    }

    write(value: 0 | 1): void {
      if (this.#isOn === (value === 1)) return;
      this.#isOn = value === 1;
      board.clock.clear(this.#opening);
      if (this.#isOn) this.#own.write(1);
      else this.#opening = board.clock.set(() => this.#own.write(0), LATE_MS);
    }

    close(): void {
      this.#own.close();
    }
  }
  return { ...board, io: { ...board.io, DigitalOut: SlowOutput } };
}

/** Does not write down the session under way: a power cut loses it. */
function withForgottenSession(board: Board): Board {
  return {
    ...board,
    openStorage: (path) => {
      const own = board.openStorage(path);
      return {
        ...own,
        write: (key, value) => {
          if (key !== "session") own.write(key, value);
        },
      };
    },
  };
}

/** Says every final result twice to a phone. */
function withSecondResult(board: Board): Board {
  const { GATTServer: Own } = board.io;
  const repeating = (connection: GATTConnection) => {
    const notify = connection.notify.bind(connection);
    connection.notify = (characteristic, value, done) => {
      notify(characteristic, value, done);
      if (characteristic.uuid === RESULT_UUID) notify(characteristic, value);
    };
  };
  class RepeatingServer extends Own {
    constructor(options: ConstructorParameters<typeof Own>[0]) {
      super({
        ...options,
        onConnect: (connection) => {
          repeating(connection);
          options.onConnect?.(connection);
        },
      });
    }
  }
  return { ...board, io: { ...board.io, GATTServer: RepeatingServer } };
}

/** Takes any answer that opens for a yes. */
function withDeafness(board: Board): Board {
  const { crypto } = board;
  const YES = encodeUTF8('{"authorized":true,"accepted":true}').buffer;
  return {
    ...board,
    crypto: {
      ...crypto,
      openGCM: (sealed) => crypto.openGCM(sealed) && YES,
    },
  };
}
