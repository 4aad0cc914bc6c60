/** A Linux kernel behind a router, with a tunnel of its own to our server. `gre.long.ts` goes on for longer. */

import t from "tap";
import { umlMissing } from "../support/uml.js";
import { behindRouter } from "./gre-cases.js";

t.setTimeout(230_000);

t.test("ext4 of a Linux kernel behind a router", { skip: umlMissing() ?? false }, (t) =>
	behindRouter(t, { mtu: 1500, kill: false }),
);
