/** Lists of volumes and snapshots, of which there may be thousands: they come in pages. */

import t from "tap";
import { POOL } from "./figures.js";
import { Stage, settle } from "./stage.js";

t.test("lists come in pages, of many volumes too", async (t) => {
	const stage = new Stage();
	stage.opener.text += '\n[pool.fast]\npath = "/srv/fast"\n';
	const [web] = POOL.volumes;
	const [monday] = web!.snapshots;
	const snapshots = Array.from({ length: 7 }, (_, i) => ({ ...monday!, name: `s${i}` }));
	const volumes = ["a", "b", "c"].map((name) => ({ ...web!, name, snapshotCount: 7, snapshots }));
	stage.workers.pools.set("/srv/fast", { ...POOL, volumeCount: 3, volumes });
	await stage.start(t);
	await settle();
	const page = async (query: string): Promise<[string[], number, string | null]> => {
		const { body } = await stage.ask("GET", `/api/v1/snapshots?${query}`);
		const named = body.snapshots.map((each: Record<string, string>) => `${each.volume}@${each.name}`);
		return [named, body.total, body.next];
	};
	t.strictSame(await page("pool=fast&offset=5&limit=4"), [["a@s5", "a@s6", "b@s0", "b@s1"], 21, "9"]);
	t.strictSame(await page("pool=fast&offset=20&limit=4"), [["c@s6"], 21, null]);
	t.strictSame(await page("volume=fast%2Fb&limit=2"), [["b@s0", "b@s1"], 7, "2"]);
	t.equal((await stage.ask("GET", "/api/v1/snapshots?volume=b")).status, 404, "POOL/VOLUME is expected");
	const some = (await stage.ask("GET", "/api/v1/volumes?pool=fast&offset=1&limit=1")).body;
	t.match(some, { volumes: [{ name: "b", snapshotCount: 7 }], total: 3, next: "2" });
	t.notOk("snapshots" in some.volumes[0], "those are asked for by themselves");
});
