/**
 * The package under a systemd that has started the machine: installed it is started, it reloads, is started again when it was killed and
 * when it hangs, is started by who asks at its socket, is stopped, and is gone when it was purged. The machine is a copy of this one.
 */

import t, { type Test } from "tap";
import { BootedCopy, bootsMissing } from "../support/booted-copy.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { copiesMissing } from "../support/system-copy.js";
import { INSTALL, makePackage, prepare, seen, succeed } from "./deb-stage.js";

t.setTimeout(600_000);
const skip = copiesMissing() ?? bootsMissing() ?? false;
const OTHER = '[disk.other]\nmemory = "1M"\naoe = { address = "9.1", netif = ["lan0"] }';

async function machineThatRuns(t: Test): Promise<BootedCopy> {
	const machine = await BootedCopy.boot([await makePackage()]);
	t.teardown(() => machine.end());
	await prepare(machine);
	await succeed(t, machine, INSTALL);
	return machine;
}

t.test("the package under systemd", { skip }, async (t) => {
	const machine = await machineThatRuns(t);
	const show = async (property: string): Promise<string> =>
		(await machine.run(`systemctl show --value --property=${property} vblade.service`)).output.trim();
	const becomes = (property: string, wanted: string): Promise<void> =>
		until(`${property} ${wanted}`, async () => (await show(property)) === wanted, LIMIT_MS);
	const answers = (wanted: string): Promise<void> =>
		until(`answers of ${wanted}`, async () => (await seen(machine)) === wanted, LIMIT_MS);

	await t.test("it is started when it is installed", async (t) => {
		t.equal(await show("ActiveState"), "active");
		t.match(await show("StatusText"), /1 disk/);
		await answers("e9.0");
	});

	await t.test("it reloads", async (t) => {
		await succeed(t, machine, `cat >/etc/vblade/conf.d/other.toml <<'END'\n${OTHER}\nEND`);
		await succeed(t, machine, "systemctl reload vblade");
		await answers("e9.0\ne9.1");
		await becomes("ActiveState", "active");
	});

	await t.test("killed, it is started again", async (t) => {
		await succeed(t, machine, `kill -KILL ${await show("MainPID")}`);
		await becomes("NRestarts", "1");
		await becomes("ActiveState", "active");
		await answers("e9.0\ne9.1");
	});

	await t.test("one whose data path hangs is started again", async (t) => {
		await succeed(t, machine, "kill -STOP $(pgrep -f 'vblade worker$')");
		await becomes("NRestarts", "2");
		await becomes("ActiveState", "active");
		await answers("e9.0\ne9.1");
	});

	await t.test("it is stopped, and started by who asks", async (t) => {
		await succeed(t, machine, "systemctl stop vblade.service");
		t.equal(await show("Result"), "success", "in order");
		t.not((await machine.run("pgrep -x node")).code, 0, "nothing runs");
		await succeed(t, machine, "systemctl start vblade.socket");
		t.match(
			(await succeed(t, machine, "vblade status")).output,
			/^disks +2: /m,
			"it has waited for the answer",
		);
		await becomes("ActiveState", "active");
		await answers("e9.0\ne9.1");
	});

	await t.test("purged, it is gone", async (t) => {
		await succeed(t, machine, "dpkg --purge vblade");
		t.not((await machine.run("pgrep -x node")).code, 0, "nothing runs");
		t.equal(await show("LoadState"), "not-found");
	});
});
