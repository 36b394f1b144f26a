/** Routes of the admin panel for the owner's settings (docs/protocol.md, section 2). */

import { encodeUTF8 } from "../../modules/bytes/index.js";
import type { Trace } from "../../modules/trace/index.js";
import { type FormRoute, GET_AND_POST, json, OK, type Reply, text } from "../../modules/web/index.js";
import type { CommandFailure, CommandFailureCode, StationCommands } from "../commands.js";

const MAX_NAME_BYTES = 64;

const STATUSES: Readonly<Record<CommandFailureCode, 400 | 403 | 409 | 500>> = {
  invalid: 400,
  "storage-failed": 500,
  "no-vehicle": 409,
  busy: 409,
  offline: 409,
  "no-key": 403,
};

export function panelRoutes(
  commands: Pick<StationCommands, "change" | "setLearning" | "transferTo">,
  trace: Pick<Trace, "report">,
): FormRoute[] {
  const change = (path: string, answer: FormRoute["answer"]): FormRoute => {
    return { path, methods: GET_AND_POST, changes: true, needsLogin: true, answer };
  };
  return [
    { path: "/log", methods: GET_AND_POST, needsLogin: true, answer: () => json(trace.report()) },
    change("/setname", (fields) => {
      const name = (fields.get("name") ?? "").trim();
      const { length } = encodeUTF8(name);
      if (length < 1 || length > MAX_NAME_BYTES) return text(400, `name must be 1-${MAX_NAME_BYTES} bytes`);
      return replyTo(commands.change({ name }));
    }),
    change("/setlearning", (fields) => {
      const on = fields.get("on");
      if (on !== "true" && on !== "false") return text(400, "on must be true or false");
      commands.setLearning(on === "true");
      return OK;
    }),
    change("/changeowner", (fields) => {
      const email = (fields.get("mail") ?? "").trim();
      return replyTo(commands.transferTo(email));
    }),
  ];
}

function replyTo(failure: CommandFailure | undefined): Reply {
  return failure ? text(STATUSES[failure.code], failure.message) : OK;
}
