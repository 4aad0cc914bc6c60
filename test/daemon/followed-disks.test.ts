// What a reload says of the disks of a pool is followed as far as it is something else than before; what is named and no part of it is told.
import t from "tap";
import { FollowedDisks } from "../../lib/daemon/followed-disks.js";
import type { PoolDiskState, PoolDisks } from "../../lib/pool/folder.js";

/** Knows what was asked of it. */
class Parts implements PoolDisks {
	readonly asked: string[] = [];

	constructor(public names: readonly string[]) {}

	get states(): readonly PoolDiskState[] {
		const known = { state: "in use", sizeBytes: 0, usedBytes: 0, trouble: null } as const;
		return this.names.map((disk) => ({ disk, ...known }));
	}

	async add(disk: string): Promise<void> {
		this.asked.push(`add ${disk}`);
		this.names = [...this.names, disk];
	}

	async remove(disk: string): Promise<void> {
		this.asked.push(`remove ${disk}`);
		this.names = this.names.filter((name) => name !== disk);
	}

	async keep(disk: string): Promise<void> {
		this.asked.push(`keep ${disk}`);
	}
}

t.test("what a pool was made on is what was said first", async (t) => {
	const followed = new FollowedDisks();
	const parts = new Parts(["a", "b"]);
	followed.made("far", ["a", "b"]);
	await followed.follow("far", parts, ["a", "b", "c"]);
	t.strictSame(parts.asked, ["add c"]);
	await followed.follow("far", parts, ["b", "c"]);
	t.strictSame(parts.asked, ["add c", "remove a"]);
});

t.test(
	"of one that was there nothing is changed by what is said first, but what it lacks is told",
	async (t) => {
		const followed = new FollowedDisks();
		const parts = new Parts(["a", "b"]);
		const why = /disk "c": is named for the pool, and no part of it; vblade pool add makes it one/;
		await t.rejects(followed.follow("far", parts, ["a", "c"]), why);
		await t.rejects(followed.follow("far", parts, ["a", "c"]), why, "again");
		t.strictSame(parts.asked, []);
		await parts.add("c");
		await followed.follow("far", parts, ["a", "c"]);
		t.strictSame(parts.asked, ["add c"]);
	},
);
