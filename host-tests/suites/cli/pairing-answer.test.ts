import { expect, test } from "@jest/globals";
import { refusalSentence } from "../../tools/cli/pairing-answer.js";

test("refusalSentence returns nothing for accepted parameters", () => {
  expect(refusalSentence({ status: 200, body: "OK", hasLogin: false })).toBeUndefined();
});

test.each([
  [
    401,
    "",
    false,
    "the station has an owner, so pairing needs its admin password; set PLUGPASS_ADMIN_PASSWORD",
  ],
  [
    401,
    "",
    true,
    "the station refused the admin password in PLUGPASS_ADMIN_PASSWORD or --admin-password-file",
  ],
  [403, "the station is not in pairing mode", false, "not in pairing mode; hold its button for 5 s"],
  [403, "password-initial: change the admin password first", true, "change the admin password first"],
  [409, "host is built in or provisioned; give the same value", true, "give the same value with --broker"],
  [409, "other", true, "the station refused: other"],
  [500, "the station cannot store", true, "the station answered 500: the station cannot store"],
])("refusalSentence of status %i with the text '%s' says what to do", (status, body, hasLogin, sentence) => {
  expect(refusalSentence({ status, body, hasLogin })).toContain(sentence);
});
