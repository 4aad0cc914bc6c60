// QEMU's initiator, which takes a unit that is not ready for an error of the disk: it writes on while the disk is closed and opened for changes, its
// target having another one all the time, and while the daemon ends and is there again.

import { execFileSync } from "node:child_process";
import t from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";

const TARGET = "iqn.2026-11.org.example:shop";
/** Of 4 KiB: some seconds, by the limit. */
const WRITES = 5000;
const AT_ONCE = 16;

const missing = programsMissing("qemu-img");
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const unit = (name: string, lun: number, more = ""): string =>
		`[disk.${name}]\nfile = "${tree.file(`${name}.img`, 16 * 2 ** 20)}"\n${more}[disk.${name}.iscsi]\ntarget = "${TARGET}"\nlun = ${lun}\n`;
	tree.configure(
		`[iscsi]\nlisten = ["127.0.0.1:3260"]\n${unit("web", 0, "limit = { iops = 400 }\n")}${unit("other", 1)}`,
	);
	await tree.start();
	t.teardown(() => tree.stop());

	const writes = async (): Promise<number> => {
		const { body } = await tree.ask("GET", "/api/v1/disks/web");
		return (body.counters as unknown as { writes: number } | undefined)?.writes ?? 0;
	};
	const writesOn = async (): Promise<void> => {
		const before = await writes();
		await until("it writes on", async () => (await writes()) > before + AT_ONCE, LIMIT_MS);
	};

	t.test("changes and a restart are a pause", async (t) => {
		const url = `iscsi://127.0.0.1/${TARGET}/0`;
		const bench = ["qemu-img", "bench", "-f", "raw", "-w", "-t", "none", "-s", "4096"];
		const writing = run([...bench, "-c", String(WRITES), "-d", String(AT_ONCE), url], LIMIT_MS);
		await until("it writes", async () => (await writes()) > AT_ONCE, LIMIT_MS);
		for (const durability of ["flush", "none", "ack"]) {
			const headers = { "if-match": "*" };
			const { status } = await tree.ask("PATCH", "/api/v1/disks/web", { durability }, headers);
			t.equal(status, 202);
			await tree.nothingUnderWay();
			await tree.state("web", "open");
			await writesOn();
		}
		await tree.stop();
		await tree.start();
		await tree.state("web", "open");
		await writesOn();
		const { code, output } = await writing;
		t.equal(code, 0, output.slice(-500));
		t.match(output, /BUSY/, "which it was told");
	});
}
