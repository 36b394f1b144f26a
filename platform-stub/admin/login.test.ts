import { describe, expect, test } from "@jest/globals";
import { Registry } from "../registry.js";
import { hashOf, Login, SETTING } from "./login.js";

const PASSWORD = "correct horse";

/** With a hash that is as cheap as may be. */
async function open(now: () => number = () => 0): Promise<Login> {
  const registry = new Registry();
  registry.putSetting(SETTING, await hashOf(PASSWORD, { N: 2, r: 1, p: 1 }));
  return (await Login.open({ registry, now })).login;
}

test("a password that is made is said once, and holds from one start to the next", async () => {
  const registry = new Registry();
  const { login, made } = await Login.open({ registry });
  expect(made).toMatch(/^[a-z2-9]{12}$/);
  expect(await login.attempt(made ?? "")).toMatchObject({ type: "let-in" });
  const again = await Login.open({ registry });
  expect(again.made).toBeUndefined();
  expect(await again.login.attempt(made ?? "")).toMatchObject({ type: "let-in" });
  expect(registry.setting(SETTING)).not.toContain(made);
  const anew = await Login.open({ registry, isForgotten: true });
  expect(anew.made).not.toBe(made);
  expect(await anew.login.attempt(made ?? "")).toEqual({ type: "wrong" });
});

test("a password may be given for one run, and leaves the one of the first start as it is", async () => {
  const registry = new Registry();
  registry.putSetting(SETTING, "stays");
  const { login, made } = await Login.open({ registry, password: PASSWORD });
  expect(made).toBeUndefined();
  expect(await login.attempt(PASSWORD)).toMatchObject({ type: "let-in" });
  expect(registry.setting(SETTING)).toBe("stays");
});

test.each(["short", "x".repeat(129)])("a password %s is refused", async (password) => {
  await expect(Login.open({ registry: new Registry(), password })).rejects.toThrow("8-128 characters");
});

describe("a login", () => {
  test("lasts 12 hours, and ends at once when somebody logs out", async () => {
    let now = 0;
    const login = await open(() => now);
    const result = await login.attempt(PASSWORD);
    const token = result.type === "let-in" ? result.token : "";
    expect(login.isLoggedIn(token)).toBe(true);
    expect(login.isLoggedIn(`${token}x`)).toBe(false);
    expect(login.isLoggedIn(undefined)).toBe(false);
    now = 12 * 3_600_000 - 1;
    expect(login.isLoggedIn(token)).toBe(true);
    now++;
    expect(login.isLoggedIn(token)).toBe(false);
    now = 0;
    login.logOut(token);
    expect(login.isLoggedIn(token)).toBe(false);
  });

  test("slows down after 5 wrong passwords, and takes the right one no sooner", async () => {
    let now = 0;
    const login = await open(() => now);
    for (let i = 0; i < 5; i++) expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    expect(await login.attempt(PASSWORD)).toEqual({ type: "wait", waitMs: 1000 });
    now += 1000;
    expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    now += 1999;
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "wait" });
    now++;
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "let-in" });
    expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "let-in" });
  });

  test("is checked one at a time", async () => {
    const login = await open();
    const [first, second] = await Promise.all([login.attempt(PASSWORD), login.attempt(PASSWORD)]);
    expect(first).toMatchObject({ type: "let-in" });
    expect(second).toMatchObject({ type: "wait" });
  });
});
