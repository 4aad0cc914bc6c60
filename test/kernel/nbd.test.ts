/** The kernel's client of NBD, in short; `nbd.long.ts` goes on for longer, and has servers that are killed. */

import t from "tap";
import { umlMissing } from "../support/uml.js";
import { inside, overNbd } from "./nbd-cases.js";

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

t.test("a disk of the daemon is a local block device, with the daemon in the same kernel", { skip }, (t) =>
	inside(t, { filesystem: "ext4", jobs: ["4k:16"], megabytes: 2 }),
);
