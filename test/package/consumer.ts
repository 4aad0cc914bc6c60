/**
 * A program by somebody else, who has installed the package: it puts a device of its own and ours through the suites, and
 * reads and writes a disk over a network in memory. `consumer.test.ts` compiles and runs it in a folder of its own, with no
 * types but the package's and the language's. Throws if anything is not as it should be.
 */

import {
	type BlockDevice,
	BlockOp,
	type BlockRequest,
	DeviceLayer,
	MemoryDevice,
	StorageStatus,
} from "vblade/block";
import { DiskError, Initiator, InitiatorError, type RemoteDisk } from "vblade/client";
import { type Link, type NetifSpec, openLink } from "vblade/link";
import {
	type BlockAssertions,
	blockConformance,
	CrashDevice,
	DelayLayer,
	FaultyLayer,
	faultySchedule,
	type LinkAssertions,
	LossyLink,
	linkConformance,
	MemorySwitch,
	memoryLinkPair,
	Pump,
	Random,
	TestTarget,
	VirtualClock,
} from "vblade/testing";

const MIB = 1024 * 1024;
const SECTOR = 512;
/** Cases of the suites that were run. */
const cases: string[] = [];

function check(condition: unknown, message: string): asserts condition {
	if (!condition) throw new Error(message);
}

/** As little of a test runner as the suites need. */
const assertions: BlockAssertions & LinkAssertions = {
	equal: (found, wanted, message) => check(Object.is(found, wanted), `${message}: ${found}, not ${wanted}`),
	ok: (value, message) => check(value, message),
	same: (found, wanted, message) => check(JSON.stringify(found) === JSON.stringify(wanted), message),
};
const reporter = {
	async test(name: string, body: (t: BlockAssertions & LinkAssertions) => Promise<void>): Promise<void> {
		cases.push(name);
		await body(assertions);
	},
};

/** A layer of somebody else's: it lets everything through. */
class Through extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}
	below(request: BlockRequest): void {
		request.complete(StorageStatus.ok);
	}
}

async function suites(): Promise<void> {
	await blockConformance(reporter, "memory", () => new MemoryDevice(MIB), { ordered: true, seed: 1 });
	await blockConformance(reporter, "a layer", (): BlockDevice => new Through(new MemoryDevice(MIB)), {
		ordered: true,
		seed: 1,
	});
	await linkConformance(reporter, "a network in memory", async () => {
		const pump = new Pump();
		const [near, far] = memoryLinkPair(pump);
		const close = async (): Promise<void> => void (await Promise.all([near.close(), far.close()]));
		return { pump, near, far, close };
	});
}

/** Writes and reads on a bad network, in virtual time. */
async function overTheNetwork(device: BlockDevice): Promise<number> {
	const clock = new VirtualClock();
	const pump = new Pump();
	const { schedule, counts } = faultySchedule({ clock, random: new Random(1), dropRate: 0.2 });
	const ether = new MemorySwitch();
	new TestTarget(new LossyLink(ether.link(pump), schedule), { clock }).serve(9, 0, device);
	const link: Link = ether.link(pump);
	const initiator = new Initiator(link, { clock });
	const disk: RemoteDisk = await clock.until(initiator.open(9, 0));
	check(disk.sectorCount === MIB / SECTOR, "the disk has its size");
	const written = new Uint8Array(100 * SECTOR).map((_, index) => index % 251);
	await clock.until(disk.write(3, written));
	const read = await clock.until(disk.read(3, 100));
	check(
		read.every((byte, index) => byte === written[index]),
		"what was written is read",
	);
	check(counts.dropped > 0 && initiator.stats.retransmissions > 0, "frames were lost, and sent again");
	const found = await clock.until(initiator.discover());
	check(found.length === 1 && found[0]?.shelf === 9, "it is found");
	const none: unknown = await clock.until(initiator.open(9, 1).catch((error: unknown) => error));
	check(none instanceof InitiatorError, "nobody answers for another slot");
	initiator.close();
	return initiator.stats.answers;
}

/** A read that the disk fails comes out as an error, and once it is well again all is. */
async function aDiskThatFails(): Promise<void> {
	const faulty = new FaultyLayer(new MemoryDevice(MIB), 1);
	faulty.add({ op: BlockOp.read });
	const failed: unknown = await overTheNetwork(faulty).catch((error: unknown) => error);
	check(failed instanceof DiskError, "the disk's error reaches its initiator");
	faulty.heal();
	await overTheNetwork(faulty);
}

/** Not called: that it compiles is what is wanted of it. */
export async function neverCalled(netif: NetifSpec, clock: VirtualClock): Promise<Link> {
	new DelayLayer(new MemoryDevice(MIB), { clock, minMs: 0, maxMs: 5 });
	return openLink(netif, new Pump(), { framesInFlight: 16, log: () => {} });
}

await suites();
const answers = await overTheNetwork(new MemoryDevice(MIB));
await overTheNetwork(new CrashDevice(MIB));
await aDiskThatFails();

/** What was done, for who runs this. */
export const summary: string = `${cases.length} cases, ${answers > 0 ? "answers" : "no answer"}`;
