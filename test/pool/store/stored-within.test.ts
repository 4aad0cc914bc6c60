// At the end what is here alone is brought to the store: as long as that gets on, and not once more when it did not. One that says nothing is away, too.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { StoredWithin } from "../../../lib/pool/store/stored-within.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";

/** Ends when it is told to; what it has sent goes up by itself, if it gets on. */
function stage({ rate = 0, doneMs = Number.POSITIVE_INFINITY } = {}) {
	const clock = new VirtualClock();
	const publisher = {
		asked: 0,
		trouble: null as string | null,
		get sentBytes() {
			return Math.floor(clock.now() / 1000) * rate;
		},
		request() {
			this.asked += 1;
			return new Promise<void>((resolve) => void clock.after(doneMs, resolve));
		},
	};
	const keeper = { said: null as string | null, trouble: () => keeper.said };
	const within = new StoredWithin(publisher, keeper, clock);
	/** The milliseconds that it took. */
	const took = async <T>(work: Promise<T>): Promise<[T, number]> => {
		const beganMs = clock.now();
		let ended: [T, number] | undefined;
		void work.then((what) => {
			ended = [what, clock.now() - beganMs];
		});
		for (;;) {
			await nextTurn();
			if (ended !== undefined) return ended;
			clock.step();
		}
	};
	return { publisher, keeper, within, took };
}

t.test("while it gets on it is waited for, for half a minute, and then at the end", async (t) => {
	const { within, took, publisher } = stage({ rate: 1_000_000 });
	t.equal((await took(within.settle()))[1], 30_000);
	t.strictSame(await took(within.ship()), [false, 0], "what did not get on is not waited for once more");
	t.equal(publisher.asked, 1);
	const good = stage({ rate: 1_000_000, doneMs: 20_000 });
	t.equal((await good.took(good.within.settle()))[1], 20_000);
	t.strictSame(await good.took(good.within.ship()), [false, 8_000], "at the end for some seconds");
	const short = stage({ doneMs: 200 });
	t.strictSame(await short.took(short.within.ship()), [true, 200]);
});

t.test("a store that says that it can't, a head that does, and what says nothing at all", async (t) => {
	const store = stage({ rate: 1 });
	store.publisher.trouble = "away";
	t.equal((await store.took(store.within.settle()))[1], 5_000, "store");
	const head = stage({ rate: 1 });
	head.keeper.said = "away";
	t.equal((await head.took(head.within.settle()))[1], 5_000, "head");
	const silent = stage();
	t.equal((await silent.took(silent.within.settle()))[1], 10_000, "silent");
});

t.test("who waits for the answer to a change is told sooner that it is not there", async (t) => {
	const good = stage({ doneMs: 200 });
	t.strictSame(await good.took(good.within.soon()), [true, 200]);
	const slow = stage({ rate: 1_000_000, doneMs: 20_000 });
	t.strictSame(await slow.took(slow.within.soon()), [false, 4_000]);
	const away = stage({ rate: 1 });
	away.publisher.trouble = "away";
	t.strictSame(await away.took(away.within.soon()), [false, 1_000]);
	t.strictSame((await away.took(away.within.ship()))[1], 5_000, "that counts for nobody else");
});
