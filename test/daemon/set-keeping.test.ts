// What initiators set is kept one at a time for each disk, and nobody waits for it longer than a second.
import t from "tap";
import { SetKeeping } from "../../lib/daemon/set-keeping.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Keeper {
	readonly asked: { disk: string; kept: () => void; failed: () => void }[] = [];
	isAway = false;

	ask(disk: string): Promise<void> | undefined {
		if (this.isAway) return undefined;
		return new Promise((kept, reject) => {
			this.asked.push({ disk, kept, failed: () => reject(new Error("away")) });
		});
	}
}

function make(): { clock: VirtualClock; keeper: Keeper; keep: (disk: string) => { done: boolean } } {
	const [clock, keeper] = [new VirtualClock(), new Keeper()];
	const keeping = new SetKeeping<string>((disk) => keeper.ask(disk), clock);
	const keep = (disk: string): { done: boolean } => {
		const state = { done: false };
		const kept = keeping.keep(disk);
		if (kept === undefined) state.done = true;
		else
			void kept.then(() => {
				state.done = true;
			});
		return state;
	};
	return { clock, keeper, keep };
}

t.test("who sets more meanwhile shares the next", async (t) => {
	const { keeper, keep } = make();
	const first = keep("web");
	const later = [keep("web"), keep("web")];
	const other = keep("mail");
	await turn();
	t.strictSame(
		keeper.asked.map(({ disk }) => disk),
		["web", "mail"],
	);
	keeper.asked[0]?.kept();
	await turn();
	t.ok(first.done);
	t.notOk(later.some(({ done }) => done) || other.done);
	t.equal(keeper.asked.length, 3, "one for both");
	keeper.asked[2]?.kept();
	await turn();
	t.ok(later.every(({ done }) => done));
	keep("web");
	await turn();
	t.equal(keeper.asked.length, 4, "nothing is left of them");
});

t.test("nobody waits longer than a second, nor for who is away", async (t) => {
	const { clock, keeper, keep } = make();
	const [slow, next] = [keep("web"), keep("web")];
	clock.pass(999);
	await turn();
	t.notOk(slow.done);
	clock.pass(1);
	await turn();
	t.ok(slow.done && next.done);
	t.equal(keeper.asked.length, 1, "it is not asked twice at once");
	keeper.isAway = true;
	keeper.asked[0]?.failed();
	await turn();
	t.ok(keep("web").done);
	keeper.isAway = false;
	t.notOk(keep("web").done, "it is back");
});
