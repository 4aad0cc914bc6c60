import t from "tap";
import { BlockOp, BlockRequest, type RequestLayer } from "../../lib/block/request.js";
import { InvariantError, StorageStatus } from "../../lib/errors.js";
import { heapMemory } from "../../lib/wire/memory.js";

const nobody = { finished: () => {} };

t.test("nobody derives from a request: all of them have one shape", async (t) => {
	class Derived extends BlockRequest {
		readonly more = 1;
	}
	t.throws(() => new Derived(nobody), InvariantError);
});

t.test(
	"layers see a request in the opposite order, the owner last, who may begin it again at once",
	async (t) => {
		const told: string[] = [];
		const layer = (name: string): RequestLayer => ({
			below(request, token) {
				told.push(`${name} ${token}`);
				request.resume();
			},
		});
		let lives = 0;
		const request = new BlockRequest({
			finished(over) {
				told.push(`owner ${over.status}`);
				t.equal(over, request);
				t.notOk(over.inFlight);
				lives += 1;
				if (lives < 2) over.begin();
			},
		});
		request.begin();
		request.push(layer("upper"), 7);
		request.push(layer("lower"));
		request.complete(StorageStatus.mediumError, 5);
		t.same(told, ["lower 0", "upper 7", `owner ${StorageStatus.mediumError}`]);
		t.match(request, { inFlight: true, status: StorageStatus.ok, errno: 0 }, "it lives again");
		request.complete(StorageStatus.ok);
		t.throws(() => request.complete(StorageStatus.ok), InvariantError, "once per life");
	},
);

t.test("only bytes that are lent are parked, and once", async (t) => {
	const request = new BlockRequest(nobody);
	request.op = BlockOp.write;
	request.lengthBytes = 4;
	request.memory = heapMemory(6);
	request.memory.bytes.fill(1);
	request.memoryOffset = 2;
	const { memory } = request;
	request.room = heapMemory(5);
	request.roomOffset = 1;
	request.park();
	t.equal(request.memory, memory, "not lent: they stay where they are");
	request.isLent = true;
	request.park();
	memory.bytes.fill(2);
	request.park();
	t.equal(request.memory, request.room);
	t.equal(request.memoryOffset, 1);
	t.same([...request.room.bytes], [0, 1, 1, 1, 1]);
});
