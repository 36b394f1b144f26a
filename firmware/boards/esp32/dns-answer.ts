import { concatBytes } from "../../../modules/bytes/index.js";

/** RFC 1035 4.1.1. */
const HEADER_BYTES = 12;
const MAX_LABEL_BYTES = 63;
const TYPE_A = 1;
const CLASS_IN = 1;
const TTL_S = 60;

/**
 * Returns the captive portal's response to a DNS query: `address` for an A query of any name, an empty response for any
 * other type, so that a phone does not wait. `undefined` for a message that is not a query with one question.
 *
 * The SDK's own server (`modules/network/dns/dnsserver.js`) copies the query's additional records (EDNS, RFC 6891) to
 * the place of the answer.
 */
export function dnsAnswer(
  query: Uint8Array<ArrayBuffer>,
  address: readonly number[],
): Uint8Array<ArrayBuffer> | undefined {
  const [idHigh = 0, idLow = 0, flags = 0, , questionsHigh, questionsLow] = query;
  const isQuery = (flags & 0xf8) === 0;
  const end = endOfQuestion(query);
  if (!isQuery || questionsHigh !== 0 || questionsLow !== 1 || end === undefined) return undefined;
  const view = new DataView(query.buffer, query.byteOffset);
  const isForAddress = view.getUint16(end - 4) === TYPE_A && view.getUint16(end - 2) === CLASS_IN;
  const isRecursionDesired = flags & 0x01;
  return concatBytes(
    // Flags: response, authoritative, recursion available, no error. Counts: one question and its answers.
    Uint8Array.of(idHigh, idLow, 0x84 | isRecursionDesired, 0x80, 0, 1, 0, isForAddress ? 1 : 0, 0, 0, 0, 0),
    query.slice(HEADER_BYTES, end),
    // The name is a pointer to the question's name (RFC 1035 4.1.4).
    isForAddress
      ? Uint8Array.of(
          0xc0,
          HEADER_BYTES,
          0,
          TYPE_A,
          0,
          CLASS_IN,
          0,
          0,
          0,
          TTL_S,
          0,
          address.length,
          ...address,
        )
      : new Uint8Array(0),
  );
}

/** Returns the index after name, type and class; `undefined` if the query ends before. */
function endOfQuestion(query: Uint8Array<ArrayBuffer>): number | undefined {
  let at = HEADER_BYTES;
  for (let length = query[at]; length !== 0; length = query[at]) {
    if (length === undefined || length > MAX_LABEL_BYTES) return undefined;
    at += 1 + length;
  }
  const end = at + 5;
  return end <= query.length ? end : undefined;
}
