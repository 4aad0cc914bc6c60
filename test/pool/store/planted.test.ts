// Bugs that are planted in how a pool is brought to a store, and in what is kept of it here, are found by using it and cutting the power.
import t from "tap";
import { OperatorError } from "../../../lib/errors.js";
import { ObjectError } from "../../../lib/object/errors.js";
import { LocalTable } from "../../../lib/pool/store/local-table.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { CrashError } from "../crash-model.js";
import { planted } from "../planted.js";
import { play } from "./whole-store.js";

t.setTimeout(230_000);

const LATER_TURNS = 40;

const PLANTS = {
	"the superblock names what is not stored yet": () => {
		const { put } = MemoryObjects.prototype;
		return planted(MemoryObjects.prototype, "put", async function (this: MemoryObjects, ...args) {
			let turns = LATER_TURNS;
			const later = (): void => {
				if (turns-- > 0) setImmediate(later);
				else void put.apply(this, args).catch(() => {});
			};
			later();
			return "created";
		});
	},
	"that something may be written is not stable before it is": () =>
		planted(LocalTable.prototype, "save", async () => {}),
};

for (const [name, plant] of Object.entries(PLANTS))
	t.test(name, async (t) => {
		const isOver = plant();
		t.teardown(isOver);
		let found = 0;
		for (let seed = 1; seed <= 4 && found === 0; seed++)
			for (const stable of ["store", "host"] as const)
				await play(seed, stable).catch((error: unknown) => {
					const isTold = [CrashError, OperatorError, ObjectError].some((Kind) => error instanceof Kind);
					t.ok(isTold, `seed ${seed}, ${stable}: ${error}`);
					found++;
				});
		t.ok(found > 0, "it is found");
	});
