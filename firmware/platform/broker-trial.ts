import type { Board, IO } from "../../modules/board/index.js";
import { MQTTClient, type MQTTFailure } from "../../modules/mqtt/index.js";
import type { PairingParameters } from "../../modules/pairing/index.js";
import { responseFilter } from "../../modules/requests/index.js";
import { greeting } from "../../modules/telemetry/index.js";
import { type StationIdentity, userOf } from "./identity.js";
import { sessionOptions } from "./platform-connection.js";

/**
 * Tries parameters: connects to the broker once, subscribes and publishes. A broker whose access control refuses the
 * station's topics is detected here, before the parameters are stored. `done` receives why the trial failed;
 * `undefined` if it succeeded.
 */
export function tryBroker(
  options: {
    board: Board;
    station: Pick<StationIdentity, "deviceId" | "account">;
    parameters: PairingParameters;
  },
  done: (failure: MQTTFailure | undefined) => void,
): IO {
  const { board, station, parameters } = options;
  const { deviceId } = station;
  const identity = { user: userOf(board.crypto, parameters), deviceId };
  let isConnected = false;
  let isOver = false;
  const end = (failure: MQTTFailure | undefined) => {
    if (isOver) return;
    isOver = true;
    session.close();
    done(failure);
  };

  function refused(what: string): MQTTFailure {
    const message = `the broker accepts the account but ${what}; is the root topic the account's own?`;
    return { code: "broker-refused", message };
  }

  const session = new MQTTClient({
    ...sessionOptions({ board, station, parameters }),
    clientId: deviceId,
    clean: false,
    reconnect: false,
    listener: {
      handleState(state) {
        if (state.type === "online") {
          isConnected = true;
          session.subscribe(responseFilter(identity), 1);
          session.publish(greeting(identity));
        } else if (state.type === "offline") {
          end(isConnected ? refused("ends the connection when the station uses its topics") : state.reason);
        }
      },
      handleRefusedSubscription: () => end(refused("refuses the subscription to the platform's responses")),
      handleDrained: () => end(undefined),
      handleMessage() {},
    },
  });
  return {
    close() {
      isOver = true;
      session.close();
    },
  };
}
