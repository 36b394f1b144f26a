import { describe, expect, test } from "@jest/globals";
import { Random } from "../../host-tests/virtual/world/random.js";
import type { CardEntry, TagEntry } from "../entries.js";
import type { Known } from "./card-rules.js";
import { CSVError, formatCards, parseCards } from "./cards-csv.js";

const OWNER = "owner@cafe.example";
const known: Known = {
  isUser: (email) => email === OWNER,
  ownerOf: (id) => (/^-?cafe-/.test(id) ? OWNER : id === "bar-1" ? "owner@bar.example" : undefined),
  card: () => undefined,
  cards: 0,
};
const HEADER = "tag,owner,label,stations,blocked,maxCurrent,cacheFor,accepts";

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
  { tag: "ka5tqgx2m7bd4wzn", owner: OWNER, accepts: "proof" },
  { tag: "ka5tqgx2m7bd4wza", owner: OWNER, accepts: "both" },
  { tag: "-1.5", owner: OWNER, stations: ["-cafe-1"] },
  ...["=cmd()", "'=cmd()", "''@x", "+1", "-1", "'", "'quoted'", '=HYPERLINK("x","y")'].map((label, i) => ({
    tag: `TAG-${i}000`,
    owner: OWNER,
    label,
  })),
];

test("an export is imported without changes", () => {
  expect(parseCards(formatCards(CARDS), known)).toEqual(CARDS);
});

test("2,000 random labels are exported and imported without changes", () => {
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

test("no exported cell begins with a character that starts a formula in a spreadsheet", () => {
  const rows = formatCards(CARDS)
    .replace(/^\uFEFF/, "")
    .split("\r\n");
  for (const line of rows) expect(line).not.toMatch(/(^|,)"?[=+\-@\t\r]/);
});

test.each(["a;=1+1", "=1;+2|-3,@4", "a;'=1", "a;b=c", "'", "x|''@y"])(
  "no part of the exported label %j starts a formula, and the label is imported as it was",
  (label) => {
    const card = { tag: "GUEST-0001", owner: OWNER, label };
    const file = formatCards([card]);
    for (const part of file.split(/[,;|"]/)) expect(part).not.toMatch(/^[=+\-@\t\r]./);
    expect(parseCards(file, known)).toEqual([card]);
  },
);

test("a file may have fewer columns, another order, and Excel's byte order mark and line ends", () => {
  expect(parseCards(`\uFEFFowner,tag\r\n${OWNER},GUEST-0001\r\n\r\n`, known)).toEqual([CARDS[0]]);
  expect(parseCards("tag,owner\n", known)).toEqual([]);
});

test("a missing column keeps a card's field; an empty cell clears it", () => {
  const before = { tag: "GUEST-0001", owner: OWNER, label: "Anna", stations: ["cafe-1"], blocked: true };
  const there: Known = { ...known, card: () => before };
  expect(parseCards(`tag,owner\nGUEST-0001,${OWNER}\n`, there)).toEqual([before]);
  const [card] = parseCards(`tag,owner,label,blocked\nGUEST-0001,${OWNER},,no\n`, there);
  expect(card).toEqual({ tag: "GUEST-0001", owner: OWNER, stations: ["cafe-1"] });
});

test("an export has no secrets, and an import may have them", () => {
  const secret = `${"A".repeat(42)}E`;
  const card: CardEntry = { tag: "ka5tqgx2m7bd4wzn", owner: OWNER, accepts: "proof", secret };
  expect(formatCards([card])).not.toContain(secret);
  const text = (given: string) => `tag,owner,accepts,secret\n${card.tag},${OWNER},proof,${given}\n`;
  expect(parseCards(text(secret), known)).toEqual([card]);
  expect(parseCards(text(""), known)).toEqual([{ ...card, secret: undefined }]);
});

test("a card keeps what it accepts in a file without that column", () => {
  const before: TagEntry = { tag: "ka5tqgx2m7bd4wzn", owner: OWNER, accepts: "proof" };
  expect(parseCards(`tag,owner\n${before.tag},${OWNER}\n`, { ...known, card: () => before })).toEqual([
    before,
  ]);
});

test("a card may keep a station that has another owner now or does not exist", () => {
  const before = { tag: "GUEST-0001", owner: OWNER, stations: ["bar-1", "club-1"] };
  const there: Known = { ...known, card: () => before };
  expect(parseCards(formatCards([{ ...before, blocked: true }]), there)).toEqual([
    { ...before, blocked: true },
  ]);
  const another: Known = { ...there, card: () => ({ ...before, owner: "owner@bar.example" }) };
  expect(() => parseCards(formatCards([before]), another)).toThrow("bar-1 belongs to another owner");
});

describe("a file is refused with the line of the mistake, for", () => {
  test.each([
    ["an empty file", "", "line 1: must contain the column names"],
    ["an unknown column", `tag,owner,colour\n`, "line 1: must contain column names"],
    ["a duplicate column", `tag,owner,tag\n`, "line 1: must contain column names"],
    ["a missing column", `tag,label\n`, "line 1: must contain column names"],
    ["semicolons", `tag;owner\nGUEST-0001;${OWNER}\n`, "line 1: must contain column names"],
    ["a surplus cell", `tag,owner\nGUEST-0001,${OWNER},x\n`, "line 2: has more or fewer cells"],
    ["an open quotation mark", `tag,owner\n"GUEST-0001,${OWNER}\n`, "a quotation mark is not closed"],
    ["an invalid tag", `tag,owner\n\nabc,${OWNER}\n`, "line 3: tag: must be 4-64 characters"],
    ["a tag with markup", `tag,owner\n<img onerror=x>,${OWNER}\n`, "line 2: tag: must be 4-64 characters"],
    ["an unknown owner", "tag,owner\nGUEST-0001,who@cafe.example\n", "line 2: owner: is not a user"],
    [
      "an unknown station",
      `tag,owner,stations\nGUEST-0001,${OWNER},club-1\n`,
      "line 2: stations: club-1 is not a station of this platform",
    ],
    [
      "another owner's station",
      `tag,owner,stations\nGUEST-0001,${OWNER},cafe-1 bar-1\n`,
      "line 2: stations: bar-1 belongs to another owner",
    ],
    [
      "an invalid state",
      `tag,owner,blocked\nGUEST-0001,${OWNER},maybe\n`,
      "line 2: blocked: must be yes or no",
    ],
    [
      "an unknown presentation",
      `tag,owner,accepts\nGUEST-0001,${OWNER},magic\n`,
      "line 2: accepts: must be static, proof or both",
    ],
    [
      "a card that accepts proofs and has a number of its own",
      `tag,owner,accepts\nGUEST-0001,${OWNER},both\n`,
      "line 2: tag: a card that accepts proofs needs a number of 16 characters of a-z 2-7",
    ],
    [
      "a secret of a card that accepts no proofs",
      `tag,owner,secret\nGUEST-0001,${OWNER},${"A".repeat(43)}\n`,
      "line 2: secret: a card that accepts no proofs has no secret",
    ],
    [
      "a short secret",
      `tag,owner,accepts,secret\nka5tqgx2m7bd4wzn,${OWNER},both,AAAA\n`,
      "line 2: secret: must be 32 bytes in base64url, 43 characters",
    ],
    ["a current of 5 A", `tag,owner,maxCurrent\nGUEST-0001,${OWNER},5\n`, "line 2: maxCurrent"],
    ["a current of 1e21 A", `tag,owner,maxCurrent\nGUEST-0001,${OWNER},${"9".repeat(21)}\n`, "maxCurrent"],
    ["an invalid number", `tag,owner,cacheFor\nGUEST-0001,${OWNER},0x10\n`, "line 2: cacheFor"],
    [
      "a duplicate card",
      `tag,owner\nGUEST-0001,${OWNER}\nGUEST-0001,${OWNER}\n`,
      "line 3: tag: appears twice in the file",
    ],
    ["a label of two lines", `tag,owner,label\nGUEST-0001,${OWNER},"a\nb"\n`, "label: must be one line"],
  ])("%s", (_name, text, mistake) => {
    expect(mistakesOf(text)).toEqual([expect.stringContaining(mistake)]);
  });

  test("30 mistakes, of which 20 are reported", () => {
    const rows = Array.from({ length: 30 }, () => `x,${OWNER}`);
    const mistakes = mistakesOf(`tag,owner\n${rows.join("\n")}\n`);
    expect(mistakes).toHaveLength(21);
    expect(mistakes[20]).toBe("and 10 more");
  });

  test("more than 10,000 cards beyond the existing ones", () => {
    const rows = Array.from({ length: 10_001 }, (_, i) => `CARD-${i},${OWNER},,,,,,`);
    const text = `${HEADER}\n${rows.join("\n")}\n`;
    expect(mistakesOf(text)).toEqual(["a file may have at most 10000 cards"]);
    expect(parseCards(text, { ...known, cards: 1 })).toHaveLength(10_001);
  });
});
