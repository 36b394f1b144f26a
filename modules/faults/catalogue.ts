/** The catalogue of faults. Type `FaultCode`, panel and docs/faults.md follow from it. It is not on the chip. */

/** The person who can help: the owner with an app or the panel, an electrician with tools. */
export type Helper = "owner" | "owner, then electrician" | "electrician";

export interface CatalogueEntry {
  /** Cause and consequence, in English. */
  readonly meaning: string;
  readonly by: Helper;
  /** Number in ChargeX, "Minimum Required Error Codes", revision 5. */
  readonly chargeX?: `CX0${number}`;
  /** Name in EVerest, `errors/*.yaml`. */
  readonly everest?: string;
}

/** Faults that a station reports in `charger/last-error`. */
export const FAULTS = {
  "pilot-shorted": {
    meaning:
      "The control pilot is at 0 V (state E), or its negative half is missing because the vehicle has no diode. The station does not charge until the vehicle is unplugged.",
    by: "owner, then electrician",
    chargeX: "CX014",
    everest: "MREC14PilotFault, DiodeFault",
  },
  "pilot-negative": {
    meaning:
      "The control pilot is at a steady -12 V (state F). The station does not charge until the vehicle is unplugged.",
    by: "owner, then electrician",
    chargeX: "CX014",
    everest: "MREC14PilotFault",
  },
  "contactor-welded": {
    meaning:
      "The feedback contact reports a closed contactor after the command to open it. The plug stays locked, and the station does not charge until the contactor has opened and the vehicle is unplugged.",
    by: "electrician",
    chargeX: "CX017",
    everest: "MREC17EVSEContactorFault",
  },
  "contactor-stuck-open": {
    meaning:
      "The feedback contact reports an open contactor after the command to close it. The station does not charge until the vehicle is unplugged.",
    by: "owner, then electrician",
    chargeX: "CX017",
    everest: "MREC17EVSEContactorFault",
  },
  "residual-current": {
    meaning:
      "The residual current device or the 6 mA sensor has tripped. The contactor has opened at once, and the pilot is at -12 V until the cause is over. The station does not charge until the vehicle is unplugged.",
    by: "owner, then electrician",
    chargeX: "CX002",
    everest: "MREC2GroundFailure",
  },
  "temperature-cut-off": {
    meaning:
      "The temperature cut-off has opened the contactor. The station does not charge until the vehicle is unplugged.",
    by: "electrician",
    chargeX: "CX003",
    everest: "MREC3HighTemperature",
  },
  "firmware-stalled": {
    meaning:
      "The firmware did not renew the contactor's lease for 3 s, and the guard has opened the contactor. The session continues when the firmware runs again.",
    by: "owner",
  },
  "contactor-wear": {
    meaning:
      "12 openings in a few minutes, by a vehicle that requests energy on and off, a loose plug, or a control that pauses and resumes. The pause before the contactor closes again doubles with each one, up to 5 minutes. It is 2 s again some minutes after that ends.",
    by: "owner",
  },
  overheated: {
    meaning:
      "The vehicle is offered no current until the temperature has fallen. The session continues then.",
    by: "owner",
    chargeX: "CX003",
    everest: "MREC3HighTemperature",
  },
  "thermometer-broken": {
    meaning: "The thermometer inside gives no valid value. The station offers the lowest current only.",
    by: "electrician",
  },
  overcurrent: {
    meaning:
      "The meter measures more than 110 % of the offered current for 10 s (125 % with an S0 meter, whose power is taken as that of three phases). The session ends, and the station does not charge until the vehicle is unplugged.",
    by: "owner, then electrician",
    chargeX: "CX004",
    everest: "MREC4OverCurrentFailure",
  },
  "meter-silent": {
    meaning:
      "The Modbus meter has not answered for 30 s. Charging continues. Sessions of that time are marked, because energy may be missing in them.",
    by: "electrician",
  },
  "meter-backwards": {
    meaning:
      "The reading of the Modbus meter has fallen, or has grown by more than the station can deliver: the meter was exchanged or is defective. Charging continues. The difference is not counted, and sessions of that time are marked.",
    by: "electrician",
  },
  "blocked-tag": {
    meaning: "The platform has blocked the tag. The message has its last 4 characters.",
    by: "owner",
  },
  "cards-guessed": {
    meaning:
      "10 unknown tags in a row, or from all phones together. The station pauses for the phone or the reader that presented them. Reported once an hour.",
    by: "owner",
  },
  "card-not-learned": {
    meaning: "Tag learning was on, and the platform did not register the tag. The message has the reason.",
    by: "owner",
  },
  "card-reader-silent": {
    meaning:
      "The PN532 has not responded for 10 s. Phones go on working, and the station tries again all the time. Reported once an hour.",
    by: "owner, then electrician",
  },
  "session-not-stored": {
    meaning:
      "The flash is full or broken. Charging continues, and the session is reported to the platform from memory.",
    by: "owner, then electrician",
  },
  "session-log-full": {
    meaning:
      "64 sessions waited for the platform, or 8 while the flash could not be written. The discarded one is not billed.",
    by: "owner",
  },
  "sessions-of-previous-owner": {
    meaning:
      "The owner changed while they waited for the platform. The new owner's platform must not receive them.",
    by: "owner",
  },
  "transfer-refused": {
    meaning: "The platform refused `change-owner` with 403. The station stays with its owner.",
    by: "owner",
  },
  "transfer-failed": {
    meaning:
      "The message has the reason: the station is in use, the platform's answer, or the broker. The station stays with its owner.",
    by: "owner",
  },
  "update-rolled-back": {
    meaning: "The new firmware was not confirmed. The message has its version and the reason.",
    by: "owner",
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

/** Why a station is not connected, or why new parameters failed: `problem` and `lastFailure` in `/status`. */
export const CONNECTION_FAILURES = {
  "wifi-not-found": { meaning: "The station found no network with that name.", by: "owner" },
  "wifi-wrong-password": {
    meaning: "The router ended the association for the password, or without a reason twice.",
    by: "owner",
  },
  "wifi-no-address": { meaning: "The station joined, but DHCP gave no address.", by: "owner" },
  "host-not-found": { meaning: "The broker's name has no address.", by: "owner" },
  "broker-unreachable": { meaning: "No TCP connection to the broker.", by: "owner" },
  "broker-no-answer": {
    meaning: "TCP, but no CONNACK within 10 s, or no acknowledgement of messages within a minute.",
    by: "owner",
  },
  "broker-refused": {
    meaning: "CONNACK with a code other than 0, or the broker denies the station its own topics.",
    by: "owner",
  },
  "tls-failed": {
    meaning:
      "The TLS handshake failed, or the certificate is for another host, has expired, or is of an unknown authority.",
    by: "owner",
  },
  "clock-unknown": {
    meaning:
      "No time server (SNTP: provisioned or of the network, and pool.ntp.org) has answered within 20 s. Without the time, the station cannot check the broker's certificate.",
    by: "owner",
  },
  "connection-lost": { meaning: "The broker or the network closed the TCP connection.", by: "owner" },
  "keep-alive-missed": { meaning: "The broker sent no PINGRESP in time.", by: "owner" },
  "protocol-error": {
    meaning: "The data is not MQTT 3.1.1, or a packet is longer than 16,384 bytes.",
    by: "owner",
  },
  "no-socket": { meaning: "All sockets of the board are in use.", by: "owner" },
  "storage-failed": {
    meaning: "The flash is full or broken. The previous parameters stay in use.",
    by: "owner, then electrician",
  },
  interrupted: { meaning: "The previous parameters stay in use.", by: "owner" },
  "given-up": { meaning: "The previous parameters stay in use.", by: "owner" },
  crashes: {
    meaning: "Each crash was within two minutes of a start. Only pairing and firmware upload work.",
    by: "owner",
  },
  "wiring-invalid": {
    meaning:
      "The provisioned wiring of the board is lost, damaged, or for another chip. The message has the first mistake. The station drives no pin, so the contactor stays open. Only pairing and firmware upload work.",
    by: "electrician",
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
