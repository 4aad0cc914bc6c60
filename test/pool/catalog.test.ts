// Which volumes and snapshots there are, in histories of chance, held against a plain list; and that of thousands nobody goes through all: what
// is looked at is counted, not time.

import t from "tap";
import { Catalog, Image, linesOf, pastWith, type Snapshot, type Volume } from "../../lib/pool/catalog.js";
import { Descent } from "../../lib/pool/descent.js";
import { unwalkedIn } from "../../lib/pool/history-bytes.js";
import { lookAtPool } from "../../lib/pool/looks.js";
import { STEPS_PER_TURN } from "../../lib/pool/map/turns.js";
import { Pool } from "../../lib/pool/pool.js";
import { Random } from "../../lib/random.js";
import { Counted } from "./counted.js";
import { MemoryFolder, testWorld } from "./memory-folder.js";

function volumeOf(line: number, name: string): Volume {
	const [serial, wwn] = ["serial", "wwn"];
	const sizes = { sizeBytes: 2 ** 20, pageBytes: 4096 };
	return { line, born: line, name, ...sizes, serial, wwn, createdUs: 1, settings: {}, snapshots: [] };
}

function snapshotOf({ line }: Volume, position: number): Snapshot {
	const image = new Image({ line, position }, position, 4096);
	return { name: `s${position}`, line, position, image, timeUs: 1, sizeBytes: 2 ** 20, isHeld: false };
}

/** A catalog, and the same as a list. */
class Twice {
	readonly catalog = new Catalog();
	volumes: Volume[] = [];
	#next = 1;

	constructor(readonly random: Random) {}

	#any(): Volume | undefined {
		return this.volumes[this.random.below(Math.max(1, this.volumes.length))];
	}

	step(): void {
		const { random, catalog } = this;
		const volume = this.#any();
		if (volume === undefined || random.chance(0.2)) {
			const made = volumeOf(this.#next, `v${random.below(10 ** 6)}-${this.#next++}`);
			catalog.put(made);
			this.volumes.push(made);
			return;
		}
		const change = (changes: Partial<Volume>): void => {
			catalog.change(volume, changes);
			this.volumes[this.volumes.indexOf(volume)] = catalog.find(changes.name ?? volume.name)!;
		};
		const { snapshots } = volume;
		switch (random.below(7)) {
			case 0:
				change({ name: `r${random.below(10 ** 6)}-${this.#next}` });
				break;
			case 1:
				change({ snapshots: [...snapshots, snapshotOf(volume, this.#next++)] });
				break;
			case 2:
				change({ snapshots: snapshots.slice(1) });
				break;
			case 3:
				change({ settings: random.chance(0.5) ? {} : { historySeconds: random.below(3) } });
				break;
			case 4:
				change({ line: this.#next++, past: pastWith(volume, this.#next) });
				break;
			case 5: {
				const other = this.#any();
				if (other === undefined || other === volume) return;
				catalog.remove(other, volume);
				this.volumes.splice(this.volumes.indexOf(other), 1);
				const both = [...snapshots, ...other.snapshots];
				change({ line: other.line, snapshots: both, past: pastWith(volume, this.#next) });
				break;
			}
			default:
				catalog.remove(volume);
				this.volumes.splice(this.volumes.indexOf(volume), 1);
		}
	}

	/** All that can be asked, as plainly as can be. */
	plain(): unknown {
		const { volumes } = this;
		const lines = Array.from({ length: this.#next }, (_, line) => line);
		const withLine = (line: number): Volume | undefined =>
			volumes.find((volume) => volume.line === line || volume.snapshots.some((each) => each.line === line));
		return {
			volumes: volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
			count: volumes.length,
			snapshotCount: volumes.flatMap(({ snapshots }) => snapshots).length,
			historySeconds: new Set(volumes.map(({ settings }) => settings.historySeconds)),
			ofLine: lines.map((line) => volumes.find((volume) => volume.line === line)),
			offering: lines.map((line) => volumes.find((volume) => linesOf(volume).includes(line))),
			bornAs: lines.map((line) => volumes.find(({ born }) => born === line)),
			ofAnother: lines.map((line) => {
				const owner = withLine(line);
				return owner !== undefined && owner !== volumes[0];
			}),
			images: volumes.flatMap(({ snapshots }) => snapshots.map(({ image }) => image)),
		};
	}

	asked(): unknown {
		const { catalog, volumes } = this;
		const lines = Array.from({ length: this.#next }, (_, line) => line);
		return {
			volumes: catalog.volumes,
			count: catalog.count,
			snapshotCount: catalog.snapshotCount,
			historySeconds: new Set(catalog.historySeconds),
			ofLine: lines.map((line) => catalog.ofLine(line)),
			offering: lines.map((line) => catalog.offering(line)),
			bornAs: lines.map((line) => catalog.bornAs(line)),
			ofAnother: lines.map((line) => volumes.length > 0 && catalog.isOfAnother(volumes[0]!, line)),
			images: volumes.flatMap(({ snapshots }) => snapshots.map((each) => catalog.imageOf(each))),
		};
	}
}

t.test("whatever is made, changed and removed, a catalog finds what a plain list has", async (t) => {
	for (let round = 0; round < 20; round++) {
		const random = new Random();
		const twice = new Twice(random);
		for (let step = 0; step < 150; step++) {
			twice.step();
			if (step % 15 === 0) t.strictSame(twice.asked(), twice.plain(), `seed ${random.seed}, step ${step}`);
		}
		const shown = twice.catalog.volumes;
		const before = [...shown];
		for (let step = 0; step < 20; step++) twice.step();
		t.strictSame(shown, before, "what was handed out stays as it was");
	}
});

t.test("of thousands of volumes those are looked at that are asked for", async (t) => {
	const catalog = new Catalog();
	let looks = 0;
	for (let line = 1; line <= 5000; line++) {
		const volume = volumeOf(line, `v${line}`);
		const snapshots = [snapshotOf(volume, line)];
		catalog.put({
			...volume,
			get snapshots() {
				looks++;
				return snapshots;
			},
		});
	}
	looks = 0;
	catalog.imageOf({ line: 4000, position: 4000 });
	catalog.isOfAnother(catalog.find("v1")!, 4000);
	catalog.bornAs(4000);
	catalog.offering(4000);
	t.equal(catalog.snapshotCount, 5000);
	t.ok(looks <= 4, `${looks} volumes were looked at`);
});

t.test("what was trimmed and is to be gone through is summed up in turns", async (t) => {
	const walks = Array.from({ length: 5000 }, (_, line) => ({ line, root: { mapped: 1 }, done: 0 }));
	const lineage = { hasLine: () => true, line: () => undefined };
	const descent = { walks, pages: lineage, nodes: lineage, isOfSnapshot: () => false, hasPassed: () => true };
	const contents = { catalog: new Catalog(), layers: { roots: new Map() }, withoutVolume: [] };
	let steps = 0;
	const work = unwalkedIn({ contents, descent } as never);
	let step = work.next();
	for (; step.done !== true; step = work.next()) steps++;
	t.equal(step.value.freeingBytes, 5000 * 4096);
	t.ok(steps >= 5000, `${steps} steps`);
});

const VOLUMES = 700;

t.test(
	"windows of hundreds of volumes move on in turns, and clones are found by what they began as",
	async (t) => {
		const pool = await Pool.create(testWorld(new MemoryFolder()));
		const { administration } = pool;
		await administration.create("web", 2 ** 20, 4096);
		for (const name of ["gold", "other"]) await administration.takeSnapshots([{ volume: "web", name }]);
		for (const name of ["c2", "c1"]) await administration.clone("web", "gold", name);
		for (let i = 0; i < VOLUMES; i++) await administration.clone("web", "other", `v${i}`);
		await administration.takeSnapshots([{ volume: "c1", name: "s" }]);
		await pool.checkpoint();
		const counted = new Counted({ moveWindow: Descent.prototype, ofLine: Catalog.prototype });
		const { volumes } = await lookAtPool(pool, { of: "snapshots", names: ["web@gold"] });
		t.strictSame(volumes[0]?.snapshots[0]?.clones, ["c1", "c2"]);
		t.ok(counted.all("ofLine") <= 4, `${counted.all("ofLine")} volumes were looked at`);
		counted.forget();
		await administration.setPool("create", { historySeconds: 0 });
		await administration.create("last", 2 ** 20, 4096);
		await pool.checkpoint();
		await pool.checkpoint();
		for (let turns = 0; counted.all("moveWindow") <= VOLUMES && turns < 100; turns++)
			await pool.space.nextTurn();
		counted.end();
		t.ok(counted.all("moveWindow") > VOLUMES, `${counted.all("moveWindow")} windows moved`);
		t.ok(counted.most("moveWindow") <= STEPS_PER_TURN, `${counted.most("moveWindow")} in one turn`);
		await pool.close();
	},
);
