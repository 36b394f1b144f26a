import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { CONNECTION_FAILURES, FAULTS } from "../../../modules/faults/catalogue.js";
import { faultTexts } from "../../../modules/web/panel/fault-texts.js";
import { faultsDocument } from "../../../scripts/faults/document.js";
import { ROOT } from "../../tools/imports.js";

const CODES = [...Object.keys(FAULTS), ...Object.keys(CONNECTION_FAILURES)].sort();

test("docs/faults.md is up to date; `npm run faults` writes it", () => {
  expect(readFileSync(join(ROOT, "docs/faults.md"), "utf8")).toBe(faultsDocument());
});

test("fault texts exist in the panel's languages", async () => {
  const { translations } = await import(join(ROOT, "modules/web/panel/translations.js"));
  expect(Object.keys(faultTexts).sort()).toEqual(["en", ...Object.keys(translations)].sort());
});

test.each(Object.entries(faultTexts))(
  "the language %s has two sentences for each code",
  (_language, texts) => {
    expect(Object.keys(texts).sort()).toEqual(CODES);
    for (const sentences of Object.values(texts)) {
      expect(sentences).toHaveLength(2);
      for (const sentence of sentences) expect(sentence).toMatch(/^\p{Lu}.*\.$/u);
    }
  },
);

test("a translated text differs from the English one", () => {
  const { en, ...others } = faultTexts;
  for (const texts of Object.values(others)) {
    for (const code of Object.keys(FAULTS) as (keyof typeof FAULTS)[]) {
      expect(texts[code]).not.toEqual(en[code]);
    }
  }
});

test("codes are words in lower case, so that `<code>: <text>` can be split at its first colon", () => {
  for (const code of CODES) expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
});
