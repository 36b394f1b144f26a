import { type BluetoothPackages, HOW_TO_GET_BLUETOOTH, loadBluetoothPackages } from "./packages.js";
import { adapterTransport, type HCITransport } from "./transport.js";

/** A Bluetooth adapter of this machine, for the stacks. */
export interface Adapter {
  readonly packages: BluetoothPackages;
  readonly makeTransport: () => HCITransport;
}

/**
 * Opens an adapter such as `hci0` and closes it again, so that errors are reported before a station or a
 * phone uses it.
 */
export function findAdapter(name: string): Adapter {
  const transport = adapterTransport(name);
  const packages = loadBluetoothPackages();
  if (!packages) throw new Error(HOW_TO_GET_BLUETOOTH);
  if (process.platform !== "linux")
    throw new Error("a real adapter is used on Linux only, where its HCI is open to programs");
  const socket = new packages.HCISocket();
  try {
    socket.bindRaw(transport.stackOptions.deviceId);
    if (!socket.isDevUp()) throw new Error("the adapter is down; bring it up with bluetoothctl power on");
  } catch (error) {
    throw new Error(
      `adapter ${name} cannot be used: ${error instanceof Error ? error.message : "it does not answer"}; ` +
        "is it plugged and powered, and may this process use it (CAP_NET_RAW, or root)?",
    );
  } finally {
    socket.stop();
  }
  return { packages, makeTransport: () => adapterTransport(name) };
}
