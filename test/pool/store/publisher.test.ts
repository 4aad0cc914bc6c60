// Whoever brings a pool to its store begins for each who waits, whenever he comes.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Objects } from "../../../lib/object/objects.js";
import { Image } from "../../../lib/pool/store/image.js";
import { Publisher } from "../../../lib/pool/store/publisher.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { PlainKeepers } from "./stage.js";

const TICKS = 60;
const TURNS = 20;

t.test("a cut is begun for who comes as the one before ends, at each of its moments", async (t) => {
	const clock = new VirtualClock();
	const store = new Objects(new MemoryObjects({ clock, random: new Random(1) }));
	const publisher = new Publisher({
		...{ store, clock, keeper: await new PlainKeepers().create(), image: new Image(), allocate: heapMemory },
		...{ files: () => [], head: () => Buffer.alloc(4096), sizes: { blocksMax: 1024 } },
		...{ nextTurn, tell: () => {}, published: () => {} },
	});
	const waiting: number[] = [];
	for (let ticks = 0; ticks < TICKS; ticks++) {
		publisher.headChanged();
		await publisher.request();
		for (let tick = 0; tick < ticks; tick++) await null;
		publisher.headChanged();
		let isDone = false;
		void publisher.request().then(() => {
			isDone = true;
		});
		for (let turn = 0; turn < TURNS && !isDone; turn++) await nextTurn();
		if (isDone) continue;
		waiting.push(ticks);
		await publisher.request();
	}
	t.strictSame(waiting, [], "nobody waits for a timer");
	await publisher.close();
});
