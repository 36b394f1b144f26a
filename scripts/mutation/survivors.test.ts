import { describe, expect, test } from "@jest/globals";
import { compareSurvivors, type MutationReport, survivorsOf } from "./survivors.js";

const SOURCE = `function f(a) {
  return a > 1 &&
    a < 3;
}
`;

function reportOf(status: string, replacement = "a >= 1", end = { line: 2, column: 15 }): MutationReport {
  const mutant = { status, replacement, location: { start: { line: 2, column: 10 }, end } };
  return { files: { "f.ts": { source: SOURCE, mutants: [mutant] } } };
}

const SURVIVOR = { file: "f.ts", original: "return a > 1 &&", mutated: "return a >= 1 &&" };
const WHY = "a is never 1";

describe("survivorsOf", () => {
  test.each(["Survived", "NoCoverage", "RuntimeError"])(
    "returns a mutant that is %s, by its text",
    (status) => {
      expect(survivorsOf(reportOf(status))).toEqual([SURVIVOR]);
    },
  );

  test.each(["Killed", "Timeout", "CompileError", "Ignored"])("leaves out a mutant that is %s", (status) => {
    expect(survivorsOf(reportOf(status))).toEqual([]);
  });

  test("joins the lines of a mutant that spans several", () => {
    expect(survivorsOf(reportOf("Survived", "true", { line: 3, column: 10 }))).toEqual([
      { file: "f.ts", original: "return a > 1 && a < 3;", mutated: "return true;" },
    ]);
  });
});

describe("compareSurvivors", () => {
  test("accepts a survivor that is explained", () => {
    expect(compareSurvivors([SURVIVOR], [{ ...SURVIVOR, why: WHY }])).toEqual([]);
  });

  test("names a survivor that is not explained", () => {
    const [problem] = compareSurvivors([SURVIVOR], []);
    expect(problem).toContain("no test detects this mutant");
    expect(problem).toContain("f.ts\n  - return a > 1 &&\n  + return a >= 1 &&");
  });

  test.each(["file", "original", "mutated"] as const)("distinguishes survivors by their %s", (field) => {
    const other = { ...SURVIVOR, [field]: "other", why: WHY };
    expect(compareSurvivors([SURVIVOR], [other])).toHaveLength(2);
  });

  test("names an explanation of a mutant that does not survive", () => {
    const [problem] = compareSurvivors([], [{ ...SURVIVOR, why: WHY }]);
    expect(problem).toContain("remove its explanation");
  });
});
