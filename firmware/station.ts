import type { Board, IO, Timer } from "../modules/board/index.js";
import { Charging, type ChargingEvent, type StationStatus } from "../modules/charging/index.js";
import type { MQTTFailure } from "../modules/mqtt/index.js";
import { type Link, type LinkFailure, type LinkState, makeLink } from "../modules/network/index.js";
import { firmwareUploadRoute, Pairing, type PairingParameters } from "../modules/pairing/index.js";
import { type Metadata, TagService } from "../modules/tag-service/index.js";
import type { Tree } from "../modules/telemetry/index.js";
import type { Updates } from "../modules/updates/index.js";
import { Access } from "./access.js";
import type { Config } from "./config.js";
import { HoldButton } from "./hold-button.js";
import { readIdentity, type StationIdentity } from "./identity.js";
import { OptionStore } from "./options.js";
import { OwnerChange } from "./owner-change.js";
import { pairingSetup } from "./pairing-setup.js";
import { panelRoutes } from "./panel-api.js";
import { PlatformConnection } from "./platform-connection.js";
import type { Records } from "./records.js";
import type { Restarts } from "./restarts.js";
import { StationSessions } from "./sessions.js";
import { makeTree } from "./tree.js";
import { makeUpdates } from "./updates.js";

export type LifeCycle =
  /** Parameters are missing: its own network is up, the HTTP API takes them. */
  | "unpaired"
  /** On its way into the network. */
  | "joining"
  /** In the network, on its way to the broker. */
  | "connecting"
  | "online"
  /** It was online; it goes on trying. */
  | "offline";

export interface StationOptions {
  readonly board: Board;
  /** Without mistakes (`configErrors`). */
  readonly config: Config;
  readonly records: Records;
  readonly restarts: Restarts;
}

/** For how long a button opens pairing mode of a station that has parameters: it takes them from anybody. */
const PAIRING_MODE_MS = 10 * 60_000;
/** For the last words to the platform. */
const FAREWELL_MS = 1100;

/**
 * A charging station: puts the modules together and owns the life cycle. Charging and the tag service run from the
 * first moment to the last, whatever the network does.
 */
export class Station implements IO {
  #board: Board;
  #config: Config;
  #identity: StationIdentity;
  #records: Records;
  #charging: Charging;
  #sessions: StationSessions;
  #options: OptionStore;
  #access: Access;
  #updates: Updates;
  #tree: Tree;
  #ownerChange: OwnerChange;
  #lastError: string | undefined;
  #tagService: TagService;
  #link: Link;
  #pairing: Pairing;
  #button: HoldButton;
  #platform: PlatformConnection | undefined;
  #parameters: PairingParameters | undefined;
  #lifeCycle: LifeCycle = "unpaired";
  /** Why there is no network, until there is one. */
  #linkFailure: LinkFailure | undefined;
  /** Why the broker was not reached the last time, while it is not. */
  #brokerFailure: MQTTFailure | undefined;
  #pairingModeEnd: Timer | undefined;
  /** It starts again when nobody charges any more. */
  #isResetDue = false;
  #ownerChangeFailure: string | undefined;
  #isClosed = false;

  constructor(options: StationOptions) {
    const { board, config, records } = options;
    this.#board = board;
    this.#config = config;
    this.#records = records;
    this.#identity = readIdentity(board, config, records);
    this.#charging = new Charging({ board, onEvent: (event) => this.#followCharging(event) });
    this.#options = new OptionStore({ board, config, records });
    this.#sessions = this.#makeSessions(records);
    this.#access = this.#makeAccess(records);
    this.#updates = this.#makeUpdates(records);
    this.#tree = this.#makeTree(options.restarts);
    this.#ownerChange = this.#makeOwnerChange(records);
    this.#tagService = this.#makeTagService();
    this.#link = makeLink({
      board,
      onChanged: (state) => this.#followLink(state),
      onChannel: (channel) => this.#pairing.followChannel(channel),
    });
    const setup = pairingSetup({ ...options, identity: this.#identity, link: this.#link });
    this.#pairing = this.#makePairing(setup);
    this.#button = new HoldButton({
      board,
      onPairing: () => this.enterPairingMode(),
      onReset: () => this.resetToProvisioned(),
    });
    this.#parameters = setup.pairingRecord.read() ?? this.#pairing.presetParameters;
    if (this.#parameters) this.#operate(this.#parameters);
    else this.enterPairingMode();
  }

  get lifeCycle(): LifeCycle {
    return this.#lifeCycle;
  }

  get status(): StationStatus {
    return this.#charging.status;
  }

  get updates(): Updates {
    return this.#updates;
  }

  /**
   * Opens the station's own network for new parameters, for 10 minutes where there are some; what runs goes on until
   * new ones are tried.
   */
  enterPairingMode(): void {
    this.#pairing.enter();
    this.#board.clock.clear(this.#pairingModeEnd);
    this.#pairingModeEnd = this.#board.clock.set(() => {
      if (!this.#pairing.isTrying) this.leavePairingMode();
    }, PAIRING_MODE_MS);
    this.#show();
  }

  /** Not while nothing is known of a network: nobody would reach the station any more. */
  leavePairingMode(): void {
    if (!this.#parameters) return;
    this.#pairing.leave();
    this.#show();
  }

  /**
   * Forgets everything but what was provisioned, and starts again. A vehicle that charges goes on charging: the start
   * is when it has ended, pairing mode at once.
   */
  resetToProvisioned(): void {
    this.#board.log("station: factory reset");
    this.#records.erase();
    this.#isResetDue = true;
    if (this.#endReset()) return;
    this.#pairing.forget();
    this.#ownerChange.close();
    this.#letGo();
    this.#parameters = undefined;
    this.#link.leave();
    this.#enter("unpaired");
    this.enterPairingMode();
  }

  /** Ends the session under way, or an authorization that is not used yet. */
  stopCharging(): void {
    this.#charging.stop();
  }

  /**
   * Goes to another owner, an e-mail, as the platform allows; says later how it went, in telemetry. Gives why it
   * cannot begin, if it cannot.
   */
  changeOwner(owner: string): string | undefined {
    const problem = this.#ownerChange.start(owner);
    if (problem === undefined) this.#ownerChangeFailure = undefined;
    return problem;
  }

  /** Opens the contactor at once, says goodbye to the platform, gives everything back within a second. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#charging.close();
    this.#sessions.close();
    this.#access.close();
    this.#updates.close();
    this.#tagService.close();
    this.#ownerChange.close();
    this.#pairing.close();
    this.#button.close();
    this.#board.clock.clear(this.#pairingModeEnd);
    // The last words still need the network.
    if (this.#platform) this.#platform.close(() => this.#link.close());
    else this.#link.close();
  }

  #makeSessions(records: Records): StationSessions {
    return new StationSessions({
      board: this.#board,
      records,
      meterPulsesPerKWh: this.#config.meterPulsesPerKWh,
      charging: this.#charging,
      resumes: () => this.#options.now.resumes,
      requests: () => (this.#platform?.isOnline ? this.#platform.requests : undefined),
      complain: (message) => this.#complain(message),
    });
  }

  #makeAccess(records: Records): Access {
    return new Access({
      board: this.#board,
      config: this.#config,
      records,
      options: () => this.#options.now,
      charging: this.#charging,
      isProvisioned: this.#identity.responseKey !== undefined,
      requests: () => this.#platform?.requests,
      complain: (message) => this.#complain(message),
      onBusy: () => this.#show(),
      onChanged: () => this.#showAll(),
    });
  }

  #makeOwnerChange(records: Records): OwnerChange {
    return new OwnerChange({
      board: this.#board,
      deviceId: this.#identity.deviceId,
      records,
      obstacle: () => {
        if (this.#charging.session) return "a session is under way";
        if (this.#sessions.waiting > 0) return "sessions wait for the platform";
        return this.#pairing.isTrying ? "other parameters are tried" : undefined;
      },
      requests: () => this.#platform?.requests,
      parameters: () => this.#parameters,
      leave: (done) => {
        const platform = this.#platform;
        this.#platform = undefined;
        this.#sessions.followPlatform(false);
        this.#access.followPlatform();
        this.#enter("joining");
        platform?.leave(done);
      },
      onMoved: (parameters) => {
        this.#board.log("station: it has another owner");
        this.#access.forgetOwner();
        this.#operate(parameters);
      },
      onStayed: (why) => {
        this.#ownerChangeFailure = why;
        this.#complain(`station: ${why}`);
        if (this.#parameters && !this.#platform) this.#operate(this.#parameters);
      },
    });
  }

  #makeUpdates(records: Records): Updates {
    return makeUpdates({
      board: this.#board,
      config: this.#config,
      identity: this.#identity,
      records,
      options: this.#options,
      host: () => this.#parameters?.host,
      isFree: () => this.status !== "authorized" && this.status !== "charging",
      isOnline: () => this.#lifeCycle === "online",
      isUp: () => this.#tagService.isReady && (this.#pairing.isActive || this.#link.state.type === "up"),
      problem: () => this.#problem()?.message,
      restart: (reason) => this.#restart(reason),
      onChanged: () => this.#platform?.update(),
    });
  }

  #makeTree({ count, lastEnd }: Restarts): Tree {
    const { meter } = this.#sessions;
    return makeTree({
      options: this.#options,
      maxCurrentA: this.#config.currentLimitA,
      firmwareVersion: this.#identity.firmwareVersion,
      status: () => this.#charging.status,
      sessionId: () => this.#charging.session?.id,
      meter: meter.isThere ? meter : undefined,
      energyWh: () => this.#sessions.energyWh,
      start: () => this.#access.startWithoutCard(),
      stop: () => this.stopCharging(),
      lastError: () => this.#lastError,
      listedTags: () => this.#access.listedTags,
      isLearning: () => this.#access.isLearning,
      setLearning: (isOn) => this.#access.setLearning(isOn),
      signalPercent: () => this.#link.signalPercent,
      uptimeS: () => Math.floor(this.#board.clock.monotonicMs() / 1000),
      heapBytes: () => this.#board.heapBytes?.() ?? 0,
      restarts: {
        count,
        reason: lastEnd.type === "power" ? lastEnd.type : `${lastEnd.type}: ${lastEnd.reason}`,
      },
      onOptions: () => {
        this.#access.followPlatform();
        this.#showAll();
      },
      changeOwner: (owner) => this.changeOwner(owner),
      updates: this.#updates,
    });
  }

  #makeTagService(): TagService {
    return new TagService({
      board: this.#board,
      deviceId: this.#identity.deviceId,
      name: this.#name,
      companyId: this.#config.companyId,
      metadata: this.#metadata(),
      newSource: () => this.#access.newPhone(),
      log: (line) => this.#board.log(line),
    });
  }

  #makePairing({ about, ...setup }: ReturnType<typeof pairingSetup>): Pairing {
    const { meter } = this.#sessions;
    return new Pairing({
      ...setup,
      routes: () => [
        firmwareUploadRoute({
          slotBytes: this.#board.firmwareSlot.byteLength,
          open: (announced) => this.#updates.upload(announced),
        }),
        ...panelRoutes({
          setName: (name) => this.#rename(name),
          setLearning: (isOn) => this.#access.setLearning(isOn),
          changeOwner: (owner) => this.changeOwner(owner),
        }),
      ],
      describe: () => ({
        ...about,
        state: this.#lifeCycle,
        problem: this.#problem(),
        status: this.#charging.status,
        name: this.#name,
        update: this.#updates.text ?? null,
        energyWh: meter.isThere ? { session: this.#sessions.energyWh, total: meter.energyWh } : null,
        tagLearning: this.#access.isLearning,
        ownerChange: { isUnderWay: this.#ownerChange.isUnderWay, failure: this.#ownerChangeFailure ?? null },
      }),
      onTrying: () => {
        this.#ownerChange.close();
        this.#letGo();
        this.#enter("joining");
      },
      onPaired: (parameters) => this.#operate(parameters),
      onFailed: () => this.#resume(),
      onRestart: () => this.#restart("asked for"),
      onReset: () => this.resetToProvisioned(),
    });
  }

  #restart(reason: string): void {
    this.close();
    this.#board.clock.set(() => this.#board.restart(reason), FAREWELL_MS);
  }

  /** Nobody charges, or has been let in to. */
  get #isFree(): boolean {
    return this.status !== "authorized" && this.status !== "charging";
  }

  /** `true`: a reset is due, and the station starts again. */
  #endReset(): boolean {
    if (this.#isResetDue && this.#isFree) this.#restart("factory reset");
    return this.#isResetDue && this.#isFree;
  }

  get #name(): string {
    return this.#options.now.name ?? this.#identity.name;
  }

  #rename(name: string): string | undefined {
    if (!this.#options.set({ name })) return "the station cannot store it";
    this.#tagService.rename(name);
    this.#platform?.rename(name);
    return undefined;
  }

  /** Uses parameters that were proven, now or before. */
  #operate(parameters: PairingParameters): void {
    this.#letGo();
    this.#parameters = parameters;
    const { state } = this.#link;
    this.#enter("joining");
    // The candidate that was just proven has left the link up.
    if (state.type === "up") this.#followLink(state);
    else this.#link.join(parameters.wifi);
  }

  /** A candidate failed: what there was before still stands. */
  #resume(): void {
    this.#linkFailure = undefined;
    if (!this.#parameters) {
      this.#link.leave();
      this.#enter("unpaired");
      return;
    }
    this.#enter("joining");
    this.#link.join(this.#parameters.wifi);
  }

  /** A candidate is tried, or an owner has changed: the session with the broker ends. */
  #letGo(): void {
    this.#platform?.close();
    this.#platform = undefined;
    this.#sessions.followPlatform(false);
    this.#access.followPlatform();
  }

  #followLink(state: LinkState): void {
    this.#pairing.followLink(state);
    if (state.type === "up") this.#linkFailure = undefined;
    else if (state.type === "joining" && state.failure) this.#linkFailure = state.failure;
    const parameters = this.#parameters;
    if (!parameters || this.#pairing.isTrying || this.#ownerChange.isTrying) return;
    if (state.type === "up" && !this.#platform) {
      this.#enter("connecting");
      this.#platform = new PlatformConnection({
        board: this.#board,
        identity: { ...this.#identity, name: this.#name },
        parameters,
        tree: this.#tree,
        localIP: () => (this.#link.state.type === "up" ? this.#link.state.address : undefined),
        onChanged: (online, failure) => this.#followPlatform(online, failure),
      });
    }
    // A lost network shows in the broker's session; it goes on when there is a network again.
    if (state.type === "joining" && state.failure) this.#board.log(`network: ${state.failure.message}`);
  }

  #followPlatform(online: boolean, failure: MQTTFailure | undefined): void {
    if (failure) this.#board.log(`platform: ${failure.message}`);
    if (online || failure) this.#brokerFailure = failure;
    this.#sessions.followPlatform(online);
    this.#access.followPlatform();
    if (online) {
      this.#updates.followBroker();
      this.#enter("online");
    } else
      this.#enter(this.#lifeCycle === "online" || this.#lifeCycle === "offline" ? "offline" : "connecting");
  }

  /** What keeps a paired station from being online; `null` when nothing does. */
  #problem(): { code: string; message: string } | null {
    const failure = this.#linkFailure ?? this.#brokerFailure;
    return failure ? { code: failure.code, message: failure.message } : null;
  }

  #followCharging(event: ChargingEvent): void {
    this.#sessions.follow(event);
    this.#platform?.update();
    switch (event.type) {
      case "status":
        this.#board.log(`charging: ${event.status}`);
        this.#show();
        this.#updates.followSession();
        if (this.#isResetDue) this.#board.clock.set(() => this.#endReset(), 0);
        break;
      case "session-started":
        this.#board.log(`charging: session ${event.session.id} of tag …${event.session.grant.tagEnd} starts`);
        break;
      case "session-ended":
        this.#board.log(`charging: session ${event.sessionId} ends: ${event.why}`);
        break;
      case "faulted":
        this.#complain(`charging: faulted: ${event.reason}`);
        break;
    }
  }

  /** Says what went wrong in the log, in telemetry and to people. */
  #complain(message: string): void {
    this.#board.log(message);
    this.#lastError = message;
    this.#platform?.notify(message, "error");
  }

  #enter(lifeCycle: LifeCycle): void {
    if (lifeCycle !== this.#lifeCycle) this.#board.log(`station: ${lifeCycle}`);
    this.#lifeCycle = lifeCycle;
    this.#show();
  }

  #showAll(): void {
    this.#show();
    this.#platform?.update();
  }

  #show(): void {
    if (this.#isClosed) return;
    this.#tagService.update(this.#metadata());
  }

  #metadata(): Metadata {
    const { status } = this.#charging;
    return {
      acceptsTags: status === "plugged" && !this.#access.isBusy,
      platformReachable: this.#platform?.isOnline ?? false,
      authorizesOffline: this.#access.authorizesOffline,
      pairing: this.#pairing?.isActive ?? true,
      status,
    };
  }
}
