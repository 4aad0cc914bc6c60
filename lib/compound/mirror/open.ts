/**
 * Opens a mirror of its members, or makes a new one of them: looks at what they are, has `assess.ts` say what follows, and refuses in one
 * line what nobody but the operator can decide. Called by whoever opens disks; hands on a `Mirror`.
 */

import type { BlockDevice } from "../../block/device.js";
import { invariant, OperatorError } from "../../errors.js";
import { DISK_TIMEOUT_DEFAULT, RESYNC_RATE_DEFAULT } from "../../spec/keys.js";
import { type AssessOptions, assess, type Standing, superblockOf, type View } from "./assess.js";
import {
	type Identity,
	MEMBERS_MAX,
	type MemberEntry,
	NO_ID,
	OVERWRITE_ID,
	REGION_BYTES_MIN,
	RESERVED_BYTES,
	regionBytesFor,
	reservedAt,
	type Superblock,
} from "./format.js";
import { Intents } from "./intents.js";
import { Member } from "./member.js";
import { certain, readBitmaps, viewOf } from "./metadata.js";
import { Mirror, type MirrorWorld, type Tuning } from "./mirror.js";
import { within } from "./patience.js";

export interface MemberSpec {
	/** What the operator calls it. */
	readonly name: string;
	/** Null: it can't be opened at present. */
	readonly device: BlockDevice | null;
}

export interface MirrorOptions {
	/** The name of the member that counts: for a new mirror of members that are not empty, and where nobody else can say. */
	readonly from?: string;
	/** Go on without members that were in sync and are not here. */
	readonly degraded?: boolean;
	/** Bytes per second that are copied and compared at most. */
	readonly resyncRate?: number;
	/** See `Tuning`. */
	readonly timeoutMs?: number;
}

/** A member as it was found, at its place. */
interface Found {
	readonly name: string;
	readonly device: BlockDevice | null;
	readonly view: View;
	/** Default: true. */
	readonly isNamed?: boolean;
}

/**
 * Throws an OperatorError that says why it can't be opened; then the devices are the caller's as before. Else they are the mirror's,
 * which closes them.
 */
export async function openMirror(
	specs: readonly MemberSpec[],
	world: MirrorWorld,
	options: MirrorOptions = {},
): Promise<Mirror> {
	if (specs.length < 2 || specs.length > MEMBERS_MAX)
		throw new OperatorError(`${specs.length} members: a mirror has 2 to ${MEMBERS_MAX}`);
	const { from, degraded, resyncRate = RESYNC_RATE_DEFAULT } = options;
	const { timeoutMs = DISK_TIMEOUT_DEFAULT * 1000 } = options;
	const tuning = { resyncRate, timeoutMs };
	const found = await look(specs, world, timeoutMs);
	const places = placed(found);
	const source = from === undefined ? undefined : places.findIndex(({ name }) => name === from);
	if (source === -1) throw new OperatorError(`from ${from}: no member has that name`);
	const assessOptions: AssessOptions = {
		...(source === undefined ? {} : { from: source }),
		...(degraded === undefined ? {} : { degraded }),
	};
	const views = places.map(({ view }) => view);
	const names = places.map(({ name }) => name);
	const assessment = assess(views, names, assessOptions);
	switch (assessment.kind) {
		case "refuse":
			throw new OperatorError(assessment.text);
		case "create":
			return started(create(places, assessment.source, world, tuning));
		case "open":
			return started(await open(places, assessment.leader, assessment.standings, world, tuning));
	}
}

/** One that does not answer is not there; when it does, it is looked at again. */
async function look(
	specs: readonly MemberSpec[],
	{ clock, allocate }: MirrorWorld,
	timeoutMs: number,
): Promise<Found[]> {
	return Promise.all(
		specs.map(async ({ name, device }) => {
			const member = new Member(0, name, 1);
			member.device = device;
			const view = await within<View>(clock, timeoutMs, viewOf(member, allocate), { kind: "absent" });
			return { name, device, view };
		}),
	);
}

/** Members in the places that their superblocks name; the others where nobody is, at their own place if that can be. */
function placed(found: readonly Found[]): Found[] {
	const first = found.find(({ view }) => view.kind === "superblock")?.view;
	const superblock = first?.kind === "superblock" ? first.superblock : undefined;
	const places: (Found | undefined)[] = new Array(superblock?.entries.length ?? 0).fill(undefined);
	const others: [index: number, found: Found][] = [];
	for (const [i, each] of found.entries()) {
		const { view } = each;
		if (view.kind !== "superblock") {
			others.push([i, each]);
			continue;
		}
		const { index, mirror } = view.superblock;
		if (mirror !== superblock?.mirror)
			others.push([i, misplaced(each, "is a member of another mirror than the first one")]);
		else if (places[index] !== undefined)
			others.push([i, misplaced(each, `is the same member as ${places[index].name}`)]);
		else places[index] = each;
	}
	// Who is not here is rather one that was in sync than one that was taken out of the configuration.
	const wanted = (i: number): boolean => places[i] === undefined && superblock?.entries[i]?.inSync === true;
	for (const [i, each] of others) {
		if (each.view.kind !== "absent") continue;
		const at = wanted(i) ? i : places.findIndex((_, place) => wanted(place));
		if (at >= 0) places[at] = each;
	}
	for (const [i, each] of others) {
		if (places.includes(each)) continue;
		const free = places[i] === undefined && i < MEMBERS_MAX ? i : places.indexOf(undefined);
		places[free < 0 ? places.length : free] = each;
	}
	return Array.from(
		places,
		(each, i) => each ?? { name: `member ${i}`, device: null, view: { kind: "absent" }, isNamed: false },
	);
}

function misplaced(found: Found, reason: string): Found {
	return { ...found, view: { kind: "misplaced", reason } };
}

async function started(mirror: Mirror): Promise<Mirror> {
	if (await mirror.start()) return mirror;
	throw new OperatorError("the mirror's superblocks can't be written");
}

/** A new mirror: all but the source are to be copied. */
function create(places: readonly Found[], source: number, world: MirrorWorld, tuning: Tuning): Mirror {
	const sizes = places.map(({ device }) => reservedAt(device?.info.sizeBytes ?? 0));
	const dataBytes = Math.min(...sizes);
	const smallest = places[sizes.indexOf(dataBytes)]!;
	if (dataBytes < REGION_BYTES_MIN)
		throw new OperatorError(
			`${smallest.name} is too small for a mirror: it must have ${REGION_BYTES_MIN + RESERVED_BYTES} bytes at least`,
		);
	const identity: Identity = {
		mirror: world.identifier(16),
		dataBytes,
		regionBytes: regionBytesFor(dataBytes),
		generation: 0,
	};
	const members = membersOf(places, identity);
	for (const member of members) {
		member.uuid = world.identifier(16);
		member.confirmed = OVERWRITE_ID;
		member.attempted = NO_ID;
		member.inSync = member.index === source;
		member.needsAll = true;
		if (!member.inSync) member.behind.addAll();
	}
	noteSince(members, [], world);
	return new Mirror({ identity, members, intents: intentsOf(identity, members), world, ...tuning });
}

async function open(
	places: readonly Found[],
	leader: number,
	standings: readonly Standing[],
	world: MirrorWorld,
	tuning: Tuning,
): Promise<Mirror> {
	const superblock = superblockOf(places[leader]!.view);
	invariant(superblock !== undefined, "a mirror is led by a member without a superblock");
	const members = membersOf(places, superblock);
	const intents = intentsOf(superblock, members);
	const maps = [intents.wanted, ...members.slice(0, superblock.entries.length).map(({ behind }) => behind)];
	const reading = readBitmaps(members[leader]!, maps, world.allocate);
	if (!(await within(world.clock, tuning.timeoutMs, reading, false)))
		throw new OperatorError(`${places[leader]!.name}: its bitmaps can't be read`);
	for (const member of members) {
		const entry = superblock.entries[member.index];
		const { view, name } = places[member.index]!;
		const found = standings[member.index]!;
		const sure = found.kind === "refused" ? view : await ascertain(member, view, world, tuning);
		// (What it may be besides what was seen, nobody else can say of the leader.)
		if (sure.kind === "absent" && member.index === leader)
			throw new OperatorError(`${name}: a copy of its superblock can be neither read nor written`);
		const standing = sure.kind === "absent" ? sure : found;
		const own = superblockOf(sure);
		const isTaken = standing.kind === "whole";
		member.uuid = (isTaken ? own?.entries[own.index]?.uuid : entry?.uuid) ?? world.identifier(16);
		member.needsAll = true;
		stand(member, standing, entry, own);
	}
	// Where it was being written, members may have something different: one of them counts, and the others are behind.
	if (intents.wanted.size > 0)
		for (const member of members) {
			member.inSync = member.index === leader;
			if (!member.inSync) member.behind.unite(intents.wanted);
		}
	noteSince(members, superblock.entries, world);
	const { mirror, dataBytes, regionBytes, generation } = superblock;
	const identity: Identity = { mirror, dataBytes, regionBytes, generation };
	return new Mirror({ identity, members, intents, world, ...tuning });
}

/** One that does not answer is not there, and is looked at again like one that fell out. */
function ascertain(
	member: Member,
	view: View,
	{ clock, allocate }: MirrorWorld,
	{ timeoutMs }: Tuning,
): Promise<View> {
	return within<View>(clock, timeoutMs, certain(member, view, allocate), { kind: "absent" });
}

/** What is known of a member, what it lacks, and whether it takes part. */
function stand(
	member: Member,
	standing: Standing,
	entry: MemberEntry | undefined,
	own: Superblock | undefined,
): void {
	// Of one that is not here, or not admitted, the others know what it may be.
	const said = standing.kind === "refused" ? undefined : own?.id;
	member.confirmed = said ?? entry?.confirmed ?? NO_ID;
	member.attempted = said ?? entry?.attempted ?? NO_ID;
	member.sequence = own?.sequence ?? 0;
	// Its bitmap is from when it was last behind.
	if (entry?.inSync === true) member.behind.clear();
	if (entry === undefined || standing.kind === "whole") member.behind.addAll();
	if (standing.kind === "refused") member.refusal = standing.reason;
	member.inSync = standing.kind === "inSync";
}

/** Who is not in sync lacks something since the moment that was noted, or else since now. */
function noteSince(
	members: readonly Member[],
	entries: readonly MemberEntry[],
	{ wallMs }: MirrorWorld,
): void {
	for (const member of members)
		member.lacksSinceMs = member.inSync ? 0 : entries[member.index]?.lacksSinceMs || wallMs();
}

function membersOf(places: readonly Found[], { dataBytes, regionBytes }: Shape): Member[] {
	const regions = Math.ceil(dataBytes / regionBytes);
	return places.map(({ name, device, isNamed = true }, index) => {
		const member = new Member(index, name, regions);
		member.device = device;
		member.isNamed = isNamed;
		return member;
	});
}

function intentsOf({ dataBytes, regionBytes }: Shape, members: readonly Member[]): Intents {
	return new Intents(Math.ceil(dataBytes / regionBytes), regionBytes, members);
}

type Shape = Pick<Identity, "dataBytes" | "regionBytes">;
