/** The kernel's initiator of iSCSI, in short; `iscsi.long.ts` goes on for longer, has servers that are killed, and paths that go away. */

import t from "tap";
import { overIscsi, skip } from "./iscsi-cases.js";

t.setTimeout(900_000);

t.test("ext4 of a Linux kernel over iSCSI", { skip }, (t) =>
	overIscsi(t, { filesystem: "ext4", mtu: 9000, hasDigests: false, jobs: ["16k:8"], megabytes: 4 }),
);
