// Two daemons serve one address, for their operators want it so: each knows of the other, as a state that one can ask for and as news.
import t from "tap";
import { Daemon } from "../../lib/daemon/daemon.js";
import type { DiskReport } from "../../lib/daemon/state.js";
import type { Subject } from "../../lib/log.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { diskSpec, exportSpec, layCable } from "./stage.js";

if (await inNamespace(import.meta.url)) {
	await layCable();

	t.test("what is served while another answers for it, too", async (t) => {
		const told: (Subject | undefined)[] = [];
		const say = (): void => {};
		const warn = (_message: string, subject?: Subject) => void told.push(subject);
		const daemons: Daemon[] = [];
		for (const name of ["near", "far"]) {
			const daemon = new Daemon({ log: { error: say, warn, info: say, verbose: say }, version: "1.0" });
			daemons.push(daemon);
			t.teardown(() => daemon.close(1000));
			const netifs = [{ kind: "interface", name } as const];
			const exports = [exportSpec("web", 0, { force: true, netifs })];
			await daemon.add({ disks: [diskSpec("web")], exports, links: [] });
		}
		const placeOf = async (daemon: Daemon) => {
			const reports: DiskReport[] = [];
			for await (const batch of daemon.diskReports()) reports.push(...batch);
			return reports[0]?.exports[0]?.places[0];
		};
		for (const daemon of daemons)
			await until("it knows of the other", async () => (await placeOf(daemon))?.rival != null, LIMIT_MS);
		const [near, far] = daemons;
		const macs = daemons.map((daemon) => daemon.workerReport().links[0]?.mac);
		t.strictSame(near && (await placeOf(near)), {
			link: "near",
			state: "serving",
			rival: macs[1],
			since: null,
		});
		t.strictSame(far && (await placeOf(far)), { link: "far", state: "serving", rival: macs[0], since: null });
		t.strictSame(
			told.find((subject) => subject?.kind === "rival" && subject.link === "near"),
			{ kind: "rival", disk: "web", link: "near" },
		);
	});
}
