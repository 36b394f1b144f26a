import { describeEthernetContract, describeWiFiContract } from "../contracts/network.js";
import { virtualHarness } from "./harness.js";

describeWiFiContract("virtual board", virtualHarness);
describeEthernetContract("virtual board", virtualHarness);
