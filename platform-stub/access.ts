/** Access rules: which account may publish and subscribe to which topics (docs/protocol.md, section 4). */

/** An authenticated client of the broker. */
export type Principal =
  /** The platform's own account. It has access to all topics. */
  | { readonly kind: "platform" }
  /** A station. It has access to its own topics, below its user's. */
  | { readonly kind: "station"; readonly userTopic: string; readonly deviceId: string };

/** Topic patterns that a station may use; + and # allow any level. */
export interface Access {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The topic patterns of a station. */
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
      // Homie: properties of a node, and settings of the device and of a node.
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

/** Whether `pattern` matches every topic that `filter` matches (MQTT 3.1.1 4.7). `filter` may be a topic. */
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
