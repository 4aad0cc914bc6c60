// Power is cut, or the process killed, at each step of what is done to a mirror while it serves: its comparing with repair, a member that is copied
// to anew, members that the configuration has more or fewer of. Afterwards it opens, what was acknowledged is there, in all members, and what was
// said to be written again is.

import t, { type Test } from "tap";
import { rounds } from "../support/long.js";
import { type List, Machine } from "./cut-machine.js";

/** So many places at which it is cut, of each. */
const CUTS = rounds(7, 400);

interface Deed {
	readonly names: List;
	/** Before: nothing is cut. */
	readonly prepare: (machine: Machine) => Promise<void>;
	readonly act: (machine: Machine) => Promise<void>;
	/** What the configuration has afterwards. */
	readonly list: List;
	readonly isSpoilt?: boolean;
}

/** What it is told when it is started again after that: nothing, or what an operator says to the refusal. */
async function recover(machine: Machine, { list, isSpoilt = false }: Deed): Promise<void> {
	try {
		await machine.open(list);
	} catch (error) {
		if (!/was in sync and is not here/.test(String(error))) throw error;
		await machine.open(list, { degraded: true });
	}
	await machine.inSync();
	if (isSpoilt) await machine.mirror!.verify({ byMajority: true });
	await machine.end(list);
}

async function sweep(t: Test, deed: Deed): Promise<void> {
	const begin = async (seed: number): Promise<Machine> => {
		const machine = new Machine(seed, deed.names);
		await machine.clock.until(deed.prepare(machine));
		return machine;
	};
	const whole = await begin(1);
	t.notOk(await whole.cutAt(Number.POSITIVE_INFINITY, () => deed.act(whole)));
	const step = Math.max(1, Math.floor(whole.effects / CUTS));
	let cuts = 0;
	for (let fuse = 1; fuse <= whole.effects; fuse += step) {
		const machine = await begin(1);
		if (!(await machine.cutAt(fuse, () => deed.act(machine)))) continue;
		cuts++;
		try {
			machine.again(machine.random.pick([0, 0.5, 1, 1]));
			// And once more while it is opened.
			await machine.cutAt(1 + machine.random.below(60), async () => recover(machine, deed));
			machine.again(machine.random.pick([0, 0.5, 1, 1]));
			await machine.clock.until(recover(machine, deed));
		} catch (error) {
			t.error(error, `cut at ${fuse} of ${whole.effects}`);
			return;
		}
	}
	t.ok(cuts > 0, `${cuts} cuts of ${whole.effects} places`);
}

async function inUse(machine: Machine, list: List): Promise<void> {
	await machine.open(list);
	await machine.inSync();
	for (let i = 0; i < 20; i++) await machine.write();
	await machine.sleep(60_000);
}

t.test("comparing with repair", async (t) => {
	const list = ["a", "b", "c"];
	const prepare = async (machine: Machine): Promise<void> => {
		await inUse(machine, list);
		for (const sector of [0, 3, 200, 300]) await machine.spoil("b", sector);
	};
	const act = async (machine: Machine): Promise<void> => {
		const compared = machine.mirror!.verify({ byMajority: true });
		for (let i = 0; i < 6; i++) await machine.write();
		await compared;
	};
	await sweep(t, { names: list, list, prepare, act, isSpoilt: true });
	for (const survival of [0, 0.5]) {
		const machine = new Machine(2, list);
		await machine.clock.until(prepare(machine));
		const { repairedBytes } = await machine.clock.until(machine.mirror!.verify({ byMajority: true }));
		t.ok(repairedBytes > 0);
		machine.again(survival);
		await machine.clock.until(machine.open(list).then(() => machine.end(list)));
		t.pass("what was said to be written again is, after a loss of power, too");
	}
});

t.test("a member that is copied to anew", async (t) => {
	const list = ["a", "b"];
	await sweep(t, {
		names: list,
		list,
		prepare: (machine) => inUse(machine, list),
		act: async (machine) => {
			await machine.mirror!.detach(1);
			await machine.write();
			machine.mirror!.attach(1, machine.disk("b"), true);
			for (let i = 0; i < 4; i++) await machine.write();
			await machine.inSync();
			await machine.mirror!.close();
		},
	});
});

t.test("one more", async (t) => {
	const list = ["a", "b", "c"];
	await sweep(t, {
		names: list,
		list,
		prepare: (machine) => inUse(machine, ["a", "b"]),
		act: async (machine) => {
			await machine.mirror!.close();
			await machine.open(list);
			for (let i = 0; i < 4; i++) await machine.write();
			await machine.inSync();
			await machine.mirror!.close();
		},
	});
});

t.test("one fewer, which is gone on without, and one that takes its place", async (t) => {
	const list = ["a", "c"];
	await sweep(t, {
		names: ["a", "b", "c"],
		list,
		prepare: (machine) => inUse(machine, ["a", "b"]),
		act: async (machine) => {
			await machine.mirror!.close();
			await machine.open(list, { degraded: true });
			for (let i = 0; i < 4; i++) await machine.write();
			await machine.inSync();
			await machine.mirror!.close();
		},
	});
});

t.test("one fewer, and that one again", async (t) => {
	const list = ["a", "b", "c"];
	await sweep(t, {
		names: list,
		list,
		prepare: (machine) => inUse(machine, list),
		act: async (machine) => {
			await machine.mirror!.close();
			await machine.open(["a", "c"], { degraded: true });
			for (let i = 0; i < 4; i++) await machine.write();
			await machine.mirror!.close();
			await machine.open(list);
			await machine.write();
			await machine.inSync();
			await machine.mirror!.close();
		},
	});
});
