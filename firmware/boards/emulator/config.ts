/** Configuration of the emulated chip, in addition to that of a board. */
export const EMULATOR_CONFIG = Object.freeze({
  /**
   * Public key of its releases. The private half is in this repository (host-tests/virtual/world/signer.ts): no board may
   * have it.
   */
  updateKey: "ab978cb4d357fc89e9e4892b0d0ed287d91c44fc90c365cb4bbdf4796138fa7c",
  /** Address that `npm run emulate -- --firmware-port` forwards to a port of the computer. */
  updateServer: "http://10.0.2.100",
});
