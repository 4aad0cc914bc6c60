// Links grow with the blades that they serve, whenever these come; and who is served meanwhile does not notice.

import t from "tap";
import { Outlets } from "../../lib/daemon/outlets.js";
import { Departures } from "../../lib/departures.js";
import { Pump } from "../../lib/pump.js";
import { inNamespace } from "../support/in-namespace.js";
import { diskSpec, exportSpec, Load, layCable, NEAR, Stage } from "./stage.js";

/** With each of these the link grows once more. */
const GROUPS = [20, 20, 40, 80];

function rooms(): void {
	t.test("a link has room for all that are to come, at once, and for those that come later", async (t) => {
		const note = () => {};
		const log = { error: note, warn: note, info: note, verbose: note };
		const pump = new Pump();
		const outlets = new Outlets({ pump, log, version: "1.0", departures: new Departures(pump) });
		const first = await outlets.take("near", NEAR, 16, 16);
		const { link } = first;
		t.equal(link.freeRooms, 256);
		for (let count = 2; count < 16; count++) await outlets.take("near", NEAR, 16, 16);
		t.equal(link.freeRooms, 256, "240 frames may be under way");
		await outlets.take("near", NEAR, 16, 16);
		t.equal(link.freeRooms, 512, "256 are twice as many as it was for");
		await outlets.take("near", NEAR, 16, 1600);
		t.equal(link.freeRooms, 2 * (256 + 1600), "for all of one plan");
		for (let count = 1; count < 100; count++) await outlets.take("near", NEAR, 16, 1600 - count * 16);
		t.equal(link.freeRooms, 2 * (256 + 1600));
		outlets.resize(first, 4000);
		t.equal(link.freeRooms, 8192, "a buffer count that is changed");
		for (let count = 0; count < 116; count++) await outlets.giveBack(first, count === 0 ? 4016 : 16);
		t.equal(link.freeRooms, 8192, "there are never fewer");
		await outlets.giveBack(first, 16);
		t.same(outlets.report(), []);
	});
}

function service(): void {
	t.test(
		"blades come, again and again, while another is under load: each of its requests is answered",
		async (t) => {
			const stage = new Stage(t);
			await stage.add("kept", 0);
			const load = new Load(await stage.initiator.open(9, 0));
			for (const [group, size] of GROUPS.entries()) {
				const disks = Array.from({ length: size }, (_, i) => diskSpec(`disk ${group}.${i}`));
				const exports = disks.map(({ name }, i) => exportSpec(name, i, { shelf: 10 + group }));
				await stage.daemon.add({ disks, exports, links: [] });
				await load.goesOn();
			}
			await load.stop();
			t.match(stage.daemon.report().join("\n"), /dropped in 0, out 0/);
			t.same(stage.log, []);
		},
	);
}

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	await layCable();
	rooms();
	service();
}
