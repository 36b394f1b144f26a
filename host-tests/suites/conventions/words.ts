/** Patterns that the project's English does without; each one says what to write in its place. */

export interface WordRule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly advice: string;
}

export interface WordFinding {
  /** From the project's root. */
  readonly file: string;
  /** 1 for the first. */
  readonly line: number;
  readonly rule: string;
  readonly text: string;
}

/** For comments and for the names of tests. */
export const WORD_RULES: readonly WordRule[] = [
  {
    name: "unnamed person",
    pattern: /\b(somebody|nobody|whoever|anybody|everybody)\b/i,
    advice: "name the role: station, platform, owner, driver, phone, central, caller",
  },
  {
    name: "is none",
    pattern: /\b(is|are|was|were) none\b/i,
    advice: "say that there is no such thing, or what is missing",
  },
  { name: "as often", pattern: /\bas often\b/i, advice: "state the interval and its unit" },
];

/** For docstrings alone. */
export const DOCSTRING_RULES: readonly WordRule[] = [
  {
    name: "docstring without a subject",
    pattern: /^\/\*\*\s*(\*\s*)?(What|Of|Who)\b/,
    advice: "say what the thing is or does",
  },
  {
    name: "docstring of several declarations",
    pattern: /[,;]\s*\*\/$/,
    advice: "one declaration, one docstring that is complete by itself",
  },
];

const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const TEST_NAME = /\b(?:describe|test|it)(?:\.\w+(?:\([^()]*\))?)*\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Looks through the comments and test names of one TypeScript or JavaScript source. */
export function findWords(file: string, source: string): WordFinding[] {
  const findings: WordFinding[] = [];
  const check = (text: string, index: number, rules: readonly WordRule[]) => {
    for (const { name, pattern } of rules) {
      const match = pattern.exec(text);
      if (!match) continue;
      const line = source.slice(0, index + match.index).split("\n").length;
      findings.push({ file, line, rule: name, text: lineAround(text, match.index) });
    }
  };
  for (const match of source.matchAll(COMMENT)) {
    const [comment] = match;
    check(comment, match.index, WORD_RULES);
    if (comment.startsWith("/**")) check(comment, match.index, DOCSTRING_RULES);
  }
  for (const match of source.matchAll(TEST_NAME)) check(match[2] ?? "", match.index, WORD_RULES);
  return findings;
}

function lineAround(text: string, index: number): string {
  const start = text.lastIndexOf("\n", index) + 1;
  const end = text.indexOf("\n", index);
  return text.slice(start, end < 0 ? undefined : end).trim();
}
