/** A station with an HTTP API of test routes, and an app in its network. */

import { expect } from "@jest/globals";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import {
  type FormRoute,
  GET,
  GET_AND_POST,
  HTTPAPI,
  type Login,
  OK,
  type Reply,
  type Route,
  text,
} from "../../../modules/web/index.js";
import { Device, FirmwareRun } from "../../virtual/board/index.js";
import { makeSockets } from "../../virtual/board/sockets.js";
import { exchange, type HTTPOutcome, httpRequest } from "../../virtual/world/http-client.js";
import { virtualWorld } from "../../virtual/world/world.js";

export const STATION = "192.168.1.2";
export const APP = "192.168.1.250";
export const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** A station with these routes, and an app in its network. */
export class Bench {
  readonly world = virtualWorld();
  readonly device = new Device(this.world);
  readonly #app = this.world.network.host({ address: APP });
  /** Fields that the routes have received. */
  readonly received: Record<string, string>[] = [];
  /** Authorization headers and addresses that the login has checked. */
  readonly logins: (string | undefined)[][] = [];
  loginRefusal: Reply | undefined;
  /** Time that each request waits for the check of its login, ms. */
  turnMs = 0;
  isInitial = false;
  /** Response to a request for another host. */
  captiveReply: Reply | undefined;
  /** Whether the request of each answer was logged in. */
  readonly loggedIn: boolean[] = [];
  reply: Reply = OK;
  /** Events of the upload. */
  readonly uploads: string[] = [];

  constructor() {
    this.device.host.address = STATION;
    const bench = this;
    const login: Pick<Login, "refusal" | "awaitTurn" | "isInitial"> = {
      get isInitial() {
        return bench.isInitial;
      },
      refusal: (authorization, address) => {
        this.logins.push([authorization, address]);
        return this.loginRefusal;
      },
      awaitTurn: (_authorization, _address, check) => {
        if (this.turnMs === 0) {
          check();
          return undefined;
        }
        const timer = this.world.clock.set(check, this.turnMs);
        return { close: () => this.world.clock.clear(timer) };
      },
    };
    const routes = this.#routes();
    this.device.boot((board) => {
      const route = (path: string) => routes.find((one) => one.path === path);
      new HTTPAPI({
        board,
        login: login as Login,
        router: { route, replyToForeignHost: () => this.captiveReply },
      });
    });
  }

  #routes(): Route[] {
    const answer: FormRoute["answer"] = (fields, { isLoggedIn }) => {
      this.loggedIn.push(isLoggedIn);
      this.received.push(Object.fromEntries(fields));
      return this.reply;
    };
    return [
      { path: "/get", methods: GET, answer },
      { path: "/both", methods: GET_AND_POST, answer },
      { path: "/change", methods: GET_AND_POST, changes: true, answer },
      { path: "/secret", methods: GET_AND_POST, changes: true, needsLogin: true, answer },
      { path: "/secret-read", methods: GET, needsLogin: true, answer },
      { path: "/more", methods: GET, usesLogin: true, answer },
      {
        path: "/password",
        methods: GET_AND_POST,
        changes: true,
        needsLogin: true,
        allowsInitialPassword: true,
        answer,
      },
      {
        path: "/later",
        methods: GET,
        answer: () => (reply) => {
          this.world.clock.set(() => reply(text(200, "late")), 1000);
          this.world.clock.set(() => reply(text(200, "again")), 2000);
        },
      },
      {
        path: "/upload",
        methods: ["POST"],
        intake: (headers) => {
          if (headers.get("x-refused")) return text(409, "refused");
          return {
            receive: (bytes) => {
              this.uploads.push(`${bytes.byteLength} bytes`);
              return bytes.byteLength > 100 ? text(413, "too long") : undefined;
            },
            finish: () => {
              this.uploads.push("finished");
              return OK;
            },
            close: () => this.uploads.push("closed"),
          };
        },
      },
    ];
  }

  #way() {
    const firmware = new FirmwareRun({ clock: this.world.clock, onEnd: () => {} });
    const { TCP } = makeSockets(this.#app, firmware);
    return { TCP, clock: this.world.clock, address: STATION, port: 80 };
  }

  ask(method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) {
    let outcome: HTTPOutcome | undefined;
    const onDone = (done: HTTPOutcome) => {
      outcome = done;
    };
    httpRequest({ ...this.#way(), method, path, ...options, onDone });
    this.world.clock.runUntil(() => outcome !== undefined, 20_000);
    expect(this.device.isRunning).toBe(true);
    if (!outcome || "failure" in outcome) throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  statusOf(method: string, path: string, options: Parameters<Bench["ask"]>[2] = {}): number {
    return this.ask(method, path, options).status;
  }

  /** Sends the start of a request, and disconnects after a second. */
  abort(request: string): void {
    const sent = exchange({ ...this.#way(), request: encodeUTF8(request), onDone: () => {} });
    this.world.clock.advance(1000);
    sent.close();
    this.world.clock.advance(1000);
    expect(this.device.isRunning).toBe(true);
  }
}
