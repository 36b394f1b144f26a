/** Deliberate bugs: each one violates an invariant, and the simulation has to detect it. */

import type {
  Board,
  Contactor,
  GATTConnection,
  SerialOptions,
  Storage,
  TCP,
  Timer,
} from "../../../modules/board/index.js";
import { asUint8Array, encodeUTF8 } from "../../../modules/bytes/index.js";
import { isJSONObject, parseJSONObject } from "../../../modules/json/index.js";
import { RESULT_UUID } from "../../../modules/tag-service/index.js";
import { PINS } from "../../virtual/board/pins.js";
import { LEASE_S } from "./energy-manager.js";

export const CANARIES = [
  "slow-contactor",
  "no-guard",
  "forgotten-session",
  "second-result",
  "deaf-to-refusals",
  "lazy-book",
  "short-log",
  "timeless",
  "any-answer-accepts",
  "generous-pilot",
  "silent-buzzer",
  "lost-swipes",
  "mute-status",
  "deaf-meter",
  "endless-lease",
] as const;
export type Canary = (typeof CANARIES)[number];

/** Returns a function that puts a bug between the firmware and its board. */
export function withCanary(canary: Canary | undefined): ((board: Board) => Board) | undefined {
  return canary && BUGS[canary];
}

/** Opens the contactor late. */
function withSlowContactor(board: Board): Board {
  const { Contactor: Own } = board.io;
  const LATE_MS = 150;
  class SlowContactor extends Own implements Contactor {
    #isOn = false;
    #opening: Timer | undefined;

    override write(value: 0 | 1): void {
      if (this.#isOn === (value === 1)) return;
      this.#isOn = value === 1;
      board.clock.clear(this.#opening);
      if (this.#isOn) super.write(value);
      else this.#opening = board.clock.set(() => super.write(0), LATE_MS);
    }
  }
  return { ...board, io: { ...board.io, Contactor: SlowContactor } };
}

/** Does not store the session under way: a power cut loses it. */
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

/** Notifies a phone of every final result twice. */
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

/** Treats every response that decrypts as positive. */
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

/** Replaces the `write` of the storage. */
function withWrites(
  board: Board,
  change: (write: Storage["write"], key: string, value: ArrayBuffer) => void,
): Board {
  return {
    ...board,
    openStorage: (path) => {
      const own = board.openStorage(path);
      return { ...own, write: (key, value) => change(own.write, key, asUint8Array(value).slice().buffer) };
    },
  };
}

/** Stores the session under way every two minutes, independent of its energy. */
function withLazyBook(board: Board): Board {
  const MIN_GAP_MS = 119_000;
  let last: { id: unknown; atMs: number } | undefined;
  return withWrites(board, (write, key, value) => {
    const session = key === "session" ? parseJSONObject(new Uint8Array(value))?.session : undefined;
    const id = isJSONObject(session) ? session.id : undefined;
    const now = board.clock.monotonicMs();
    if (id !== undefined && last?.id === id && now - last.atMs < MIN_GAP_MS) return;
    if (key === "session") last = { id, atMs: now };
    write(key, value);
  });
}

/** Stores only one ended session and reports success for others. */
function withShortLog(board: Board): Board {
  return withWrites(board, (write, key, value) => {
    if (!/^log([1-9]|\d\d)$/.test(key)) write(key, value);
  });
}

/** Never knows the time. */
function withoutTime(board: Board): Board {
  const { clock } = board;
  return {
    ...board,
    clock: {
      monotonicMs: () => clock.monotonicMs(),
      epochMs: () => undefined,
      set: (callback, delayMs) => clock.set(callback, delayMs),
      repeat: (callback, periodMs) => clock.repeat(callback, periodMs),
      clear: (timer) => clock.clear(timer),
    },
  };
}

/** Treats every response to a session report as acceptance. */
function withCredulity(board: Board): Board {
  const { crypto } = board;
  const ACCEPTED = encodeUTF8('{"accepted":true}').buffer;
  return {
    ...board,
    crypto: {
      ...crypto,
      openGCM: (sealed) => {
        const opened = crypto.openGCM(sealed);
        const isAcceptance = opened && parseJSONObject(new Uint8Array(opened))?.accepted !== undefined;
        return isAcceptance ? ACCEPTED : opened;
      },
    },
  };
}

/** Offers twice the current. */
function withGenerosity(board: Board): Board {
  const { ControlPilot: Own } = board.io;
  class GenerousPilot extends Own {
    override write(dutyPermille: number): void {
      super.write(dutyPermille === 1000 ? dutyPermille : Math.min(960, 2 * dutyPermille));
    }
  }
  return { ...board, io: { ...board.io, ControlPilot: GenerousPilot } };
}

/** Gives no sound signal for a swiped card. */
function withoutBuzzer(board: Board): Board {
  return { ...board, pins: { ...board.pins, buzzer: undefined } };
}

/** Loses every third swipe. */
function withLostSwipes(board: Board): Board {
  const { Serial: Own } = board.io;
  let swipes = 0;
  class LossySerial extends Own {
    override read(): ArrayBuffer | undefined {
      const bytes = super.read();
      return ++swipes % 3 === 0 ? undefined : bytes;
    }
  }
  return { ...board, io: { ...board.io, Serial: LossySerial } };
}

/** Loses all answers of a Modbus meter in each second minute. */
function withDeafMeter(board: Board): Board {
  const { Serial: Own } = board.io;
  class DeafSerial extends Own {
    readonly #isModbus: boolean;

    constructor(options: SerialOptions) {
      super(options);
      this.#isModbus = options.pin === PINS.modbusReceive;
    }

    override read(): ArrayBuffer | undefined {
      const bytes = super.read();
      const isDeaf = this.#isModbus && Math.floor(board.clock.monotonicMs() / 60_000) % 2 === 0;
      return isDeaf ? undefined : bytes;
    }
  }
  return { ...board, io: { ...board.io, Serial: DeafSerial } };
}

/** Publishes the status on a wrong topic. */
function withMuteStatus(board: Board): Board {
  const { TCP: Own } = board.io;
  const [TOPIC, WRONG] = [encodeUTF8("/charger/status"), encodeUTF8("/charger/STATUS")];
  class MuteTCP extends Own {
    override write(bytes: Parameters<TCP["write"]>[0]): number {
      const copy = asUint8Array(bytes).slice();
      for (let at = 0; at + TOPIC.length <= copy.length; at++)
        if (TOPIC.every((byte, i) => copy[at + i] === byte)) copy.set(WRONG, at);
      return super.write(copy);
    }
  }
  return { ...board, io: { ...board.io, TCP: MuteTCP } };
}

/** Lets the lease of an energy manager's limit last for a week. */
function withEndlessLease(board: Board): Board {
  const { clock } = board;
  const WEEK_MS = 7 * 24 * 3_600_000;
  return {
    ...board,
    clock: {
      monotonicMs: () => clock.monotonicMs(),
      epochMs: () => clock.epochMs(),
      set: (callback, delayMs) => clock.set(callback, delayMs === LEASE_S * 1000 ? WEEK_MS : delayMs),
      repeat: (callback, periodMs) => clock.repeat(callback, periodMs),
      clear: (timer) => clock.clear(timer),
    },
  };
}

const BUGS: Readonly<Record<Canary, (board: Board) => Board>> = {
  "slow-contactor": withSlowContactor,
  // The bug is in the device (week.ts).
  "no-guard": (board) => board,
  "forgotten-session": withForgottenSession,
  "second-result": withSecondResult,
  "deaf-to-refusals": withDeafness,
  "lazy-book": withLazyBook,
  "short-log": withShortLog,
  timeless: withoutTime,
  "any-answer-accepts": withCredulity,
  "generous-pilot": withGenerosity,
  "silent-buzzer": withoutBuzzer,
  "lost-swipes": withLostSwipes,
  "mute-status": withMuteStatus,
  "deaf-meter": withDeafMeter,
  "endless-lease": withEndlessLease,
};
