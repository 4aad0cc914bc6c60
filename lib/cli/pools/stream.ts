/**
 * `vblade volume send` and `vblade volume receive`: volumes from pool to pool, through a pipe, ssh or a file. Called by `commands.ts` with
 * the arguments after the command's name. What breaks off is gone on with by a token, which people carry from one to the other.
 */

import { codeOf, FailedError, OperatorError } from "../../errors.js";
import { readVolumeName, volumeIn } from "../../pool/past.js";
import { KeptOnDevice } from "../../send/kept.js";
import { isOfStream, keptOf, pointOf, receive } from "../../send/receive.js";
import { type Range, send } from "../../send/send.js";
import type { StreamBegin } from "../../send/stream-begin.js";
import { StreamReader } from "../../send/stream-reader.js";
import type { TakeBytes } from "../../send/stream-writer.js";
import { type ResumePoint, readToken, tokenOf } from "../../send/token.js";
import { quote } from "../../text.js";
import { type Output, processOutput, understand } from "../client.js";
import { withProgress } from "../progress.js";
import { type Contents, changedBytes } from "./contents.js";
import { VOLUME_RECEIVE, VOLUME_SEND } from "./options.js";
import type { Place } from "./place.js";
import { withPlace } from "./pool-place.js";
import { readNewWhere, readWhere } from "./reading.js";
import { type Filling, fillVolume, hasVolume, stateName } from "./unfinished.js";

/** To whoever reads our standard output, one piece after the other. */
const toStandardOutput: TakeBytes = (bytes) =>
	new Promise((resolve, reject) => {
		process.stdout.write(bytes, (error) => {
			const code = error && (codeOf(error) ?? error.message);
			if (!error) resolve();
			else if (code === "EPIPE") reject(new FailedError("whoever reads the stream has gone (EPIPE)"));
			else reject(new FailedError(`the stream can't be written to standard output (${code})`));
		});
	});

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the volume can't be read or nobody takes it. */
export async function volumeSendCommand(
	argv: readonly string[],
	output: Output = processOutput,
	take?: TakeBytes,
): Promise<number> {
	const line = await understand(VOLUME_SEND, argv, output);
	if (line === undefined) return 0;
	const where = readWhere(line.positionals[0] ?? "");
	const { folder, name } = where;
	const wanted = line.last("incremental");
	const base = wanted === undefined ? undefined : readBase(wanted, folder, volumeIn(name));
	const token = line.last("resume");
	const from = token === undefined ? undefined : readToken(token);
	if (take === undefined && process.stdout.isTTY)
		throw new OperatorError("standard output is a terminal: a stream is for a pipe or a file");
	return withPlace(where, line, output, ({ contents }) =>
		sendVolume(contents, { folder, name, base }, take ?? toStandardOutput, from),
	);
}

/** What is sent, and what the receiver has of it already. */
interface Sent {
	readonly folder: string;
	/** With an `@`, perhaps. */
	readonly name: string;
	readonly base: string | undefined;
}

/** What `PATH/NAME@SNAPSHOT` is called, of another volume of the same pool or of the same one: `@monday`. */
function readBase(text: string, folder: string, volume: string): string {
	if (text.startsWith("@")) return `${volume}${text}`;
	const base = readWhere(text);
	if (base.folder === folder) return base.name;
	throw new OperatorError(`snapshot ${quote(text)}: is not in the pool of what is to be sent`);
}

/** A moment has no name that a receiver could keep. */
function snapshotOf(name: string, id: string): { name: string | null; id: string } {
	const { at } = readVolumeName(name, Date.now() * 1000);
	return { name: at?.kind === "snapshot" ? at.name : null, id };
}

/** Throws an OperatorError if there is none, or it can't be had by anybody else. */
async function baseOf(contents: Contents, base: string): Promise<{ name: string; id: string }> {
	const { name, id } = snapshotOf(base, (await contents.about(base)).id);
	if (name === null) throw new OperatorError(`${quote(base)}: is no snapshot, so no receiver can have it`);
	return { name: base, id };
}

async function sendVolume(
	contents: Contents,
	{ folder, name: text, base }: Sent,
	take: TakeBytes,
	from: ResumePoint | undefined,
): Promise<void> {
	const known = base === undefined ? null : await baseOf(contents, base);
	const { name, pageBytes, id } = await contents.about(text);
	const device = await contents.open(name);
	const { sizeBytes } = device.info;
	const of = { pool: folder, volume: volumeIn(name), snapshot: snapshotOf(name, id), sizeBytes, pageBytes };
	const begin = { ...of, base: known };
	const changes = (offset: number): AsyncIterable<Range> =>
		base === undefined ? wholeFrom(offset, sizeBytes) : changedBytes(contents, base, name, offset, sizeBytes);
	await withProgress(`send ${name}`, sizeBytes, (progress) =>
		send({ device, begin, changes }, take, from, progress),
	).finally(() => device.close());
}

async function* wholeFrom(offsetBytes: number, sizeBytes: number): AsyncGenerator<Range> {
	yield { offsetBytes, lengthBytes: sizeBytes - offsetBytes };
}

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the stream is damaged or not whole. */
export async function volumeReceiveCommand(
	argv: readonly string[],
	output: Output = processOutput,
	input: AsyncIterable<Uint8Array> = process.stdin,
): Promise<number> {
	const line = await understand(VOLUME_RECEIVE, argv, output);
	if (line === undefined) return 0;
	const where = readNewWhere(line.positionals[0] ?? "");
	const { name } = where;
	if (line.has("token"))
		return withPlace(where, line, output, async (place) => {
			const token = await tokenFor(place, name);
			output.out(line.has("json") ? `${JSON.stringify({ token })}\n` : `${token}\n`);
		});
	if (input === process.stdin && process.stdin.isTTY)
		throw new OperatorError("standard input is a terminal: a stream comes from vblade volume send");
	return withPlace(where, line, output, async (place) => {
		await receiveVolume(place, name, await StreamReader.open(input));
		await place.tell(name, line.has("json"), output);
	});
}

async function receiveVolume(place: Place, name: string, stream: StreamReader): Promise<void> {
	const { sizeBytes, snapshot, base } = stream.begin;
	const receiving =
		base === null ? receivedWhole(name, stream.begin) : await receivedOn(place, name, stream.begin, base.id);
	const filling = {
		...receiving,
		isMine: (kept: unknown) => isOfStream(kept, stream.point),
		first: keptOf(stream.point),
		finish: async (to: Place, part: string) => {
			// An attempt that was killed may have come so far.
			const isNamed = (await to.find(part))?.snapshots.some(({ name: each }) => each === snapshot.name);
			if (snapshot.name !== null && isNamed !== true) await to.takeSnapshot(part, snapshot.name, snapshot.id);
			await receiving.finish(to, part);
		},
	};
	await withProgress(`receive ${name}`, sizeBytes, (progress) =>
		fillVolume(place, name, filling, (device, kept) => receive(stream, device, name, kept, progress)),
	);
}

type Receiving = Pick<Filling, "make" | "finish" | "isDone" | "doneText">;

/** A volume that is not there yet. */
function receivedWhole(name: string, { sizeBytes, pageBytes }: StreamBegin): Receiving {
	return {
		make: (place, part) => place.create(part, sizeBytes, pageBytes),
		finish: (place, part) => place.rename(part, name),
		isDone: (place) => hasVolume(place, name),
	};
}

/** Which snapshot of a volume is known by an id, here or where it was sent from. */
async function snapshotKnownAs(place: Place, name: string, id: string): Promise<string | undefined> {
	for (const { name: each } of (await place.find(name))?.snapshots ?? [])
		if ((await place.contents.about(`${name}@${each}`)).id === id) return each;
	return undefined;
}

/** What differs from a snapshot that is there: put on a clone of that, which takes the volume's place. Throws an OperatorError if there is none. */
async function receivedOn(
	place: Place,
	name: string,
	{ snapshot, sizeBytes }: StreamBegin,
	base: string,
): Promise<Receiving> {
	if (!(await hasVolume(place, name)))
		throw new OperatorError(
			`the pool has no volume ${quote(name)}, and the stream is based on a snapshot of it`,
		);
	const known = await snapshotKnownAs(place, name, base);
	if (known === undefined)
		throw new OperatorError(
			`volume ${quote(name)}: has no snapshot that is the one which the stream is based on`,
		);
	return {
		make: async (to, part) => {
			const now = await to.contents.about(name);
			for await (const _ of to.contents.changes(`${name}@${known}`, now.name, 0))
				throw new OperatorError(
					`volume ${quote(name)}: was changed since ${name}@${known}; vblade volume rollback goes back to that`,
				);
			await to.clone(name, known, part);
			await to.resize(part, sizeBytes);
		},
		finish: (to, part) => to.replace(name, part),
		isDone: async (to) => (await snapshotKnownAs(to, name, snapshot.id)) !== undefined,
		doneText: "has the snapshot already that the stream ends with",
	};
}

/** How far an interrupted receive has come. */
async function tokenFor(place: Place, name: string): Promise<string> {
	const state = stateName(name);
	const none = new OperatorError(`volume ${quote(name)}: nothing that was received of it is kept`);
	if (!(await hasVolume(place, state))) throw none;
	const device = await place.open(state);
	try {
		const point = pointOf(await new KeptOnDevice(device).read());
		if (point === undefined) throw none;
		return tokenOf(point);
	} finally {
		await device.close();
	}
}
