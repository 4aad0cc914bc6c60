/**
 * `vblade volume send` and `vblade volume receive`: volumes from pool to pool, through a pipe, ssh or a file. Called by `commands.ts` with
 * the arguments after the command's name. What breaks off is gone on with by a token, which people carry from one to the other.
 */

import { FailedError, OperatorError } from "../../errors.js";
import type { Pool } from "../../pool/pool.js";
import { KeptOnDevice } from "../../send/kept.js";
import { isOfStream, keptOf, pointOf, receive } from "../../send/receive.js";
import { send } from "../../send/send.js";
import { StreamReader } from "../../send/stream-reader.js";
import type { TakeBytes } from "../../send/stream-writer.js";
import { type ResumePoint, readToken, tokenOf } from "../../send/token.js";
import { quote } from "../../text.js";
import { type Output, processOutput, understand } from "../client.js";
import { withProgress } from "../progress.js";
import { readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_RECEIVE, VOLUME_SEND } from "./options.js";
import { fillVolume, openToCopy, stateName } from "./unfinished.js";
import { lookAt, tell } from "./volume.js";

/** To whoever reads our standard output, one piece after the other. */
const toStandardOutput: TakeBytes = (bytes) =>
	new Promise((resolve, reject) => {
		process.stdout.write(bytes, (error) => {
			if (error)
				reject(
					new FailedError(
						`whoever reads the stream has gone (${"code" in error ? error.code : error.message})`,
					),
				);
			else resolve();
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
	const { folder, name } = readVolumePath(line.positionals[0] ?? "");
	const token = line.last("resume");
	const from = token === undefined ? undefined : readToken(token);
	if (take === undefined && process.stdout.isTTY)
		throw new OperatorError("standard output is a terminal: a stream is for a pipe or a file");
	await withPool(folder, (pool) => sendVolume(pool, folder, name, take ?? toStandardOutput, from));
	return 0;
}

async function sendVolume(
	pool: Pool,
	folder: string,
	name: string,
	take: TakeBytes,
	from: ResumePoint | undefined,
): Promise<void> {
	const { sizeBytes, pageBytes } = pool.administration.volume(name);
	const snapshot = { name: null, id: pool.contentId(name) };
	const begin = { pool: folder, volume: name, snapshot, base: null, sizeBytes, pageBytes };
	const changes = async function* (offsetBytes: number) {
		yield { offsetBytes, lengthBytes: sizeBytes - offsetBytes };
	};
	const device = await openToCopy(pool, name, true);
	await withProgress(`send ${name}`, sizeBytes, (progress) =>
		send({ device, begin, changes }, take, from, progress),
	).finally(() => device.close());
}

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the stream is damaged or not whole. */
export async function volumeReceiveCommand(
	argv: readonly string[],
	output: Output = processOutput,
	input: AsyncIterable<Uint8Array> = process.stdin,
): Promise<number> {
	const line = await understand(VOLUME_RECEIVE, argv, output);
	if (line === undefined) return 0;
	const { folder, name } = readVolumePath(line.positionals[0] ?? "");
	if (line.has("token")) {
		const token = await withPool(folder, (pool) => tokenFor(pool, name));
		output.out(line.has("json") ? `${JSON.stringify({ token })}\n` : `${token}\n`);
		return 0;
	}
	if (input === process.stdin && process.stdin.isTTY)
		throw new OperatorError("standard input is a terminal: a stream comes from vblade volume send");
	const look = await withPool(folder, async (pool) => {
		await receiveVolume(pool, name, await StreamReader.open(input));
		return lookAt(pool, pool.administration.volume(name));
	});
	tell(look, line.has("json"), output);
	return 0;
}

async function receiveVolume(pool: Pool, name: string, stream: StreamReader): Promise<void> {
	const { sizeBytes, pageBytes } = stream.begin;
	const filling = {
		isMine: (kept: unknown) => isOfStream(kept, stream.point),
		first: keptOf(stream.point),
		make: (to: Pool, part: string) => to.administration.create(part, sizeBytes, pageBytes),
	};
	await withProgress(`receive ${name}`, sizeBytes, (progress) =>
		fillVolume(pool, name, filling, (device, kept) => receive(stream, device, name, kept, progress)),
	);
}

/** How far an interrupted receive has come. */
async function tokenFor(pool: Pool, name: string): Promise<string> {
	const state = stateName(name);
	const none = new OperatorError(`volume ${quote(name)}: nothing that was received of it is kept`);
	if (!pool.volumes.some((volume) => volume.name === state)) throw none;
	const device = await openToCopy(pool, state, true);
	try {
		const point = pointOf(await new KeptOnDevice(device).read());
		if (point === undefined) throw none;
		return tokenOf(point);
	} finally {
		await device.close();
	}
}
