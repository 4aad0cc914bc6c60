/** A Linux kernel behind a router, with a tunnel of its own to our server: ordinary frames and larger ones, and a tunnel that is killed in the middle of a copy. */

import t from "tap";
import { umlMissing } from "../support/uml.js";
import { behindRouter } from "./gre-cases.js";

t.setTimeout(600_000);

for (const mtu of [1500, 9000]) {
	for (const kill of [false, true]) {
		t.test(
			`ext4 behind a router at MTU ${mtu}${kill ? ", the tunnel is killed" : ""}`,
			{ skip: umlMissing() ?? false },
			(t) => behindRouter(t, { mtu, kill }),
		);
	}
}
