// A disk that was a part of a pool and does not answer any more.
import t from "tap";
import { DeviceLayer } from "../../../lib/block/layer.js";
import type { BlockRequest } from "../../../lib/block/request.js";
import { Pool } from "../../../lib/pool/pool.js";
import { Stage, show } from "../memory-folder.js";
import { emptied, nextTurn, TestDisks } from "./disks.js";

/** What is asked of it is answered when it goes on. */
class Silent extends DeviceLayer {
	isSilent = false;
	readonly held: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		if (this.isSilent) {
			request.park();
			this.held.push(request);
		} else this.device.submit(request);
	}

	goOn(): void {
		this.isSilent = false;
		for (const request of this.held.splice(0)) this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

t.test("one that was emptied and answers no more keeps nobody from closing the pool", async (t) => {
	const disks = TestDisks.of({ a: 1, b: 1 });
	let silent: Silent | undefined;
	disks.wrap = (device, name) => {
		if (name !== "b") return device;
		silent ??= new Silent(device);
		return silent;
	};
	const world = disks.world(1);
	const pool = await Pool.create(world);
	await pool.administration.create("web", 64 * 2 ** 20, 4096);
	const [stage, parts] = [await Stage.of(pool), world.disks];
	await stage.write(3, 7);
	await parts.remove("b");
	silent!.isSilent = true;
	await emptied(parts, "b");
	while (silent!.held.length === 0) await nextTurn();
	await stage.close();
	t.equal(silent!.held.length, 1, "it has not been told");
	const again = await Pool.open(disks.world(2, ["a"]));
	t.strictSame(await show(again, "web", 3), [7]);
	await again.close();
	silent!.goOn();
	for (let turn = 0; turn < 10; turn++) await nextTurn();
	const made = await Pool.create(disks.world(3, ["b"]));
	await made.close();
	t.pass("and when it has been, there is nothing on it");
});
