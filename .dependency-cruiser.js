/**
 * The layers of the project, and who may import whom (docs/architecture.md). `npm run check` enforces it.
 *
 *   suites → tools → virtual → firmware → modules;  platform-stub → modules
 */

const TEST = "\\.test\\.ts$";
/** What runs on the chip, without what joins it to the SDK. */
const CHIP = "^(modules/|firmware/(?!boards/|main\\.ts$))";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment:
        "Files that import each other are one file in pieces: name what the lower one needs, or move it.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "imports-resolve",
      comment: "A relative import names a file that is there.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, path: "^\\.{1,2}/" },
    },
    {
      name: "modules-only-modules",
      comment: "Modules get hardware, time and libraries by injection: they import modules only.",
      severity: "error",
      from: { path: "^modules/", pathNot: TEST },
      to: { pathNot: "^modules/" },
    },
    {
      name: "modules-by-their-index",
      comment: "Another module is imported by its index.js.",
      severity: "error",
      from: { path: "^modules/([^/]+)/", pathNot: TEST },
      to: { path: "^modules/", pathNot: ["^modules/$1/", "^modules/[^/]+/index\\.ts$"] },
    },
    {
      name: "firmware-only-modules",
      comment: "The firmware imports itself and modules, and of the SDK only what boards/ gives it.",
      severity: "error",
      from: { path: CHIP, pathNot: [TEST, "^modules/"] },
      to: { pathNot: "^(firmware|modules)/" },
    },
    {
      name: "firmware-by-the-index",
      comment: "The firmware imports a module by its index.js.",
      severity: "error",
      from: { path: "^firmware/(?!boards/)", pathNot: TEST },
      to: { path: "^modules/", pathNot: "^modules/[^/]+/index\\.ts$" },
    },
    {
      name: "boards-only-from-the-entry",
      comment: "Only main.ts and start.ts know which board there is.",
      severity: "error",
      from: {
        path: "^(firmware|modules)/",
        pathNot: ["^firmware/boards/", "^firmware/(main|start)\\.ts$", TEST],
      },
      to: { path: "^firmware/boards/" },
    },
    {
      name: "nothing-imports-suites",
      comment: "Arrows of host-tests: suites → tools → virtual.",
      severity: "error",
      from: { pathNot: ["^host-tests/suites/", TEST] },
      to: { path: "^host-tests/suites/" },
    },
    {
      name: "virtual-imports-no-tools",
      comment: "Arrows of host-tests: suites → tools → virtual → firmware, modules.",
      severity: "error",
      from: { path: "^host-tests/virtual/" },
      to: { path: "^(host-tests/tools|platform-stub|scripts)/" },
    },
    {
      name: "virtual-needs-no-node",
      comment: "Board, world and radio run on bare XS: no library but @noble's cryptography.",
      severity: "error",
      from: { path: "^host-tests/virtual/(board|world|radio)/|^host-tests/virtual/scene\\.ts$" },
      to: { pathNot: ["^(host-tests/virtual|firmware|modules)/", "^node_modules/@noble/"] },
    },
    {
      name: "no-jest-below-suites",
      comment:
        "The virtual hardware and the tools are for others, too: tests are in suites, or beside their subject.",
      severity: "error",
      from: { pathNot: ["^host-tests/suites/", TEST] },
      to: { path: "@jest/globals|^node_modules/jest" },
    },
    {
      name: "product-imports-no-tests",
      comment: "Firmware, modules and platform do not know how they are tested or built.",
      severity: "error",
      from: { path: "^(firmware|modules|platform-stub)/", pathNot: TEST },
      to: { path: "^(host-tests|scripts)/" },
    },
    {
      name: "platform-imports-modules",
      comment:
        "The platform stub is good to copy from: it takes wire formats from modules, and nothing of the firmware.",
      severity: "error",
      from: { path: "^platform-stub/", pathNot: TEST },
      to: { path: "^firmware/" },
    },
    {
      name: "web-knows-no-pairing",
      comment: "The HTTP API is the lower module: pairing adds its routes.",
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
