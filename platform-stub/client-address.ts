import { isIPv6 } from "node:net";

/** Number of the groups of an IPv6 address that a provider assigns to one customer (RFC 6177: at least a /64). */
const NETWORK_GROUPS = 4;

/** Name of a client's address for limits: the IPv4 address, or the /64 network of an IPv6 address. */
export function clientAddressOf(address: string | undefined): string {
  const text = (address ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(text)) return text;
  const [head = "", tail] = text.replace(/%.*$/, "").split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: Math.max(0, zeros) }, () => "0"), ...right];
  return `${groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
