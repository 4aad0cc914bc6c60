/** What would be done to a disk: what it shall be on and is not there is said first. */

import t from "tap";
import { poolStage } from "./pool-stage.js";

t.test("a disk on a volume that is not there is foreseen, as far as that is known", async (t) => {
	const stage = await poolStage(t);
	const foreseen = async (volume: string) => {
		const { body } = await stage.ask("PATCH", "/api/v1/disks/db?dry_run=true", {
			body: { volume },
			headers: { "if-match": "*" },
		});
		return body.notices.filter((notice: string) => notice.startsWith("there is no"));
	};
	t.strictSame(await foreseen("fast/nosuch"), ["there is no volume fast/nosuch now"]);
	t.strictSame(await foreseen("fast/nosuch@-10m"), ["there is no volume fast/nosuch@-10m now"]);
	t.strictSame(await foreseen("fast/web@nosuch"), ["there is no snapshot fast/web@nosuch now"]);
	for (const volume of ["fast/web", "fast/web@monday", "slow/any"])
		t.strictSame(await foreseen(volume), [], volume);
});
