// QEMU writes on while the disk is closed and opened for changes, and while the daemon ends and is there again: by iSCSI, where a unit that is not ready is an
// error of the disk to it, and the target has another one all the time; and by NBD, where it comes again if it is told to.

import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { DaemonTree } from "./tree-bench.js";

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
		`[iscsi]\nlisten = ["127.0.0.1:3260"]\n[nbd]\nlisten = ["127.0.0.1:10809"]\n` +
			`${unit("web", 0, "limit = { iops = 400 }\n")}[disk.web.nbd]\n${unit("other", 1)}`,
	);
	await tree.start();
	t.teardown(() => tree.stop());

	const writes = async (): Promise<number> => {
		const { body } = await tree.ask("GET", "/api/v1/disks/web");
		return (body.counters as unknown as { writes: number } | undefined)?.writes ?? 0;
	};
	/** (Of a disk that was opened again it is counted anew.) */
	const writesOn = async (): Promise<void> => {
		let before = await writes();
		const isMore = async (): Promise<boolean> => {
			const now = await writes();
			const isSo = now > before;
			before = now;
			return isSo;
		};
		await until("it writes on", isMore, LIMIT_MS);
	};

	const writesThroughAll = async (t: Test, ...disk: readonly string[]): Promise<string> => {
		const bench = ["qemu-img", "bench", "-w", "-t", "none", "-s", "4096"];
		const writing = run([...bench, "-c", String(WRITES), "-d", String(AT_ONCE), ...disk], LIMIT_MS);
		await writesOn();
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
		return output;
	};

	t.test("by iSCSI", async (t) => {
		const said = await writesThroughAll(t, "-f", "raw", `iscsi://127.0.0.1/${TARGET}/0`);
		t.match(said, /BUSY/, "which it was told");
	});

	t.test("by NBD", async (t) => {
		const options = "driver=nbd,host=127.0.0.1,port=10809,export=web,reconnect-delay=60";
		t.notMatch(await writesThroughAll(t, "--image-opts", options), /error/i);
	});
}
