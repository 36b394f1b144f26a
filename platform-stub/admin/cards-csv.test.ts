import { describe, expect, test } from "@jest/globals";
import { Random } from "../../host-tests/virtual/world/random.js";
import type { TagEntry } from "../registry.js";
import type { Known } from "./card-rules.js";
import { CSVError, formatCards, parseCards } from "./cards-csv.js";

const OWNER = "owner@cafe.example";
const known: Known = {
  isUser: (email) => email === OWNER,
  ownerOf: (id) => (/^-?cafe-/.test(id) ? OWNER : id === "bar-1" ? "owner@bar.example" : undefined),
  card: () => undefined,
  cards: 0,
};
const HEADER = "tag,owner,label,stations,blocked,maxCurrent,cacheFor";

function mistakesOf(text: string): readonly string[] {
  try {
    parseCards(text, known);
  } catch (error) {
    if (error instanceof CSVError) return error.mistakes;
    throw error;
  }
  return [];
}

const CARDS: TagEntry[] = [
  { tag: "GUEST-0001", owner: OWNER },
  {
    tag: "GUEST-0002",
    owner: OWNER,
    label: 'Žofie, "the" guest',
    stations: ["cafe-1", "cafe-2"],
    blocked: true,
    maxCurrent: 7.5,
    cacheFor: 3600,
  },
  { tag: "GUEST-0003", owner: OWNER, stations: [] },
  { tag: "-1.5", owner: OWNER, stations: ["-cafe-1"] },
  ...["=cmd()", "'=cmd()", "''@x", "+1", "-1", "'", "'quoted'", '=HYPERLINK("x","y")'].map((label, i) => ({
    tag: `TAG-${i}000`,
    owner: OWNER,
    label,
  })),
];

test("what is exported is imported as it was", () => {
  expect(parseCards(formatCards(CARDS), known)).toEqual(CARDS);
});

test("2,000 random labels come back as they were", () => {
  const seed = 31;
  const random = new Random(seed);
  const letters = [..."'=+-@,\"; aé😀"];
  for (let run = 0; run < 2000; run++) {
    const label = Array.from({ length: 1 + random.int(6) }, () => random.pick(letters)).join("");
    const card = { tag: "GUEST-0001", owner: OWNER, label };
    const [back] = parseCards(formatCards([card]), known);
    if (back?.label !== label)
      throw new Error(`seed ${seed}, run ${run}: ${label} came back as ${back?.label}`);
  }
});

test("no cell begins with what a spreadsheet takes for a formula", () => {
  const rows = formatCards(CARDS)
    .replace(/^\uFEFF/, "")
    .split("\r\n");
  for (const line of rows) expect(line).not.toMatch(/(^|,)"?[=+\-@\t\r]/);
});

test("columns may come in another order, and only some of them; Excel's mark and line ends are taken", () => {
  expect(parseCards(`\uFEFFowner,tag\r\n${OWNER},GUEST-0001\r\n\r\n`, known)).toEqual([CARDS[0]]);
  expect(parseCards("tag,owner\n", known)).toEqual([]);
});

test("a column that is not there leaves a card as it is; an empty cell does not", () => {
  const before = { tag: "GUEST-0001", owner: OWNER, label: "Anna", stations: ["cafe-1"], blocked: true };
  const there: Known = { ...known, card: () => before };
  expect(parseCards(`tag,owner\nGUEST-0001,${OWNER}\n`, there)).toEqual([before]);
  const [card] = parseCards(`tag,owner,label,blocked\nGUEST-0001,${OWNER},,no\n`, there);
  expect(card).toEqual({ tag: "GUEST-0001", owner: OWNER, stations: ["cafe-1"] });
});

test("a station that the card was good at before may have changed hands, or be gone", () => {
  const before = { tag: "GUEST-0001", owner: OWNER, stations: ["bar-1", "club-1"] };
  const there: Known = { ...known, card: () => before };
  expect(parseCards(formatCards([{ ...before, blocked: true }]), there)).toEqual([
    { ...before, blocked: true },
  ]);
  const another: Known = { ...there, card: () => ({ ...before, owner: "owner@bar.example" }) };
  expect(() => parseCards(formatCards([before]), another)).toThrow("bar-1 is another owner's station");
});

describe("is refused, with the line:", () => {
  test.each([
    ["nothing", "", "line 1: must be the names"],
    ["an unknown column", `tag,owner,colour\n`, "line 1: must be names of columns"],
    ["a column twice", `tag,owner,tag\n`, "line 1: must be names of columns"],
    ["a column missing", `tag,label\n`, "line 1: must be names of columns"],
    ["semicolons", `tag;owner\nGUEST-0001;${OWNER}\n`, "line 1: must be names of columns"],
    ["a cell too many", `tag,owner\nGUEST-0001,${OWNER},x\n`, "line 2: has more or fewer cells"],
    ["an open quotation mark", `tag,owner\n"GUEST-0001,${OWNER}\n`, "a quotation mark is not closed"],
    ["a tag that is none", `tag,owner\n\nabc,${OWNER}\n`, "line 3: tag: must be 4-64 characters"],
    ["markup for a tag", `tag,owner\n<img onerror=x>,${OWNER}\n`, "line 2: tag: must be 4-64 characters"],
    ["a stranger's card", "tag,owner\nGUEST-0001,who@cafe.example\n", "line 2: owner: is no user here"],
    [
      "an unknown station",
      `tag,owner,stations\nGUEST-0001,${OWNER},club-1\n`,
      "line 2: stations: club-1 is no station here",
    ],
    [
      "another owner's station",
      `tag,owner,stations\nGUEST-0001,${OWNER},cafe-1 bar-1\n`,
      "line 2: stations: bar-1 is another owner's station",
    ],
    [
      "a state that is none",
      `tag,owner,blocked\nGUEST-0001,${OWNER},maybe\n`,
      "line 2: blocked: must be yes or no",
    ],
    ["a current of 5 A", `tag,owner,maxCurrent\nGUEST-0001,${OWNER},5\n`, "line 2: maxCurrent"],
    ["a current of 1e21 A", `tag,owner,maxCurrent\nGUEST-0001,${OWNER},${"9".repeat(21)}\n`, "maxCurrent"],
    ["a number that is none", `tag,owner,cacheFor\nGUEST-0001,${OWNER},0x10\n`, "line 2: cacheFor"],
    [
      "a card twice",
      `tag,owner\nGUEST-0001,${OWNER}\nGUEST-0001,${OWNER}\n`,
      "line 3: tag: stands in the file twice",
    ],
    ["a label of two lines", `tag,owner,label\nGUEST-0001,${OWNER},"a\nb"\n`, "label: must be one line"],
  ])("%s", (_name, text, mistake) => {
    expect(mistakesOf(text)).toEqual([expect.stringContaining(mistake)]);
  });

  test("every mistake, up to 20 of them", () => {
    const rows = Array.from({ length: 30 }, () => `x,${OWNER}`);
    const mistakes = mistakesOf(`tag,owner\n${rows.join("\n")}\n`);
    expect(mistakes).toHaveLength(21);
    expect(mistakes[20]).toBe("and 10 more");
  });

  test("more than 10,000 cards beyond as many as there are", () => {
    const rows = Array.from({ length: 10_001 }, (_, i) => `CARD-${i},${OWNER},,,,,`);
    const text = `${HEADER}\n${rows.join("\n")}\n`;
    expect(mistakesOf(text)).toEqual(["a file has at most 10000 cards"]);
    expect(parseCards(text, { ...known, cards: 1 })).toHaveLength(10_001);
  });
});
