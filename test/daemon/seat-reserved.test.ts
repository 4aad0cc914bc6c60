// A volume of a pool that two hosts serve, and what is reserved of it: nothing gets past that while it goes from one to the other, nor where nobody else knows of it.
import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { Hold } from "../../lib/holds.js";
import { owned, Stage, write } from "./seat-stage.js";

const REGISTRANTS = 5;
const KEPT = {
	registrations: [{ initiator: "one", target: "web", port: 1, key: "0000000000000007" }],
	...{ type: REGISTRANTS, holder: 0 },
};
const along = (isKept: boolean): string =>
	JSON.stringify({ scsi: { ...KEPT, along: { isKept, generation: 1 } } });

t.test("what was asked before it was known what is reserved is not done against that", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	seat.saw(owned(3));
	const { device } = await seat.use("web");
	const unlisten = device.listen({ answers: () => device.holds?.set(stage, "scsi", Hold.writing) });
	const before = write(device);
	const there = stage.last;
	seat.cameHere();
	there.done(0, StorageStatus.closed);
	const [during, reading, flushing] = [
		write(device),
		write(device, BlockOp.read),
		write(device, BlockOp.flush),
	];
	await stage.turns();
	t.equal((await before).status, StorageStatus.writeProtected, "nor what was asked of the other host");
	t.equal((await during).status, StorageStatus.writeProtected);
	while (stage.last.below.length > 0) stage.last.done();
	t.equal((await reading).status, StorageStatus.ok);
	t.equal((await flushing).status, StorageStatus.ok);
	device.holds?.set(stage, "scsi", Hold.none);
	unlisten();
	await device.close();
});

t.test("what comes by the other host is held to what is kept, whether or not it is known here", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	const memo = { text: along(false), keep: async () => {} };
	const tenure = { mayAnswer: true, epoch: 2, isNew: true, isHandedOver: true };
	Object.assign(stage, { memo, tenure });
	const there = await seat.use("web", "beta");
	const { device } = await seat.use("web");
	t.equal((await write(there.device)).status, StorageStatus.writeProtected);
	const asked = async (op: BlockOp = BlockOp.write): Promise<StorageStatus> => {
		const result = write(there.device, op);
		await stage.turns();
		if (stage.last.below.length > 0) stage.last.done();
		return (await result).status;
	};
	t.equal(await asked(BlockOp.read), StorageStatus.ok);
	t.equal(await asked(BlockOp.flush), StorageStatus.ok);
	memo.text = "{}";
	t.equal(await asked(), StorageStatus.ok, "it is not reserved any more");
	memo.text = along(false);
	t.equal(await asked(), StorageStatus.writeProtected);
	tenure.isHandedOver = false;
	t.equal(await asked(), StorageStatus.ok, "it was over with the loss of its host");
	memo.text = along(true);
	t.equal(await asked(), StorageStatus.writeProtected, "that one was not");
	memo.text = JSON.stringify({ scsi: KEPT });
	t.equal(await asked(), StorageStatus.ok, "nor what was made while one host alone served it");
	await device.close();
	await there.device.close();
});

t.test("what is to be settled is, although the pool is about to go", async (t) => {
	const stage = new Stage();
	const { seat } = stage;
	const { device } = await seat.use("web");
	const late = write(device);
	let isSettled = false;
	const settling = device.tenure?.partner?.settle?.().then(() => {
		isSettled = true;
	});
	const going = seat.handingOver(async () => {});
	const again = device.tenure?.partner?.settle?.();
	void again?.then(() => {
		isSettled = true;
	});
	await stage.turns();
	t.equal(isSettled, false);
	stage.last.done();
	await Promise.all([late, settling, again, going]);
	await device.close();
});
