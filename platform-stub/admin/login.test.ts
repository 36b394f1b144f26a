import { describe, expect, test } from "@jest/globals";
import { Registry } from "../registry.js";
import { hashOf, Login, SETTING } from "./login.js";

const PASSWORD = "correct horse";

/** A login with the cheapest possible hash. */
async function open(now: () => number = () => 0): Promise<Login> {
  const registry = new Registry();
  registry.putSetting(SETTING, await hashOf(PASSWORD, { N: 2, r: 1, p: 1 }));
  return (await Login.open({ registry, now })).login;
}

test("a generated password is returned once and stays valid across restarts", async () => {
  const registry = new Registry();
  const { login, made } = await Login.open({ registry });
  expect(made).toMatch(/^[a-z2-9]{12}$/);
  expect(await login.attempt(made ?? "")).toMatchObject({ type: "accepted" });
  const again = await Login.open({ registry });
  expect(again.made).toBeUndefined();
  expect(await again.login.attempt(made ?? "")).toMatchObject({ type: "accepted" });
  expect(registry.setting(SETTING)).not.toContain(made);
  const anew = await Login.open({ registry, isForgotten: true });
  expect(anew.made).not.toBe(made);
  expect(await anew.login.attempt(made ?? "")).toEqual({ type: "wrong" });
});

test("a password for one run does not change the stored one", async () => {
  const registry = new Registry();
  registry.putSetting(SETTING, "stays");
  const { login, made } = await Login.open({ registry, password: PASSWORD });
  expect(made).toBeUndefined();
  expect(await login.attempt(PASSWORD)).toMatchObject({ type: "accepted" });
  expect(registry.setting(SETTING)).toBe("stays");
});

test.each(["short", "x".repeat(129)])("the password %s is refused for its length", async (password) => {
  await expect(Login.open({ registry: new Registry(), password })).rejects.toThrow("8-128 characters");
});

describe("a login", () => {
  test("lasts 12 hours and ends at once on logout", async () => {
    let now = 0;
    const login = await open(() => now);
    const result = await login.attempt(PASSWORD);
    const token = result.type === "accepted" ? result.token : "";
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

  test("requires a wait after 5 wrong passwords, also for the right one", async () => {
    let now = 0;
    const login = await open(() => now);
    for (let i = 0; i < 5; i++) expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    expect(await login.attempt(PASSWORD)).toEqual({ type: "wait", waitMs: 1000 });
    now += 1000;
    expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    now += 1999;
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "wait" });
    now++;
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "accepted" });
    expect(await login.attempt("wrong")).toEqual({ type: "wrong" });
    expect(await login.attempt(PASSWORD)).toMatchObject({ type: "accepted" });
  });

  test("slows down only the address of the wrong passwords", async () => {
    const login = await open();
    for (let i = 0; i < 5; i++) await login.attempt("wrong", "192.0.2.1");
    expect(await login.attempt(PASSWORD, "192.0.2.1")).toMatchObject({ type: "wait" });
    expect(await login.attempt(PASSWORD, "192.0.2.2")).toMatchObject({ type: "accepted" });
    expect(await login.attempt(PASSWORD, "192.0.2.1")).toMatchObject({ type: "wait" });
  });

  test("is refused with a wait while another password is checked", async () => {
    const login = await open();
    const [first, second] = await Promise.all([login.attempt(PASSWORD), login.attempt(PASSWORD)]);
    expect(first).toMatchObject({ type: "accepted" });
    expect(second).toMatchObject({ type: "wait" });
  });
});
