// A replica is read where it is, at its cut, while the pool that it follows is written to; that changes nothing there. Whoever reads can tell what has become old, and what goes.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Pool } from "../../../lib/pool/pool.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { MemoryFolder, Stage, show, testWorld } from "../memory-folder.js";
import { ReplicaStage } from "./replica-stage.js";

const TURNS = 10;
const LIMIT_MS = 1e7;

class Time {
	readonly clock = new VirtualClock();

	async pass(seconds: number): Promise<void> {
		for (let second = 0; second < seconds; second++) {
			this.clock.pass(1000);
			for (let turn = 0; turn < TURNS; turn++) await nextTurn();
		}
	}

	during<T>(done: Promise<T>): Promise<T> {
		return this.clock.until(done, LIMIT_MS);
	}
}

function opened({ folder }: Pick<ReturnType<ReplicaStage["view"]>, "folder">): Promise<Pool> {
	return Pool.open({ ...testWorld(folder), onlyRead: "is a replica" });
}

t.test("it is read as it was at its cut, and stays as it is", async (t) => {
	const time = new Time();
	const there = new ReplicaStage(time.clock);
	const pool = await Pool.create(testWorld(there.follow(new MemoryFolder(), new MemoryFolder())));
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const stage = await Stage.of(pool);
	for (let page = 0; page < 100; page++) await stage.write(page, 1 + (page % 200));
	await pool.administration.takeSnapshots([{ volume: "web", name: "monday" }]);
	await stage.write(7, 251);
	await time.pass(30);

	const view = there.view(new MemoryFolder());
	const seen = await time.during(opened(view));
	const stored = (): string => [...there.backend.objects.keys(), there.head.values.length].join();
	t.same(await time.during(show(seen, "web", 0, 7)), [1, 251]);
	t.equal(await time.during(view.age()), "newest");
	const [named] = [...there.backend.objects.keys()];
	const [epoch = 0, number = 0] = (named ?? "")
		.split("/")
		.slice(1)
		.map((word) => Number.parseInt(word, 16));
	t.equal(await time.during(view.age([{ epoch, number }])), "going", "what it is read from is to be deleted");
	t.equal(await time.during(view.age([{ epoch: epoch + 1, number }])), "newest", "that is none of it");
	const before = stored();
	await t.rejects(seen.administration.create("more", 2 ** 20, 4096), /is a replica/);
	await t.rejects(seen.administration.takeSnapshots([{ volume: "web", name: "mine" }]), /is a replica/);
	await seen.administration.setPool("file", {});
	seen.age();
	await time.pass(120);
	t.equal(stored(), before, "nothing is written there, however long it is open");

	await stage.write(7, 252);
	await time.pass(30);
	t.not(stored(), before);
	t.equal(await time.during(view.age()), "old");
	t.same(await time.during(show(seen, "web", 7)), [251], "what is open is of one instant");
	t.same(await time.during(show(seen, "web@monday", 7)), [8]);
	await time.during(seen.close());
	const newer = there.view(new MemoryFolder());
	const again = await time.during(opened(newer));
	t.same(await time.during(show(again, "web", 7)), [252]);
	await time.during(again.close());

	await time.during(stage.close());
	const promoted = await time.during(there.promote());
	t.equal(await time.during(newer.age()), "going", "there is a pool of its own");
	t.same(await time.during(show(promoted, "web", 7)), [252], "what was read had no part in that");
	await time.during(promoted.close());
	const late = opened(there.view(new MemoryFolder()));
	await t.rejects(time.during(late), /no replica any more/);
});
