/**
 * A pool that is used in every way there is, whose power is cut at any request, while a replica of it follows on a line that is slow and with a store that is as bad as a seed
 * makes it, and a table on this host that can't be written for a while, by half of the seeds. Whenever it is looked at, the replica is a pool as that was at some time. For `whole-replica.test.ts`.
 */

import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../../lib/errors.js";
import type { PoolFolder } from "../../../lib/pool/folder.js";
import { FolderLayer } from "../../../lib/pool/folder-layer.js";
import { TABLE_NAME } from "../../../lib/pool/store/local-table.js";
import type { ReplicaFolder } from "../../../lib/pool/store/replica-folder.js";
import { Random } from "../../../lib/random.js";
import { MemoryObjects, type ObjectFaults } from "../../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { CrashFolder, Power } from "../crash-folder.js";
import { MemoryFolder } from "../memory-folder.js";
import { WholeLife } from "../whole-life.js";
import { Course } from "../whole-model.js";
import { WholeRun } from "../whole-run.js";
import { ReplicaStage } from "./replica-stage.js";

const LIVES = 3;
const NOT_YET = /not all of that has come yet/;
const FAULTS: ObjectFaults = { refusal: 0.05, lostAnswer: 0.05 };
const LOOKS_MOST = 12;
/** More than any life of a pool has. */
const NOTHING_LOST = Number.POSITIVE_INFINITY;

export interface Played {
	/** Replicas that were looked at, and how many of those had another superblock than the one before. */
	readonly looks: number;
	readonly givenUp: number;
	readonly staged: number;
}

/** Where the table can't be written at times. */
class IllFolder extends FolderLayer {
	constructor(
		folder: PoolFolder,
		readonly isIll: () => boolean,
	) {
		super(folder);
	}

	async open(name: string): Promise<BlockDevice> {
		return this.#ill(name, await this.folder.open(name));
	}

	async create(name: string, sizeBytes: number): Promise<BlockDevice> {
		return this.#ill(name, await this.folder.create(name, sizeBytes));
	}

	#ill(name: string, device: BlockDevice): BlockDevice {
		return name === TABLE_NAME ? new IllTable(device, this.isIll) : device;
	}
}

class IllTable extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly isIll: () => boolean,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		if (request.op !== BlockOp.read && this.isIll()) request.complete(StorageStatus.mediumError);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** Throws a CrashError for what is not as it was promised. One seed is always the same run. */
export async function play(seed: number): Promise<Played> {
	const clock = new VirtualClock();
	const random = new Random(seed);
	const faults = random.chance(0.5) ? FAULTS : {};
	const backend = new MemoryObjects({ clock, random: new Random(seed), faults, latencyMs: 50 });
	const there = new ReplicaStage(clock, seed, backend);
	const line = random.pick([undefined, 20_000_000, 1_000_000]);
	const folders: ReplicaFolder[] = [];
	// (Of each life, however short.)
	const courses = new Set<Course>();
	const on = {
		files: (local: CrashFolder): PoolFolder => {
			const table = new IllFolder(local, () => isIll);
			const folder = there.follow(local, table, { bytesPerSecond: line, cutAfterMs: 500 });
			folders.push(folder);
			courses.add(run.life.course);
			return folder;
		},
		crash: (local: CrashFolder, _: Random, survival: number) => [local, survival] as const,
	};
	const run = new WholeRun(seed, false, on);
	const looks: ReplicaStage[] = [];
	let staged = 0;
	const mayBeIll = seed % 2 === 0;
	let isIll = false;
	const tick = (): void => {
		courses.add(run.life.course);
		const isNew =
			there.head.values.length > 0 && looks.at(-1)?.head.values.at(-1) !== there.head.values.at(-1);
		if (isNew && random.chance(0.1)) looks.push(there.copy());
		if (mayBeIll && random.chance(0.05)) isIll = !isIll;
		if (random.chance(0.02)) folders.at(-1)?.endHolds();
		if (there.head.values.at(-1)?.includes('"coming"')) staged++;
		clock.after(random.pick([5, 50, 500, 5_000]), tick);
	};
	tick();
	await clock.until(run.play(LIVES), 1e12);
	const some = looks.filter((_, at) => at % Math.ceil(looks.length / LOOKS_MOST) === 0);
	const states = [...courses].flatMap((course) => course.states);
	for (const look of [...some, there.copy()]) await clock.until(check(look, run.life, states), 1e12);
	const givenUp = folders.reduce((sum, folder) => sum + (folder.states[0]?.givenUp ?? 0), 0);
	return { looks: some.length, givenUp, staged };
}

/** Throws a CrashError unless the replica is one of these. */
async function check(look: ReplicaStage, { random, mapSize, ...now }: WholeLife, states: Course["states"]) {
	const course = new Course(new Map());
	course.states.push(...states);
	const folder = new CrashFolder(new Power(NOTHING_LOST));
	const life = new WholeLife(folder, random, mapSize, course, { ...now, moments: [] });
	life.filesOn = () => look.other(new MemoryFolder(), true);
	try {
		await life.begin();
	} catch (error) {
		if (error instanceof OperatorError && NOT_YET.test(error.message)) return;
		throw error;
	}
	course.match(await life.read(), 0);
	await life.end();
}
