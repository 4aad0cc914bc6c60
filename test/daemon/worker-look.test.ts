// How disks stand is told in turn, once more after each time that something has happened, and not again while nothing does.

import t from "tap";
import type { FigureNames } from "../../lib/daemon/figures-frame.js";
import type { DiskReport } from "../../lib/daemon/state.js";
import { type Looked, type WorkerLook, WorkerLooks } from "../../lib/daemon/worker-look.js";
import { NO_ISCSI } from "../support/no-iscsi.js";

const DISKS = 600;
const SERVED = Array.from({ length: DISKS }, (_, index) => `d${index}`);
const NOTHING: FigureNames = {
	isWhole: false,
	disks: [],
	links: [],
	initiators: [],
	gone: { disks: [], links: [], initiators: [] },
};

/** Disks of which only the names are known. */
class Stand implements Looked {
	activity = 0;
	generation = 0;

	async figures(since: number) {
		this.generation += 1;
		const disks = SERVED.map((name, number) => ({ number, name }));
		const names = since === 0 ? { ...NOTHING, isWhole: true, disks } : NOTHING;
		return { generation: this.generation, names, frame: new Float64Array(2) };
	}

	async *diskReports(names: ReadonlySet<string> = new Set()) {
		yield [...names].map((name) => ({ name }) as DiskReport);
	}

	workerReport() {
		return {
			engine: "",
			putOff: 0,
			openingsWaiting: 0,
			longestTurnSteps: 0,
			links: [],
			unheard: [],
			nbdTls: { count: 0, latest: [] },
			iscsi: NO_ISCSI,
		};
	}
}

function lookOf() {
	const stand = new Stand();
	const looks = new WorkerLooks(stand);
	return {
		stand,
		looks,
		/** How many disks are told of. */
		look: async (since = stand.generation) =>
			((await looks.look(since, SERVED)).body as WorkerLook).disks.length,
	};
}

/** One that knows all. */
async function knowing() {
	const { stand, looks, look } = lookOf();
	await look(0);
	while ((await looks.reports()).isMore);
	return { stand, looks, look };
}

t.test("who knows nothing is told all, some at a time, then nothing", async (t) => {
	const { looks, look } = lookOf();
	t.equal(await look(0), 256);
	const rest = [await looks.reports(), await looks.reports()];
	t.strictSame(
		rest.map(({ disks, isMore }) => [disks.length, isMore]),
		[
			[256, true],
			[DISKS - 512, false],
		],
	);
	t.strictSame([await look(), await look()], [0, 0]);
});

t.test("after something has happened, each once", async (t) => {
	const { stand, look } = await knowing();
	stand.activity += 1;
	t.equal(await look(), 256);
	stand.activity += 1;
	t.strictSame([await look(), await look()], [256, DISKS - 512]);
	t.equal(await look(), 256, "once more: something has happened since they were lined up");
});

t.test("who has missed an answer is told again", async (t) => {
	const { stand, look } = await knowing();
	t.equal(await look(), 0);
	t.strictSame([await look(stand.generation - 1), await look()], [256, 256]);
});

t.test("now and then all are, whatever has happened", async (t) => {
	const { look } = await knowing();
	let told = 0;
	for (let times = 0; times < 620; times++) told += await look();
	t.equal(told, DISKS);
});
