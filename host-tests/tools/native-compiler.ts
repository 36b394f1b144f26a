/** Options of the C compiler for code of the chip's boards that runs on this machine. */

/** Warnings are errors, and the sanitizers end the program. */
export const SANITIZED = [
  "-Wall",
  "-Wextra",
  "-Wconversion",
  "-Werror",
  "-g",
  "-O1",
  "-fsanitize=address,undefined",
  "-fno-sanitize-recover=all",
];

/** Another version of mbedTLS than the installed one: the options to find and to link it. */
export const MBEDTLS_INCLUDES = words(process.env.MBEDTLS_CFLAGS ?? "");
export const MBEDTLS_LIBRARIES = words(process.env.MBEDTLS_LIBS ?? "-lmbedtls -lmbedx509 -lmbedcrypto");

function words(text: string): string[] {
  return text.split(" ").filter(Boolean);
}
