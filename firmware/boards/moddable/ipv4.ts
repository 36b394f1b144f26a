/** Checks that a text has the four numbers of an IPv4 address. lwIP and Linux would also accept `1.2.3`. */
export function isIPv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);
}
