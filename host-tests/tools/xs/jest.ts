/** Minimal jest for an engine that has only the language. jest.test.ts compares it with the original. */

type Body = () => void | Promise<void>;

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly after: Body[];
}

interface Test {
  readonly name: string;
  readonly suites: readonly Suite[];
  readonly body: Body;
}

export interface TestOutcome {
  readonly name: string;
  /** Undefined for a passed test. */
  readonly error?: string;
}

let suites: Suite[] = [{ name: "", before: [], after: [] }];
let tests: Test[] = [];

export function describe(name: string, define: () => void): void {
  suites = [...suites, { name, before: [], after: [] }];
  define();
  suites = suites.slice(0, -1);
}

/** Names of tests that take an interpreter too long, set by the host. */
const { tooLong = [] } = globalThis as { tooLong?: readonly string[] };

export function test(name: string, body: Body): void {
  if (tooLong.includes(name)) return;
  const path = [...suites.map((suite) => suite.name), name].filter((part) => part !== "");
  tests.push({ name: path.join(" › "), suites, body });
}

export function beforeEach(body: Body): void {
  suites.at(-1)?.before.push(body);
}

export function afterEach(body: Body): void {
  suites.at(-1)?.after.push(body);
}

type Row = readonly unknown[];

/** Implements `test.each`. `%s` takes the row's values in order. */
function each(define: (name: string, body: Body) => void) {
  return (rows: readonly unknown[]) =>
    (name: string, body: (...values: unknown[]) => void | Promise<void>) => {
      for (const row of rows) {
        const values: Row = Array.isArray(row) ? row : [row];
        let next = 0;
        define(
          name.replace(/%[spidj]/g, () => String(values[next++])),
          () => body(...values),
        );
      }
    };
}

test.each = each(test);
describe.each = each(describe);

/** Runs the tests defined since the last call, in order. */
export async function runTests(): Promise<TestOutcome[]> {
  const outcomes: TestOutcome[] = [];
  for (const { name, suites: around, body } of tests) {
    const error = await runTest(around, body);
    outcomes.push(error === undefined ? { name } : { name, error });
  }
  tests = [];
  return outcomes;
}

async function runTest(around: readonly Suite[], body: Body): Promise<string | undefined> {
  try {
    for (const suite of around) for (const before of suite.before) await before();
    try {
      await body();
    } finally {
      for (const suite of [...around].reverse()) for (const after of suite.after) await after();
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** Asymmetric matcher: accepts every value for which `matches` is true. */
class Asymmetric {
  readonly matches: (value: unknown) => boolean;
  readonly text: string;

  constructor(text: string, matches: (value: unknown) => boolean) {
    this.text = text;
    this.matches = matches;
  }

  toJSON(): string {
    return this.text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Implements the equality of jest's `toEqual`, and with `isSubset` that of `toMatchObject`. */
function equals(actual: unknown, expected: unknown, isSubset = false): boolean {
  if (expected instanceof Asymmetric) return expected.matches(actual);
  if (Object.is(actual, expected)) return true;
  if (!isObject(actual) || !isObject(expected)) return false;
  if (Object.prototype.toString.call(actual) !== Object.prototype.toString.call(expected)) return false;
  if (actual instanceof Error) return actual.message === (expected as unknown as Error).message;
  if (actual instanceof ArrayBuffer) {
    return equals(new Uint8Array(actual), new Uint8Array(expected as unknown as ArrayBuffer));
  }
  if (actual instanceof Map) return equals([...actual], [...(expected as unknown as Map<unknown, unknown>)]);
  if (actual instanceof Set) return isSameSet(actual, expected as unknown as Set<unknown>);
  if (Array.isArray(actual) || ArrayBuffer.isView(actual)) {
    const one = actual as unknown as ArrayLike<unknown>;
    const other = expected as unknown as ArrayLike<unknown>;
    if (one.length !== other.length) return false;
    return Array.from(one).every((value, i) => equals(value, other[i], isSubset));
  }
  const keys = isSubset ? Object.keys(expected) : Object.keys({ ...actual, ...expected });
  return keys.every(
    (key) => (!isSubset || Object.hasOwn(actual, key)) && equals(actual[key], expected[key], isSubset),
  );
}

function isSameSet(actual: Set<unknown>, expected: Set<unknown>): boolean {
  const others = [...expected];
  return (
    actual.size === expected.size && [...actual].every((one) => others.some((other) => equals(one, other)))
  );
}

function contains(actual: unknown, part: unknown): boolean {
  if (typeof actual === "string") return actual.includes(String(part));
  return [...(actual as Iterable<unknown>)].includes(part);
}

function matches(actual: unknown, pattern: RegExp | string): boolean {
  return typeof pattern === "string" ? String(actual).includes(pattern) : pattern.test(String(actual));
}

type Thrown = { readonly error: unknown } | undefined;

function thrownBy(run: unknown): Thrown {
  try {
    (run as () => void)();
    return undefined;
  } catch (error) {
    return { error };
  }
}

function isThrown(thrown: Thrown, expected: unknown): boolean {
  if (!thrown || expected === undefined) return thrown !== undefined;
  const { error } = thrown;
  if (typeof expected === "function") return error instanceof (expected as new () => Error);
  const message = error instanceof Error ? error.message : String(error);
  if (expected instanceof Error) return message === expected.message;
  return matches(message, expected as RegExp | string);
}

const MATCHERS = {
  toBe: (actual: unknown, expected: unknown) => Object.is(actual, expected),
  toEqual: (actual: unknown, expected: unknown) => equals(actual, expected),
  toMatchObject: (actual: unknown, expected: unknown) => isObject(actual) && equals(actual, expected, true),
  toBeUndefined: (actual: unknown) => actual === undefined,
  toBeDefined: (actual: unknown) => actual !== undefined,
  toHaveLength: (actual: unknown, length: unknown) => (actual as ArrayLike<unknown>).length === length,
  toContain: contains,
  toContainEqual: (actual: unknown, part: unknown) =>
    [...(actual as Iterable<unknown>)].some((one) => equals(one, part)),
  toMatch: (actual: unknown, pattern: unknown) => matches(actual, pattern as RegExp | string),
  toBeGreaterThan: (actual: unknown, bound: unknown) => (actual as number) > (bound as number),
  toBeGreaterThanOrEqual: (actual: unknown, bound: unknown) => (actual as number) >= (bound as number),
  toBeLessThan: (actual: unknown, bound: unknown) => (actual as number) < (bound as number),
  toBeLessThanOrEqual: (actual: unknown, bound: unknown) => (actual as number) <= (bound as number),
  toThrow: (actual: unknown, expected: unknown) => isThrown(thrownBy(actual), expected),
} as const;

type Matchers = { readonly [name in keyof typeof MATCHERS]: (expected?: unknown) => void };

function assertions(actual: unknown, isNegated: boolean): Matchers {
  const checks = Object.entries(MATCHERS).map(([name, holds]) => {
    const check = (expected?: unknown) => {
      if (holds(actual, expected) !== isNegated) return;
      const not = isNegated ? "not." : "";
      throw new Error(`expected ${show(actual)} ${not}${name} ${show(expected)}`);
    };
    return [name, check];
  });
  return Object.fromEntries(checks) as Matchers;
}

function show(value: unknown): string {
  if (typeof value === "function" || value instanceof RegExp) return String(value);
  if (value instanceof Error) return value.message;
  return JSON.stringify(ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value) ?? "undefined";
}

export function expect(actual: unknown) {
  const rejects = {
    async toThrow(expected?: unknown): Promise<void> {
      let thrown: Thrown;
      try {
        await actual;
      } catch (error) {
        thrown = { error };
      }
      if (!isThrown(thrown, expected)) throw new Error(`expected a rejection ${show(expected)}`);
    },
  };
  return { ...assertions(actual, false), not: assertions(actual, true), rejects };
}

expect.any = (type: unknown) =>
  new Asymmetric("any", (value) => {
    if (type === Number) return typeof value === "number";
    if (type === String) return typeof value === "string";
    return value instanceof (type as new () => object);
  });
expect.stringContaining = (part: string) =>
  new Asymmetric(`text with ${part}`, (value) => typeof value === "string" && value.includes(part));
expect.stringMatching = (pattern: RegExp) =>
  new Asymmetric(`text like ${pattern}`, (value) => typeof value === "string" && pattern.test(value));
expect.objectContaining = (part: object) =>
  new Asymmetric(
    `object with ${JSON.stringify(part)}`,
    (value) => isObject(value) && equals(value, part, true),
  );
