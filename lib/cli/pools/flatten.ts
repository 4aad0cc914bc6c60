/**
 * `vblade volume flatten`: a clone gets pages of its own for all that it has from what it began as. Called by `commands.ts` with the
 * arguments after the command's name.
 */

import { type Output, processOutput, understand } from "../client.js";
import { withProgress } from "../progress.js";
import { isPath, readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_FLATTEN } from "./options.js";
import { tell, volumeNow } from "./tell-volume.js";

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the pool is full. Once more, it goes on: what was done stays. */
export async function volumeFlattenCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_FLATTEN, argv, output);
	if (line === undefined) return 0;
	const [text = ""] = line.positionals;
	if (!isPath(text)) {
		const [{ followJob }, { addressOf, volumeOf }] = await Promise.all([
			import("./following.js"),
			import("./in-daemon.js"),
		]);
		const at = addressOf(text);
		return followJob(line, output, `flatten ${text}`, `${at}/flatten`, async (_, daemon) => {
			tell(await volumeOf(daemon, at), line.has("json"), output);
			return 0;
		});
	}
	const { folder, name } = readVolumePath(text);
	const look = await withPool(folder, async (pool) => {
		const { sizeBytes } = pool.administration.volume(name);
		await withProgress(`flatten ${name}`, sizeBytes, async (progress) => {
			for (let at = 0; at < sizeBytes; progress(at)) at = await pool.flatten(name, at);
		});
		return volumeNow(folder, pool, name);
	});
	tell(look, line.has("json"), output);
	return 0;
}
