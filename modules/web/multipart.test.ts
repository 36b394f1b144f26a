import { describe, expect, test } from "@jest/globals";
import { FUZZ_RUNS, Random } from "../../host-tests/virtual/world/random.js";
import { concatBytes, decodeUTF8, encodeUTF8 } from "../bytes/index.js";
import { boundaryOf, MultipartReader } from "./multipart.js";

const BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
type Bytes = Uint8Array<ArrayBuffer>;

function part(name: string, content: string | Bytes, more = ""): Bytes {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  return concatBytes(
    encodeUTF8(head),
    typeof content === "string" ? encodeUTF8(content) : content,
    encodeUTF8("\r\n"),
  );
}

const END = encodeUTF8(`--${BOUNDARY}--\r\n`);

function read(form: Bytes, pieceBytes = form.length) {
  const parts = new Map<string, Bytes>();
  const reader = new MultipartReader(BOUNDARY, {
    onContent: (name, bytes) => parts.set(name, concatBytes(parts.get(name) ?? new Uint8Array(0), bytes)),
  });
  let problem: string | undefined;
  for (let at = 0; at < form.length && !problem; at += pieceBytes) {
    problem = reader.push(form.slice(at, at + pieceBytes));
  }
  return { problem: problem ?? reader.finish(), parts };
}

describe("MultipartReader", () => {
  /** Content with every near miss of a delimiter. */
  const content = concatBytes(
    encodeUTF8(`\r\n--${BOUNDARY.slice(0, -1)}\r\n\r\r\n--\r`),
    Uint8Array.from({ length: 256 }, (_, i) => i),
    encodeUTF8(`--${BOUNDARY}\r`),
  );

  test.each([1, 2, 3, 7, 50, 10_000])("splits a form in pieces of %d bytes into its parts", (pieceBytes) => {
    const form = concatBytes(
      encodeUTF8("This is a preamble.\r\n"),
      part("note", ""),
      part("file", content, '; filename="a\\"b.bin"\r\nContent-Type: application/octet-stream'),
      part("after", "x"),
      END,
      encodeUTF8("and an epilogue"),
    );
    const { problem, parts } = read(form, pieceBytes);
    expect(problem).toBeUndefined();
    expect([...parts.keys()]).toEqual(["file", "after"]);
    expect(parts.get("file")).toEqual(content);
    expect(decodeUTF8(parts.get("after") ?? END)).toBe("x");
  });

  test("accepts blanks after a boundary", () => {
    const form = encodeUTF8(`--${BOUNDARY} \t\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n`);
    expect([...read(concatBytes(form, END), 1).parts.keys()]).toEqual(["a"]);
  });

  test.each<[string, string]>([
    ["a form that ends in a part", `--${BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n\r\nb`],
    ["an empty form", ""],
    ["a form with another boundary", "--x\r\n\r\n--x--\r\n"],
    ["other text after a boundary", `--${BOUNDARY}x\r\n`],
    ["a part without a name", `--${BOUNDARY}\r\nX: y\r\n\r\nb\r\n--${BOUNDARY}--`],
    ["a part with endless headers", `--${BOUNDARY}\r\nX: ${"y".repeat(2000)}`],
  ])("rejects %s", (_name, form) => {
    expect(read(encodeUTF8(form)).problem).toBeDefined();
    expect(read(encodeUTF8(form), 1).problem).toBeDefined();
  });

  test("ignores further bytes after an error", () => {
    const reader = new MultipartReader("x", {
      onContent: () => {
        throw new Error("unexpected content");
      },
    });
    expect(reader.push(encodeUTF8("--xx"))).toContain("followed by other text");
    expect(reader.push(part("a", "b"))).toContain("followed by other text");
  });

  test(`${FUZZ_RUNS} random forms throw nothing and have the same result in any pieces`, () => {
    const seed = 7578;
    const random = new Random(seed);
    const words = [
      "\r\n",
      "\r",
      "\n",
      "--",
      BOUNDARY,
      `\r\n--${BOUNDARY}`,
      "Content-Disposition: form-data; ",
      'name="a"',
      ": ",
    ];
    for (let run = 0; run < FUZZ_RUNS / 10; run++) {
      const form = concatBytes(
        ...Array.from({ length: random.int(30) }, () =>
          random.bool(0.8) ? encodeUTF8(random.pick(words)) : random.bytes(random.int(40)),
        ),
      );
      const whole = read(form);
      for (let i = 0; i < 10; i++) {
        const cut = read(form, 1 + random.int(20));
        if (
          JSON.stringify([...cut.parts]) !== JSON.stringify([...whole.parts]) ||
          cut.problem !== whole.problem
        ) {
          throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify([whole, cut])}`);
        }
      }
    }
  });
});

describe("boundaryOf", () => {
  test.each([
    [`multipart/form-data; boundary=${BOUNDARY}`, BOUNDARY],
    ['multipart/form-data; boundary="a b"', "a b"],
    ["Multipart/Form-Data; charset=utf-8; Boundary=x; y=z", "x"],
  ])("reads the boundary of %s", (type, boundary) => {
    expect(boundaryOf(type)).toBe(boundary);
  });

  test.each([
    "multipart/form-data",
    "multipart/mixed; boundary=x",
    "application/octet-stream",
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="a "',
    "multipart/form-data; boundary=é",
    `multipart/form-data; boundary=${"x".repeat(71)}`,
  ])("finds no valid boundary in %s", (type) => {
    expect(boundaryOf(type)).toBeUndefined();
  });
});
