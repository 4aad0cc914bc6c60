// Where a pool goes that two hosts serve, by what is asked of it: counted in requests and looks.
import t from "tap";
import { LOOK_MS, Pull } from "../../../lib/pool/store/pull.js";

/** Two hosts, one of which has the pool; `use` asks by each for so many requests between two looks. */
class Two {
	owner = 0;
	nowMs = 0;
	readonly moves: number[] = [];
	readonly #pulls = [new Pull(), new Pull()] as const;

	constructor() {
		this.#pulls[0].came(0);
		this.nowMs = 10_000;
	}

	use(requests: readonly [number, number], looks: number): void {
		for (let look = 0; look < looks; look++) {
			const pull = this.#pulls[this.owner]!;
			for (let i = 0; i < requests[this.owner]!; i++) pull.asked();
			for (let i = 0; i < requests[1 - this.owner]!; i++) pull.askedFor("other");
			this.nowMs += LOOK_MS;
			if (pull.look(this.nowMs) === undefined) continue;
			this.owner = 1 - this.owner;
			this.moves.push(this.nowMs);
			this.#pulls[this.owner]!.came(this.nowMs);
		}
	}
}

t.test("it goes where it is used, within half a second", async (t) => {
	const two = new Two();
	two.use([0, 100], 5);
	t.equal(two.owner, 1);
	t.ok((two.moves[0] ?? 0) - 10_000 <= 500);
});

t.test("it stays where nobody uses it, or hardly anybody", async (t) => {
	const two = new Two();
	for (const requests of [
		[0, 0],
		[0, 7],
		[100, 100],
		[100, 290],
	] as const)
		two.use(requests, 1000);
	t.strictSame(two.moves, []);
});

t.test("a burst that is over is not followed", async (t) => {
	const two = new Two();
	for (let burst = 0; burst < 100; burst++) {
		two.use([0, 1000], 2);
		two.use([1, 0], 1);
	}
	t.strictSame(two.moves, []);
});

t.test("two that take turns move it less and less", async (t) => {
	const two = new Two();
	for (let turn = 0; turn < 300; turn++) two.use(turn % 2 === 0 ? [0, 500] : [500, 0], 10);
	const within = (fromMs: number, toMs: number): number =>
		two.moves.filter((each) => each - 10_000 >= fromMs && each - 10_000 < toMs).length;
	t.ok(within(0, 10_000) >= 2, "at first it is followed");
	t.ok(within(60_000, 300_000) <= 12, `${two.moves.length} moves in 300 s`);
});

t.test("one that could not go is not asked to at each look", async (t) => {
	const pull = new Pull();
	pull.came(0);
	let [asked, nowMs] = [0, 10_000];
	for (let look = 0; look < 100; look++) {
		for (let i = 0; i < 100; i++) pull.askedFor("other");
		nowMs += LOOK_MS;
		if (pull.look(nowMs) === undefined) continue;
		asked++;
		pull.came(nowMs);
	}
	t.ok(asked <= 5, `${asked} times in 10 s`);
});

t.test(
	"of several others it goes to the one that asks for most, if that is much more than what is asked here",
	async (t) => {
		const pull = new Pull();
		pull.came(0);
		let nowMs = 10_000;
		const goesTo = (asked: Readonly<Record<string, number>>, own: number): string | undefined => {
			for (let i = 0; i < own; i++) pull.asked();
			for (const [host, requests] of Object.entries(asked))
				for (let i = 0; i < requests; i++) pull.askedFor(host);
			nowMs += LOOK_MS;
			return pull.look(nowMs);
		};
		for (let look = 0; look < 100; look++)
			t.equal(goesTo({ two: 20, three: 20 }, 10), undefined, "neither asks for much more than is asked here");
		for (let look = 0; look < 100; look++)
			t.equal(
				goesTo(look % 2 === 0 ? { two: 50, three: 40 } : { two: 40, three: 50 }, 0),
				undefined,
				"two that ask for as much",
			);
		const went = Array.from({ length: 3 }, () => goesTo({ two: 40, three: 50, four: 1 }, 0));
		t.equal(went.at(-1), "three");
	},
);

t.test("who has to have it waits a second, and longer only where it goes all the time", async (t) => {
	const pull = new Pull();
	t.equal(pull.wantedInMs(0), 0, "it never came");
	let nowMs = 0;
	for (let move = 0; move < 32; move++, nowMs += 2_000) {
		pull.came(nowMs);
		t.equal(pull.wantedInMs(nowMs), 1_000);
	}
	for (let move = 0; move < 10; move++, nowMs += 2_000) pull.came(nowMs);
	t.equal(pull.wantedInMs(nowMs - 2_000), 60_000);
	t.equal(pull.wantedInMs(nowMs + 60_000), 0);
});
