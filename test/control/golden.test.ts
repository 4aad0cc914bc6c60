// A machine's disk becomes the golden image, and control ends at any step of that: the image is the old or the new one, and when control is there again
// nothing is held but that.
import t, { type Test } from "tap";
import { OperatorError } from "../../lib/errors.js";
import { LAB, type Room, roomOf } from "./machine-room.js";
import { settle } from "./stage.js";

const MAC = "02:00:00:00:00:0a";
const NAME = "lab-02000000000a";
/** More than there are. */
const STEPS_MAX = 40;

interface Snapshot {
	readonly name: string;
	readonly held: boolean;
}

/** From then on nothing more is done, whoever asks: so many changes are. */
function endsAfter(room: Room, steps: number): { restore: () => void; hasEnded: () => boolean } {
	let left = steps;
	const { pool } = room.workers;
	const { keep } = room.opener;
	const step = (): void => {
		if (--left < 0) throw new OperatorError("control is no more");
	};
	room.workers.pool = async (folder, act) => {
		if (act.act !== "look" && act.act !== "configure") step();
		return pool(folder, act);
	};
	room.opener.keep = async (name, bytes) => {
		if (name === "machines.json") step();
		return keep.call(room.opener, name, bytes);
	};
	const restore = (): void => {
		room.workers.pool = pool;
		room.opener.keep = keep;
	};
	return { restore, hasEnded: () => left < 0 };
}

async function imageNow(room: Room): Promise<string> {
	return (await room.ask("GET", "/api/v1/machines")).body.templates[0].image;
}

/** Has control end after so many steps of making the second golden image, and start again. False: it was done. */
async function interrupted(t: Test, steps: number): Promise<boolean> {
	const room = await roomOf(t);
	const makeGolden = () => room.ask("POST", `/api/v1/machines/${NAME}/golden`, { body: {} });
	await room.boot(MAC);
	t.equal((await makeGolden()).status, 200);
	const before = await imageNow(room);
	room.forward(5000);
	const end = endsAfter(room, steps);
	const { status } = await makeGolden();
	await room.close();
	end.restore();
	room.forward(5000);
	await room.start(t, { now: room.now });
	await settle();
	const image = await imageNow(room);
	if (status === 200) t.not(image, before);
	// What is left is gone through at once, in turn with all else.
	await room.control.inside.machines.keep(NAME, true);
	const { snapshots } = (await room.volume(NAME)) as { snapshots: Snapshot[] };
	const held = snapshots.filter(({ held }) => held).map(({ name }) => `fast/${NAME}@${name}`);
	t.strictSame(held, [image], `after ${steps} steps`);
	const names = new Set(snapshots.map(({ name }) => `fast/${NAME}@${name}`));
	t.strictSame(names, new Set([before, image]), "and nothing is there that never was an image");
	t.equal(await room.state(NAME), "open", "the machine goes on");
	room.forward(5000);
	t.equal((await makeGolden()).status, 200, "once more");
	return end.hasEnded();
}

t.test("control ends at any step", async (t) => {
	let steps = 0;
	while (steps < STEPS_MAX && (await interrupted(t, steps))) steps++;
	t.ok(steps > 4 && steps < STEPS_MAX, `${steps} steps`);
});

t.test(
	"two images of one second have names of their own, and the one that holds is not let go",
	async (t) => {
		const room = await roomOf(t);
		await room.boot(MAC);
		await room.close();
		const nowMs = room.now();
		await room.start(t, { now: () => nowMs });
		await settle();
		const images: string[] = [];
		for (let time = 0; time < 3; time++) {
			t.equal((await room.ask("POST", `/api/v1/machines/${NAME}/golden`, { body: {} })).status, 200);
			images.push(await imageNow(room));
		}
		t.equal(new Set(images).size, 3);
		room.control.inside.machines.tidy();
		await room.control.inside.machines.keep(NAME, true);
		const { snapshots } = (await room.volume(NAME)) as { snapshots: Snapshot[] };
		t.strictSame(
			snapshots.map(({ name, held }) => [`fast/${NAME}@${name}`, held]),
			images.map((image, i) => [image, i === 2]),
		);
	},
);

t.test("a pool that is away is waited for, and told of", async (t) => {
	const room = await roomOf(t);
	await room.boot(MAC);
	const end = endsAfter(room, 2);
	t.equal((await room.ask("POST", `/api/v1/machines/${NAME}/golden`, { body: {} })).status, 422);
	end.restore();
	const { pool } = room.workers;
	room.workers.pool = async () => {
		throw new OperatorError("no such directory");
	};
	const { machines, events } = room.control.inside;
	const told = () =>
		events.latest(100).filter(({ message }) => /held still: no such dir/.test(message)).length;
	const tidy = async () => {
		room.forward(60_000);
		machines.tidy();
		await machines.keep(NAME, true);
	};
	await tidy();
	await tidy();
	t.equal(told(), 1);
	room.workers.pool = pool;
	await tidy();
	const { snapshots } = (await room.volume(NAME)) as { snapshots: Snapshot[] };
	t.strictSame(snapshots, []);
});

t.test(
	"an image that the files have named another for is golden no more, also when they name the first again",
	async (t) => {
		const room = await roomOf(t);
		await room.boot(MAC);
		t.equal((await room.ask("POST", `/api/v1/machines/${NAME}/golden`, { body: {} })).status, 200);
		const { machines } = room.control.inside;
		const tidy = async () => {
			room.forward(60_000);
			machines.tidy();
			await machines.keep(NAME, true);
		};
		await tidy();
		t.match(await imageNow(room), /@golden-/, "it stays while they name the same");
		for (const text of [LAB.replace("v1", "v2"), LAB]) {
			room.template(text);
			await room.control.reload();
			await tidy();
			await tidy();
		}
		t.equal(await imageNow(room), "fast/gold@v1");
		const { snapshots } = (await room.volume(NAME)) as { snapshots: Snapshot[] };
		t.strictSame(
			snapshots.map(({ held }) => held),
			[false],
			"and is not held for that",
		);
	},
);
