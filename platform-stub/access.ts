/** Who may publish and subscribe what (docs/protocol.md, section 4). Pure: the broker and its ACL files obey it. */

export type Principal =
  /** The platform's own account. */
  | { readonly kind: "platform" }
  /** A station: its MQTT user's topics, and in them its own. */
  | { readonly kind: "station"; readonly userTopic: string; readonly deviceId: string };

/** Topics, with + and # where any level is allowed. */
export interface Access {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export function accessOf({ userTopic, deviceId }: { userTopic: string; deviceId: string }): Access {
  const tree = `${userTopic}/sweet-home/${deviceId}`;
  return {
    publish: [
      `${userTopic}/req/${deviceId}/+`,
      `${tree}/#`,
      `${userTopic}/errors/sweet-home/${deviceId}/#`,
      `${userTopic}/notifications/create`,
    ],
    subscribe: [
      `${userTopic}/res/${deviceId}/+`,
      // Homie: of a node's property, of the device's and of a node's options.
      `${tree}/+/set`,
      `${tree}/+/+/set`,
      `${tree}/+/+/+/set`,
    ],
  };
}

export function mayPublish(principal: Principal, topic: string): boolean {
  if (/[+#\0]/.test(topic)) return false;
  return (
    principal.kind === "platform" || accessOf(principal).publish.some((pattern) => covers(pattern, topic))
  );
}

export function maySubscribe(principal: Principal, filter: string): boolean {
  return (
    principal.kind === "platform" || accessOf(principal).subscribe.some((pattern) => covers(pattern, filter))
  );
}

/** Whether everything that `filter` (or a topic) stands for is in `pattern` too (MQTT 3.1.1 4.7). */
export function covers(pattern: string, filter: string): boolean {
  const allowed = pattern.split("/");
  const asked = filter.split("/");
  for (const [i, level] of allowed.entries()) {
    if (level === "#") return true;
    const wanted = asked[i];
    if (wanted === undefined || wanted === "#" || (level !== "+" && level !== wanted)) return false;
  }
  return allowed.length === asked.length;
}
