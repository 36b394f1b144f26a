import mqtt, { type IClientOptions, type MqttClient } from "mqtt";

/**
 * Connects to the broker at `mqtt://[user:password@]host:port` or `mqtts://…`. Rejects if the first attempt fails. The
 * library would parse the URL with `url.parse`, for which Node 24 prints a warning.
 */
export function connectToBroker(url: string, options: IClientOptions): Promise<MqttClient> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const account = username
    ? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    : undefined;
  return mqtt.connectAsync(
    "",
    {
      ...options,
      ...account,
      protocol: protocol === "mqtts:" ? "mqtts" : "mqtt",
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? undefined : Number(port),
    },
    false,
  );
}
