// Commands and their data over real sockets: what was written is read, in every combination of immediate, unsolicited and solicited data,
// digests and lengths; residuals; and what makes no sense.

import t, { type Test } from "tap";
import { Flag, Opcode, RejectReason } from "../../lib/iscsi/pdu.js";
import { Random } from "../../lib/random.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import { BLOCK, MIB, ServerUnderTest } from "./server-under-test.js";

const GOOD = 0;
const CHECK = 2;

function under(t: Test): ServerUnderTest {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	return server;
}

function filled(bytes: number, random = new Random(bytes)): Buffer {
	return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}

async function readBack(initiator: Initiator, lba: number, bytes: number): Promise<Buffer> {
	const { status, data, trouble } = await initiator.command({ cdb: read10(lba, bytes / BLOCK), read: bytes });
	t.equal(status, GOOD);
	t.equal(trouble, null);
	return data;
}

/** At the end of a test: nothing was lost, and nothing is kept. */
function inOrder(t: Test, server: ServerUnderTest, ...initiators: Initiator[]): void {
	for (const { trouble } of initiators) t.equal(trouble, null);
	t.equal(server.disk.underWay, 0);
	t.equal(server.server.rooms.takenBytes, 0, "all rooms were given back");
}

for (const digests of ["None", "CRC32C"])
	for (const initialR2T of ["Yes", "No"])
		for (const immediateData of ["Yes", "No"])
			t.test(`digests ${digests}, InitialR2T ${initialR2T}, ImmediateData ${immediateData}`, async (t) => {
				const server = under(t);
				const initiator = await server.session({
					HeaderDigest: digests,
					DataDigest: digests,
					InitialR2T: initialR2T,
					ImmediateData: immediateData,
					FirstBurstLength: "65536",
					MaxBurstLength: "262144",
					MaxOutstandingR2T: "4",
					MaxRecvDataSegmentLength: "65536",
				});
				let lba = 0;
				for (const bytes of [BLOCK, 4096, 8192 + BLOCK, 65536, 65536 + BLOCK, MIB / 2 + 3 * BLOCK]) {
					const write = filled(bytes);
					const first = Math.min(bytes, 65536);
					const immediate = immediateData === "Yes" ? Math.min(bytes, 8192) : 0;
					const unsolicited = initialR2T === "No" && first > immediate ? first - immediate : 0;
					const { status, r2ts, trouble } = await initiator.command({
						cdb: write10(lba, bytes / BLOCK),
						write,
						immediate,
						unsolicited,
					});
					t.equal(status, GOOD, `${bytes} bytes`);
					t.equal(trouble, null);
					const asked = r2ts.reduce((sum, { length }) => sum + length, 0);
					t.equal(asked, bytes - immediate - unsolicited, "no byte is asked for twice, none is left out");
					t.ok((await readBack(initiator, lba, bytes)).equals(write), "what was written is read");
					lba += bytes / BLOCK;
				}
				t.equal(await initiator.logout(), 0);
				await initiator.over;
				inOrder(t, server, initiator);
				t.same(server.troubles, []);
			});

for (const [burst, segment] of [
	[512, 512],
	[1536, 1000],
	[65536, 1024],
	[262144, 262144],
] as const)
	t.test(`bursts of ${burst} bytes, segments of ${segment}`, async (t) => {
		const server = under(t);
		const initiator = await server.session({
			InitialR2T: "No",
			FirstBurstLength: String(Math.min(burst, 65536)),
			MaxBurstLength: String(burst),
			MaxOutstandingR2T: "8",
			MaxRecvDataSegmentLength: String(segment),
		});
		const bytes = 300 * 1024;
		const write = filled(bytes);
		const unsolicited = Math.min(burst, 65536);
		const { status, r2ts } = await initiator.command({
			cdb: write10(8, bytes / BLOCK),
			write,
			unsolicited,
			segment: Math.min(segment, 65536),
		});
		t.equal(status, GOOD);
		t.ok(
			r2ts.every(({ length }) => length <= burst),
			"no more is asked for than a burst has",
		);
		t.ok((await readBack(initiator, 8, bytes)).equals(write));
		initiator.close();
		await settled(server);
		inOrder(t, server, initiator);
	});

/** Nothing is under way for the server any more. */
async function settled(server: ServerUnderTest): Promise<void> {
	for (let i = 0; i < 1000 && [...server.server.sessions.all()].length > 0; i++)
		await new Promise((resolve) => setTimeout(resolve, 1));
	await new Promise((resolve) => setImmediate(resolve));
}

t.test("a small read has its status with it; what is left over, or lacks, is told", async (t) => {
	const server = under(t);
	const initiator = await server.session();
	const write = filled(8 * BLOCK);
	t.equal((await initiator.command({ cdb: write10(0, 8), write, immediate: write.length })).residual, 0);
	const whole = await initiator.command({ cdb: read10(0, 8), read: 8 * BLOCK });
	t.equal(whole.isCollapsed, true);
	t.equal(whole.dataIns, 1);
	t.ok(whole.data.equals(write));
	const less = await initiator.command({ cdb: read10(0, 4), read: 8 * BLOCK });
	t.equal(less.residual, 4 * BLOCK, "less than was expected");
	t.ok(less.data.equals(write.subarray(0, 4 * BLOCK)));
	const more = await initiator.command({ cdb: read10(0, 8), read: 4 * BLOCK + 100 });
	t.equal(more.residual, -(4 * BLOCK - 100), "more than was expected");
	t.ok(more.data.equals(write.subarray(0, 4 * BLOCK + 100)));
	const longer = await initiator.command({ cdb: write10(16, 1), write, immediate: write.length });
	t.equal(longer.status, GOOD);
	t.equal(longer.residual, 7 * BLOCK);
	t.ok(
		(await readBack(initiator, 17, BLOCK)).equals(Buffer.alloc(BLOCK)),
		"what the CDB does not name is not written",
	);
	const shorter = await initiator.command({
		cdb: write10(32, 8),
		write: write.subarray(0, BLOCK),
		immediate: BLOCK,
	});
	t.equal(shorter.residual, -7 * BLOCK);
	inOrder(t, server, initiator);
});

t.test("data of a command that is refused is passed by, in whatever way it comes", async (t) => {
	const server = under(t);
	const initiator = await server.session({ InitialR2T: "No", FirstBurstLength: "65536" });
	const write = filled(100 * BLOCK);
	const beyond = 64 * (MIB / BLOCK);
	for (const [immediate, unsolicited] of [
		[0, 0],
		[8192, 0],
		[8192, 32768],
		[0, 51200],
	] as const) {
		const { status, sense } = await initiator.command({
			cdb: write10(beyond, 100),
			write,
			immediate,
			unsolicited,
		});
		t.equal(status, CHECK);
		t.equal(sense?.asc, 0x2100);
	}
	const noUnit = await initiator.command({
		lun: 5,
		cdb: write10(0, 100),
		write,
		immediate: 8192,
		unsolicited: 8192,
	});
	t.equal(noUnit.sense?.asc, 0x2500);
	t.equal((await initiator.ping())?.toString(), "ping");
	t.ok((await readBack(initiator, 0, BLOCK)).equals(Buffer.alloc(BLOCK)));
	inOrder(t, server, initiator);
});

t.test("many commands at once, each answered once", async (t) => {
	const server = under(t);
	const initiator = await server.session({ InitialR2T: "No", MaxOutstandingR2T: "2" });
	const random = new Random(7);
	const blocks = 64;
	const written = new Map<number, Buffer>();
	for (let round = 0; round < 6; round++) {
		const results: Promise<unknown>[] = [];
		for (let i = 0; i < 100; i++) {
			const lba = 4096 * i + round * blocks;
			const write = filled(BLOCK * (1 + random.below(blocks - 1)), random);
			const immediate = Math.min(write.length, 8192 * random.below(2));
			written.set(lba, write);
			const { result } = initiator.start({
				cdb: write10(lba % 100_000, write.length / BLOCK),
				write,
				immediate,
			});
			results.push(result.then((end) => t.equal(end?.status, GOOD)));
		}
		await Promise.all(results);
	}
	t.equal(server.disk.stats.writes, 600);
	inOrder(t, server, initiator);
});

t.test("what does not keep to what was agreed on is rejected, or ends the connection", async (t) => {
	const server = under(t);
	const write = filled(8192);
	const rejected = await server.session();
	const early = await rejected.command({ cdb: write10(0, 16), write, unsolicited: 8192 });
	t.equal(early.rejected, RejectReason.protocolError, "unsolicited data where none was agreed on");
	t.equal((await rejected.ping())?.toString(), "ping", "and the connection goes on");
	const changes: [why: RegExp, change: (head: Buffer, index: number) => void][] = [
		[/not in order/, (head) => head.writeUInt32BE(512, 40)],
		[/was not asked for/, (head) => head.writeUInt32BE(head.readUInt32BE(20) ^ 0x100, 20)],
		[/ends elsewhere/, (head) => head.writeUInt8(0, 1)],
	];
	for (const [why, changeData] of changes) {
		const initiator = await server.session();
		const { result } = initiator.start({ cdb: write10(0, 16), write, changeData });
		t.equal((await result)?.rejected, RejectReason.protocolError);
		await initiator.over;
		t.match(server.troubles.pop(), why);
	}
	t.ok((await readBack(rejected, 0, 8192)).equals(Buffer.alloc(8192)), "nothing of that was written");
	inOrder(t, server);
});

t.test(
	"numbers of commands: those outside the window are not heard, one that is missing ends it",
	async (t) => {
		const server = under(t);
		const initiator = await server.session();
		const { maxCmdSN } = initiator;
		for (const cmdSN of [maxCmdSN + 1, maxCmdSN + 1000, initiator.cmdSN - 1])
			void initiator.start({ cdb: read10(0, 1), read: BLOCK, cmdSN: cmdSN >>> 0 });
		t.equal((await initiator.ping())?.toString(), "ping");
		t.equal(server.disk.stats.reads, 0);
		t.equal((await initiator.command({ cdb: read10(0, 1), read: BLOCK })).status, GOOD);
		void initiator.start({ cdb: read10(0, 1), read: BLOCK, cmdSN: initiator.cmdSN + 1 });
		await initiator.over;
		t.match(server.troubles, [/missing before/]);
		t.equal(server.disk.stats.reads, 1);
	},
);

t.test("pings, texts, and what is not known", async (t) => {
	const server = under(t);
	const initiator = await server.session({ DataDigest: "CRC32C" });
	for (const bytes of [0, 1, 511, 8192]) {
		const data = filled(bytes);
		t.ok((await initiator.ping(data))?.equals(data), `${bytes} bytes`);
	}
	t.match(await initiator.text({ SendTargets: "" }), { TargetName: server.scsi.name });
	const unknown = await initiator.ask(0x1c | 0x40, Flag.final, Buffer.alloc(0));
	t.equal(unknown?.head.readUInt8(2), RejectReason.unsupported);
	const snack = await initiator.ask(Opcode.snack | 0x40, Flag.final, Buffer.alloc(0));
	t.equal(snack?.head.readUInt8(2), RejectReason.snack);
	t.equal(await initiator.manage(8), 4, "tasks stay where they are");
	inOrder(t, server, initiator);
});
