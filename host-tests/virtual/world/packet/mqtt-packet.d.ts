/** Types of the bundle that scripts/bundle-mqtt-packet.js makes of all of npm's mqtt-packet. */

export * from "../../../../modules/mqtt/packet/mqtt-packet.js";
