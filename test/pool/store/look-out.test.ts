// Between two tries to have a pool that another host has, it is looked how it is with it: what makes another try worth while is told once, and nothing else is.
import { setImmediate as nextTurn } from "node:timers/promises";
import t, { type Test } from "tap";
import { ObjectError, ObjectFault } from "../../../lib/object/errors.js";
import { LeaseWatch } from "../../../lib/pool/store/lease.js";
import { LookOut } from "../../../lib/pool/store/look-out.js";
import { encodeSuperblock, type Superblock } from "../../../lib/pool/store/superblock.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";

const ID = "0123456789abcdef0123456789abcdef";
const OTHER = "f".repeat(32);
const OWNER = { id: ID, host: ID, name: "alpha" };
const THERE: Superblock = {
	...{ format: 1, pool: ID, epoch: 7, owner: OWNER, hostSince: 5, leaseMs: 6_000, beat: 12, writtenUs: 1e15 },
	...{ promised: null, serve: "one", image: {} },
};
const LOOKS = 4;

/** What is looked at is what `what` returns; each beat of it is another one. */
class Stage {
	readonly clock = new VirtualClock();
	what: () => Buffer | null = () => encodeSuperblock(THERE);
	beats = true;
	looks = 0;
	told = 0;
	#revision = 0;
	readonly lookOut: LookOut;

	constructor(t: Test, answered?: string) {
		const { clock } = this;
		this.lookOut = new LookOut({
			...{ clock, answered, watch: new LeaseWatch(), elapsed: () => clock.now() * 1000 },
			head: {
				read: async () => {
					this.looks++;
					if (this.beats) this.#revision++;
					const bytes = this.what();
					return (
						bytes && {
							bytes,
							nonce: Buffer.alloc(16),
							revision: { id: String(this.#revision), serial: this.#revision },
						}
					);
				},
			},
			promising: () => this.told++,
		});
		t.teardown(() => this.lookOut.end());
	}

	/** So many looks more are made, unless it looks no more. */
	async pass(looks: number): Promise<void> {
		for (let look = 0; look < looks; look++) {
			this.clock.pass(250);
			for (let turn = 0; turn < 5; turn++) await nextTurn();
		}
	}
}

t.test("an owner who goes on is none of its business, nor what can't be read or understood", async (t) => {
	const stage = new Stage(t);
	for (const what of [
		() => encodeSuperblock(THERE),
		() => null,
		() => Buffer.from("nonsense"),
		() => Buffer.from(JSON.stringify({ ...THERE, format: 2 })),
		() => {
			throw new ObjectError(ObjectFault.unavailable, "away");
		},
	]) {
		stage.what = what;
		await stage.pass(LOOKS);
	}
	t.equal(stage.looks, 5 * LOOKS, "it goes on looking");
	t.equal(stage.told, 0);
	stage.what = () => encodeSuperblock({ ...THERE, isGivenBack: true });
	await stage.pass(LOOKS);
	t.equal(stage.told, 1, "once");
	t.equal(stage.looks, 5 * LOOKS + 1, "and looks no more");
});

t.test("an heir is named, or a lease is over", async (t) => {
	const heir = new Stage(t);
	heir.what = () => encodeSuperblock({ ...THERE, heir: { ...OWNER, name: "beta" } });
	await heir.pass(1);
	t.equal(heir.told, 1);
	const over = new Stage(t);
	over.beats = false;
	await over.pass(LOOKS);
	t.equal(over.told, 0, "it is not over yet");
	await over.pass(30);
	t.equal(over.told, 1);
});

t.test("who is asked has answered, unless it is another question", async (t) => {
	const stage = new Stage(t, ID);
	stage.what = () => encodeSuperblock({ ...THERE, asks: ID });
	await stage.pass(LOOKS);
	t.equal(stage.told, 0);
	stage.what = () => encodeSuperblock({ ...THERE, asks: OTHER });
	await stage.pass(1);
	t.equal(stage.told, 1);
});

t.test("it ends when it is told so, and after some time by itself", async (t) => {
	const ended = new Stage(t);
	await ended.pass(LOOKS);
	ended.lookOut.end();
	await ended.lookOut.ended;
	t.equal(ended.looks, LOOKS);
	const long = new Stage(t);
	await long.pass(300);
	await long.lookOut.ended;
	t.equal(long.looks, 240);
	t.equal(long.told, 0);
});
