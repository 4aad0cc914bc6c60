// Reads and writes of disks of disks leave nothing on the heap, however many there are: as `test/server/steady-state.test.ts` has it for the others.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";

const REQUESTS = Number(process.env.STEADY_REQUESTS ?? 50_000);
/** Bytes per request that may come from what is done per batch. Anything allocated per request has 12 bytes at least. */
const BATCH_BYTES = 6;
const LIMIT_MS = 120_000;
const program = fileURLToPath(new URL("./measured-device.js", import.meta.url));

t.setTimeout(8 * LIMIT_MS);
for (const kind of ["linear", "mirror"])
	for (const operation of ["read", "write"])
		t.test(`${REQUESTS} times ${operation}, ${kind}`, async (t) => {
			const folder = mkdtempSync("/dev/shm/vblade-steady-");
			t.teardown(() => rmSync(folder, { recursive: true }));
			const { stdout } = await promisify(execFile)(
				process.execPath,
				[program, kind, operation, folder, String(REQUESTS)],
				{ env: { ...process.env, NODE_OPTIONS: "" }, timeout: LIMIT_MS },
			);
			const { allocated, failed } = JSON.parse(stdout) as {
				allocated: Record<string, number>;
				failed: number;
			};
			t.equal(failed, 0);
			const bytes = Object.values(allocated).reduce((sum, some) => sum + some, 0);
			t.ok(
				bytes < REQUESTS * BATCH_BYTES,
				`${bytes} bytes for ${REQUESTS} requests: ${JSON.stringify(allocated)}`,
			);
		});
