// What a replica's superblock says that both stores have is the same in both, whatever came first to which of them, and whatever of it never came to the pool's own store:
// played block by block, by a seed, with cuts that begin and end at any time.
import t from "tap";
import { Image } from "../../../lib/pool/store/image.js";
import { OwnImage, type OwnImageOf } from "../../../lib/pool/store/own-image.js";
import { ReplicaMarks } from "../../../lib/pool/store/replica-marks.js";
import { EMPTY_IMAGE, type StoredImage } from "../../../lib/pool/store/stored-image.js";
import { Random } from "../../../lib/random.js";

const BLOCKS = 12;
const POOL = "0123456789abcdef".repeat(2);

/** One of the two stores: what the superblock there names, by block, and a cut that is on its way there. */
class Side {
	stored: StoredImage = EMPTY_IMAGE;
	readonly image = new Image();
	readonly versions = new Array<number>(BLOCKS).fill(0);
	/** Written since the cut, by block: the version. */
	readonly dirty = new Map<number, number>();
	cut: { readonly dirty: ReadonlyMap<number, number>; readonly sinceMs: number | null } | null = null;
	sinceMs: number | null = null;

	changed(block: number, version: number, nowMs: number): void {
		this.dirty.set(block, version);
		this.sinceMs ??= nowMs;
	}

	take(): void {
		this.cut = { dirty: new Map(this.dirty), sinceMs: this.sinceMs };
		this.dirty.clear();
		this.sinceMs = null;
	}

	/** Its version 0 modulo 5 is zeros, which no object has. */
	publish(named: (image: StoredImage) => StoredImage = (image) => image): void {
		const number = this.stored.next;
		const { dirty } = this.cut!;
		this.image.add({ number, epoch: 1, tableBytes: 64, blocks: dirty.size });
		for (const [at, [block, version]] of [...dirty].entries()) {
			const range = { file: 0, first: block, blocks: 1 };
			if (version % 5 === 0) this.image.clear(range);
			else this.image.put(range, number, at);
			this.versions[block] = version;
		}
		this.stored = named({ ...this.stored, next: number + 1 });
		this.cut = null;
	}
}

/** Which blocks may differ by the mark, and which do, with how many there are; undefined: there was no mark. */
function play(seed: number): { missing: number[]; spared: number } | undefined {
	const random = new Random(seed);
	const [near, far] = [new Side(), new Side()];
	let nowMs = 0;
	const own = new OwnImage({
		image: near.image,
		clock: { now: () => nowMs },
		files: new Map(),
		publisher: {
			get unshipped() {
				return { bytes: 0, sinceMs: near.cut?.sinceMs ?? near.sinceMs };
			},
		},
		keeper: {
			pool: POOL,
			get image() {
				return near.stored;
			},
		},
	} as unknown as OwnImageOf);
	const marks = new ReplicaMarks(() => own);
	const steps = {
		write: () => {
			const block = random.below(BLOCKS);
			const version = ++last;
			for (const side of [near, far]) side.changed(block, version, nowMs);
		},
		near: () => {
			if (near.cut === null) near.take();
			else near.publish();
		},
		far: () => {
			if (far.cut !== null) {
				far.publish((image) => marks.named(image));
				marks.published();
			} else {
				marks.begins(far.stored);
				far.take();
			}
		},
	};
	let last = 0;
	for (let count = 30 + random.below(60); count > 0; count--) {
		nowMs += random.below(2);
		steps[random.pick(["write", "write", "near", "far"] as const)]();
	}
	if (far.stored.mark === undefined) return undefined;
	const spans = marks.differing(0, far.image, far.stored.mark);
	const isTold = (block: number): boolean => spans.some(({ from, to }) => block >= from && block < to);
	const blocks = near.versions.map((_, block) => block);
	const isOther = (block: number): boolean => {
		const [one, other] = [near, far].map(({ versions }) => versions[block]!);
		return one !== other && !(one! % 5 === 0 && other! % 5 === 0);
	};
	return {
		missing: blocks.filter((block) => isOther(block) && !isTold(block)),
		spared: blocks.filter((block) => !isTold(block)).length,
	};
}

t.test("what differs is known by the mark, and not much more", async (t) => {
	let [marked, spared] = [0, 0];
	for (let seed = 1; seed <= 5000; seed++) {
		const played = play(seed);
		if (played === undefined) continue;
		marked++;
		spared += played.spared;
		if (played.missing.length > 0) t.same(played.missing, [], `seed ${seed}`);
	}
	t.ok(marked > 2000, `${marked} with a mark`);
	t.ok(spared > marked, `${spared} blocks need not be brought`);
});
