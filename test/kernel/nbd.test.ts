/** The kernel's client of NBD, in short; `nbd.long.ts` goes on for longer, has servers that are killed, and the daemon in the same kernel. */

import t from "tap";
import { umlMissing } from "../support/uml.js";
import { overNbd } from "./nbd-cases.js";

t.setTimeout(900_000);
const skip = umlMissing("/usr/bin/fio", "/usr/sbin/nbd-client") ?? false;

t.test("ext4 of a Linux kernel over four connections of NBD", { skip }, (t) =>
	overNbd(t, {
		filesystem: "ext4",
		mtu: 9000,
		connections: 4,
		by: "daemon",
		jobs: ["16k:8"],
		megabytes: 4,
	}),
);
