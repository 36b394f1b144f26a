import { describeCryptoContract } from "../contracts/crypto.js";
import { describeGATTContract } from "../contracts/gatt.js";
import { describeHTTPContract } from "../contracts/http.js";
import { describeStorageContract } from "../contracts/storage.js";
import { describeTCPContract } from "../contracts/tcp.js";
import { describeTimerContract } from "../contracts/timers.js";
import { Random } from "../world/random.js";
import { virtualCrypto } from "./crypto.js";
import { virtualHarness } from "./harness.js";

describeTimerContract("virtual board", virtualHarness);
describeTCPContract("virtual board", virtualHarness);
describeHTTPContract("virtual board", virtualHarness);
describeStorageContract("virtual board", virtualHarness);
describeGATTContract("virtual board", virtualHarness);
describeCryptoContract("virtual board", virtualCrypto(new Random(1)));
