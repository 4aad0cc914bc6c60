/** Every kind of object store that needs no server but one in this process passes the same suite. */

import path from "node:path";
import t from "tap";
import { systemClock } from "../../lib/clock.js";
import type { ObjectBackend } from "../../lib/object/backend.js";
import { FolderObjects } from "../../lib/object/folder.js";
import { Objects } from "../../lib/object/objects.js";
import { S3Objects } from "../../lib/object/s3.js";
import { SwiftObjects } from "../../lib/object/swift.js";
import { Random } from "../../lib/random.js";
import { MemoryObjects } from "../../lib/testing/memory-objects.js";
import { objectConformance } from "../../lib/testing/object-conformance.js";
import { scratchDirectory } from "../support/cleanup.js";
import { BUCKET, type Conditions, KEYS, StandInS3 } from "./stand-in-s3.js";
import { CONTAINER, StandInSwift } from "./stand-in-swift.js";

/** Stand-ins that tests have started. */
const started: { stop(): Promise<void> }[] = [];
t.teardown(() => Promise.all(started.map((server) => server.stop())));

const scratch = scratchDirectory();
let folders = 0;

async function s3(conditions: Conditions, prefix: string): Promise<ObjectBackend> {
	const server = new StandInS3();
	started.push(server);
	server.conditions = conditions;
	return new S3Objects({ ...KEYS, endpoint: await server.start(), bucket: BUCKET, prefix });
}

async function swift(version: 1 | 3, hasBulk: boolean, prefix: string): Promise<ObjectBackend> {
	const server = new StandInSwift();
	started.push(server);
	server.hasBulk = hasBulk;
	await server.start();
	return new SwiftObjects({ account: server.account(version), container: CONTAINER, prefix });
}

const kinds: Record<string, { isExclusive: boolean; make(): Promise<ObjectBackend> | ObjectBackend }> = {
	memory: {
		isExclusive: true,
		make: () => new MemoryObjects({ clock: systemClock, random: new Random(1) }),
	},
	folder: { isExclusive: true, make: () => new FolderObjects(path.join(scratch, `${++folders}`, "store")) },
	s3: { isExclusive: true, make: () => s3("kept", "") },
	"s3 without conditions, with a prefix": { isExclusive: false, make: () => s3("none", "some/where/") },
	"s3 that refuses conditions": { isExclusive: false, make: () => s3("refused", "") },
	swift: { isExclusive: true, make: () => swift(1, true, "") },
	"swift by keystone, without bulk, with a prefix": {
		isExclusive: true,
		make: () => swift(3, false, "some/where/"),
	},
};

for (const [name, { isExclusive, make }] of Object.entries(kinds))
	await objectConformance(t, name, async () => new Objects(await make()), { isExclusive });
