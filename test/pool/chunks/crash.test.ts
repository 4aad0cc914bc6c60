// The power is cut at any request of a pool on disks, while one is added and another one emptied, and again while it is opened: what is there is a prefix
// of what was asked for, with all that was acknowledged. Bugs planted below are found. POOL_SEED=n begins with that seed.
import t, { type Test } from "tap";
import type { BlockDevice } from "../../../lib/block/device.js";
import { DeviceLayer } from "../../../lib/block/layer.js";
import { BlockOp, type BlockRequest } from "../../../lib/block/request.js";
import { OperatorError, StorageStatus } from "../../../lib/errors.js";
import { Chunk } from "../../../lib/pool/chunks/chunk.js";
import { rounds } from "../../support/long.js";
import { CrashError } from "../crash-model.js";
import { ChunkCrashRun } from "./crash-run.js";
import { nextTurn, type Wrap } from "./disks.js";

const RUNS = rounds(4, 120);
const LIVES = 5;
const RUNS_TO_FIND = 200;
const FIRST_SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));

t.setTimeout(rounds(230_000, 3_500_000));

t.test("what was promised survives, wherever the power is cut", async (t) => {
	for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++)
		try {
			await new ChunkCrashRun(seed).play(LIVES);
		} catch (error) {
			t.error(error, `seed ${seed}`);
			return;
		}
	t.pass(`${RUNS} runs from seed ${FIRST_SEED}`);
});

/** Requests before taking a disk away is over: where its file comes to lie elsewhere is among them. */
const LAST_REQUESTS = 30;

/** The power is cut at one in `step` of them. Throws a CrashError. */
async function cutMoves(step: number): Promise<void> {
	const took = await new ChunkCrashRun(FIRST_SEED).cutMove(undefined);
	for (let cut = took - LAST_REQUESTS; cut < took; cut += step)
		await new ChunkCrashRun(FIRST_SEED).cutMove(cut);
}

t.test("at any request at which a file comes to lie elsewhere", async (t) => {
	await t.resolves(cutMoves(rounds(3, 1)), `seed ${FIRST_SEED}`);
});

/** Runs until what was planted is found. */
async function find(t: Test, wrap?: Wrap): Promise<void> {
	for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS_TO_FIND; seed++)
		try {
			await new ChunkCrashRun(seed, wrap).play(LIVES);
		} catch (error) {
			t.ok(error instanceof CrashError || error instanceof OperatorError, `${error}`);
			t.pass(`in run ${seed - FIRST_SEED + 1} from seed ${FIRST_SEED}`);
			return;
		}
	t.fail(`not found in ${RUNS_TO_FIND} runs from seed ${FIRST_SEED}`);
}

class Unsynced extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) request.complete(StorageStatus.ok);
		else this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("a planted bug is found: one of the disks is not synced", (t) =>
	find(t, (device: BlockDevice, name) => (name === "z" ? new Unsynced(device) : device)),
);

t.test("a planted bug is found: what disks say is not stable before it is relied on", async (t) => {
	const { write } = Chunk.prototype;
	Chunk.prototype.write = function (this: Chunk, ...args) {
		const later = async (): Promise<void> => {
			for (let turn = 0; turn < 5; turn++) await nextTurn();
			await write.apply(this, args);
		};
		later().catch(() => {});
		return Promise.resolve();
	};
	t.teardown(() => {
		Chunk.prototype.write = write;
	});
	await t.rejects(cutMoves(1), { name: /CrashError|OperatorError/ }, `seed ${FIRST_SEED}`);
});
