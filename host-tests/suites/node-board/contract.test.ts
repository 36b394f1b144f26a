import { nodeCrypto } from "../../virtual/node-board/crypto.js";
import { describeCryptoContract } from "../contracts/crypto.js";
import { describeGATTContract } from "../contracts/gatt.js";
import { describeHTTPContract } from "../contracts/http.js";
import { describeStorageContract } from "../contracts/storage.js";
import { describeTCPContract } from "../contracts/tcp.js";
import { describeTimerContract } from "../contracts/timers.js";
import { nodeHarness } from "./harness.js";

describeTimerContract("Node's board", nodeHarness);
describeTCPContract("Node's board", nodeHarness);
describeHTTPContract("Node's board", nodeHarness);
describeStorageContract("Node's board", nodeHarness);
describeGATTContract("Node's board", nodeHarness);
describeCryptoContract("Node's board", nodeCrypto);
