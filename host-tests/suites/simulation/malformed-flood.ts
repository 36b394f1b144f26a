import { LOGIN, type RawSender, Scene } from "../../virtual/scene.js";
import { makeImage } from "../../virtual/world/firmware-image.js";
import {
  type BadRequest,
  type Ingredients,
  makeBadRequest,
  makeUnfinishedRequest,
} from "../../virtual/world/malformed-requests.js";
import { Random } from "../../virtual/world/random.js";
import { KEYED } from "../../virtual/world/signer.js";

/** Number of concurrent senders. The station serves four. */
const BATCH = 20;
const ADDRESSES = 200;
const CROWD = 100;
/** Time limit for every request to be answered or disconnected, including the time in the queue, ms. */
const PATIENCE_MS = 120_000;
/** Statuses that are allowed as answers to malformed requests. A 5xx would be a fault of the station. */
const STATUSES = [200, 204, 302, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 429, 431];

/** A station that is flooded with malformed requests. */
export class Flood {
  readonly scene: Scene;
  readonly statuses = new Map<number, number>();
  readonly #seed: number;
  readonly #random: Random;
  /** The image has the running version, so that no mutation of it is ever installed. */
  readonly #ingredients: Ingredients = { login: LOGIN.authorization, image: makeImage({ version: 1 }) };
  #count = 0;

  constructor(seed: number, scene = new Scene({ seed })) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.scene = scene;
    scene.under.config = KEYED;
    scene.under.boot();
    scene.clock.advance(500);
  }

  /** Sends `count` requests. Throws on a fault, with the seed and the number of the request. */
  send(count: number): void {
    for (let sent = 0; sent < count; sent += BATCH) {
      const requests = Array.from({ length: BATCH }, () => makeBadRequest(this.#random, this.#ingredients));
      this.#settle(requests.map((request) => this.#play(request)));
      this.#count += BATCH;
      this.#serves();
    }
  }

  /** Opens a hundred connections at once, whose requests are never completed. */
  crowd(): void {
    const senders = Array.from({ length: CROWD }, (_, i) =>
      this.scene.sendRaw(makeUnfinishedRequest(this.#random), `192.168.2.${i + 1}`),
    );
    this.scene.clock.advance(1000);
    this.#serves();
    this.#settle(senders);
  }

  #play({ pieces, hangsUp }: BadRequest): RawSender {
    const { scene } = this;
    const sender = scene.sendRaw(new Uint8Array(0), `192.168.3.${1 + this.#random.int(ADDRESSES)}`);
    let atMs = 0;
    for (const { pauseMs, bytes } of pieces) {
      atMs += pauseMs;
      scene.clock.set(() => sender.send(bytes), atMs);
    }
    if (hangsUp) scene.clock.set(() => sender.close(), atMs + 1);
    return sender;
  }

  #settle(senders: readonly RawSender[]): void {
    this.scene.clock.runUntil(
      () => senders.every(({ outcome, isClosed }) => outcome || isClosed),
      PATIENCE_MS,
    );
    const [end] = this.scene.under.ends;
    if (end) this.#fail(`the station ended: ${end.type === "crash" ? String(end.error) : end.type}`);
    for (const { outcome, isClosed } of senders) {
      if (isClosed) continue;
      if (!outcome) this.#fail("a request was neither answered nor cut off");
      if (!("status" in outcome)) continue;
      this.statuses.set(outcome.status, (this.statuses.get(outcome.status) ?? 0) + 1);
      if (!STATUSES.includes(outcome.status)) this.#fail(`a request was answered with ${outcome.status}`);
    }
  }

  /** Checks that the next valid request is served. */
  #serves(): void {
    const { status } = this.scene.ask("GET", "/connectedwifi", { headers: LOGIN, timeoutMs: PATIENCE_MS });
    if (status !== 200) this.#fail(`a good request is answered with ${status}`);
  }

  #fail(what: string): never {
    throw new Error(`seed ${this.#seed}, among the requests from ${this.#count} on: ${what}`);
  }
}
