/**
 * Layers of the project and the allowed imports between them (docs/architecture.md). `npm run check` enforces them.
 *
 *   suites → tools → virtual → firmware → modules;  platform-stub → modules
 */

const TEST = "\\.test\\.ts$";
/** Files that run on the chip, except those that use the SDK. */
const CHIP = "^(modules/|firmware/(?!boards/|main\\.ts$))";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment:
        "Files must not import each other: let the lower one declare what it needs, or move the shared part.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "imports-resolve",
      comment: "A relative import must name an existing file.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, path: "^\\.{1,2}/" },
    },
    {
      name: "modules-only-modules",
      comment: "A module receives hardware, time and libraries by injection; it imports only modules.",
      severity: "error",
      from: { path: "^modules/", pathNot: TEST },
      to: { pathNot: "^modules/" },
    },
    {
      name: "modules-by-their-index",
      comment: "A module imports another module only by its index.js.",
      severity: "error",
      from: { path: "^modules/([^/]+)/", pathNot: TEST },
      to: { path: "^modules/", pathNot: ["^modules/$1/", "^modules/[^/]+/index\\.ts$"] },
    },
    {
      name: "firmware-only-modules",
      comment: "The firmware imports only firmware and modules; boards/ provides the SDK.",
      severity: "error",
      from: { path: CHIP, pathNot: [TEST, "^modules/"] },
      to: { pathNot: "^(firmware|modules)/" },
    },
    {
      name: "firmware-by-the-index",
      comment: "The firmware imports a module only by its index.js.",
      severity: "error",
      from: { path: "^firmware/(?!boards/)", pathNot: TEST },
      to: { path: "^modules/", pathNot: "^modules/[^/]+/index\\.ts$" },
    },
    {
      name: "boards-only-from-the-entry",
      comment: "Only the entries (main.ts, main-….ts, start.ts) may import a board.",
      severity: "error",
      from: {
        path: "^(firmware|modules)/",
        pathNot: ["^firmware/boards/", "^firmware/(main|main-emulator|main-ethernet|start)\\.ts$", TEST],
      },
      to: { path: "^firmware/boards/" },
    },
    {
      name: "nothing-imports-suites",
      comment: "Allowed imports of host-tests: suites → tools → virtual.",
      severity: "error",
      from: { pathNot: ["^host-tests/suites/", TEST] },
      to: { path: "^host-tests/suites/" },
    },
    {
      name: "virtual-imports-no-tools",
      comment: "Allowed imports of host-tests: suites → tools → virtual → firmware, modules.",
      severity: "error",
      from: { path: "^host-tests/virtual/" },
      to: { path: "^(host-tests/tools|platform-stub|scripts)/" },
    },
    {
      name: "virtual-needs-no-node",
      comment:
        "Board, world and radio run on bare XS: allowed are @noble's cryptography, and the phone of docs/station.ts.",
      severity: "error",
      from: { path: "^host-tests/virtual/(board|world|radio)/|^host-tests/virtual/scene\\.ts$" },
      to: {
        pathNot: ["^(host-tests/virtual|firmware|modules)/", "^node_modules/@noble/", "^docs/station\\.ts$"],
      },
    },
    {
      name: "no-jest-below-suites",
      comment:
        "Virtual hardware and tools are not tests: tests belong into suites, or beside the tested file.",
      severity: "error",
      from: { pathNot: ["^host-tests/suites/", TEST] },
      to: { path: "@jest/globals|^node_modules/jest" },
    },
    {
      name: "product-imports-no-tests",
      comment: "Firmware, modules and platform must not depend on tests or build scripts.",
      severity: "error",
      from: { path: "^(firmware|modules|platform-stub)/", pathNot: TEST },
      to: { path: "^(host-tests|scripts)/" },
    },
    {
      name: "platform-imports-modules",
      comment:
        "The platform stub is a template for other platforms: it shares wire formats (modules) with the firmware only.",
      severity: "error",
      from: { path: "^platform-stub/", pathNot: TEST },
      to: { path: "^firmware/" },
    },
    {
      name: "web-imports-no-pairing",
      comment: "The HTTP API is the lower module; pairing adds its routes to it.",
      severity: "error",
      from: { path: "^modules/web/" },
      to: { path: "^modules/pairing/" },
    },
  ],
  options: {
    parser: "swc",
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(build|coverage)/" },
  },
};
