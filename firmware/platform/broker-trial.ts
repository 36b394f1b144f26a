import type { Board, IO } from "../../modules/board/index.js";
import { MQTTClient, type MQTTFailure } from "../../modules/mqtt/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import { responseFilter } from "../../modules/requests/index.js";
import { greeting } from "../../modules/telemetry/index.js";
import { userOf } from "./identity.js";
import { sessionOptions } from "./platform-connection.js";

/** Why parameters are no good. */
export interface TrialFailure {
  readonly code: MQTTFailure["code"];
  readonly message: string;
}

/**
 * Reaches the broker once, with parameters that are to be tried, and uses the topics that they lead to: a broker
 * whose access control refuses them says so here, and not when the parameters have been kept. `done` gets why it
 * failed, if it did.
 */
export function tryBroker(
  options: { board: Board; deviceId: string; parameters: PairingParameters },
  done: (failure: TrialFailure | undefined) => void,
): IO {
  const { board, deviceId, parameters } = options;
  const identity = { user: userOf(board.crypto, parameters), deviceId };
  let isIn = false;
  let isOver = false;
  const end = (failure: TrialFailure | undefined) => {
    if (isOver) return;
    isOver = true;
    session.close();
    done(failure);
  };

  function refused(what: string): TrialFailure {
    const message = `the broker lets the account in and ${what}; is the root topic the account's own?`;
    return { code: "broker-refused", message };
  }

  const session = new MQTTClient({
    ...sessionOptions(board, parameters),
    clientId: deviceId,
    clean: false,
    reconnect: false,
    onState: (state) => {
      if (state.type === "online") {
        isIn = true;
        session.subscribe(responseFilter(identity), 1);
        session.publish(greeting(identity));
      } else if (state.type === "offline") {
        end(isIn ? refused("ends the connection when the station uses its topics") : state.reason);
      }
    },
    onRefusedSubscription: () => end(refused("refuses the subscription to the station's answers")),
    onDrained: () => end(undefined),
    onMessage: () => {},
  });
  return {
    close() {
      isOver = true;
      session.close();
    },
  };
}
