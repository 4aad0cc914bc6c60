/**
 * The kernel's own initiator of iSCSI, with open-iscsi's programs, and several units of a target of the daemon, which come and go. Played by
 * `iscsi.long.ts`.
 */

import type { Test } from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { PORTAL, SITES, stageOf } from "./iscsi-cases.js";

const TARGET = "iqn.2026-11.org.example:shop";
const UNITS = { first: 0, second: 1, late: 7 } as const;
type Unit = keyof typeof UNITS;

export async function luns(t: Test): Promise<void> {
	const stage = stageOf(t, 9000, 0, { disks: 0 });
	const tree = new DaemonTree(stage.lan.server.name);
	const files = Object.fromEntries(Object.keys(UNITS).map((name) => [name, tree.file(name, 2 ** 24)]));
	const configure = (...names: readonly Unit[]): void => {
		const disks = names.map(
			(name) =>
				`[disk.${name}]\nfile = "${files[name]}"\n[disk.${name}.iscsi]\ntarget = "${TARGET}"\nlun = ${UNITS[name]}\n`,
		);
		tree.configure(`[iscsi]\nlisten = ["${PORTAL}"]\n${disks.join("")}`);
	};
	configure("first", "second");
	await tree.start();
	t.teardown(() => tree.program.stop("SIGKILL"));
	const reloads: Promise<boolean>[] = [];
	const console = await stage.run({
		script: "iscsi-luns.sh",
		variables: { site: SITES[0], portal: PORTAL },
		isForTcp: true,
		onLine: (line) => {
			if (line.endsWith("copied")) configure("first", "second", "late");
			else if (line.endsWith("added")) configure("first", "late");
			else return;
			reloads.push(tree.reload());
		},
	});
	t.same(await Promise.all(reloads), [true, true]);
	t.match(console, /gone$/m);
	t.equal((await tree.stop()).code, 0, "the daemon ends well");
}
