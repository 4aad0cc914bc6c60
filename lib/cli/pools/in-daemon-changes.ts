/**
 * The commands that change volumes and snapshots which a running daemon has: `fast/web`, `fast/web@monday`. Loaded by `volume.ts` and
 * `volume-changes.ts` when what they are given is no path; each resolves to the exit status.
 */

import { Job, Pool, SnapshotList, Volume } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import { quote } from "../../text.js";
import { AskError } from "../asking/client.js";
import { endOf } from "../asking/configuration.js";
import type { Output } from "../client.js";
import { asked, type Line, putPool, readName, told } from "./in-daemon.js";
import { newName } from "./new-name.js";
import { readSize, tellTaken } from "./tell-volume.js";
import { readVolumeSettings } from "./volume-settings.js";

export function setPool(line: Line, body: object, output: Output): Promise<number> {
	const at = `/api/v1/pools/${encodeURIComponent(line.positionals[0] ?? "")}`;
	return asked(line, output, async (daemon) => {
		putPool(await daemon.send("PATCH", at, Pool, { body }), line, output);
	});
}

export function createVolume(line: Line<"page">, output: Output): Promise<number> {
	const { positionals } = line;
	const sizeBytes = readSize("size", positionals[1] ?? "");
	const pageBytes = readSize("page", line.last("page") ?? "");
	const body = { ...readName(positionals[0] ?? ""), sizeBytes, pageBytes };
	return told(line, output, (daemon) => daemon.send("POST", "/api/v1/volumes", Volume, { body }));
}

export function resizeVolume(line: Line<"shrink" | "force">, output: Output): Promise<number> {
	const sizeBytes = readSize("size", line.positionals[1] ?? "");
	const body = { sizeBytes, shrink: line.has("shrink"), force: line.has("force") };
	return told(line, output, (daemon, at) => daemon.send("PATCH", at, Volume, { body }));
}

export function renameVolume(line: Line, output: Output): Promise<number> {
	const [name = "", to = ""] = line.positionals;
	const body = { name: newName(name, to) };
	return told(line, output, (daemon, at) => daemon.send("PATCH", at, Volume, { body }));
}

export function setVolume(line: Line, output: Output): Promise<number> {
	const body = readVolumeSettings(line.positionals.slice(1)).plain;
	return told(line, output, (daemon, at) => daemon.send("PATCH", at, Volume, { body }));
}

export function removeSnapshot(line: Line, output: Output): Promise<number> {
	return changeSnapshot(line, output, "DELETE");
}

/** All of one moment. */
export function takeSnapshots(line: Line, output: Output): Promise<number> {
	const wanted = line.positionals.map(readSnapshot);
	const names = wanted.map(({ of, snapshot }) => `${of}@${snapshot}`);
	return asked(line, output, async (daemon) => {
		const taken = await daemon.send("POST", "/api/v1/snapshots", SnapshotList, { body: { names } });
		tellTaken(taken, line.has("json"), output);
	});
}

export function cloneVolume(line: Line, output: Output): Promise<number> {
	const [text = "", to = ""] = line.positionals;
	const { of, snapshot } = readSnapshot(text);
	const { pool, name } = readName(of);
	const body = { pool, name: newName(of, to), of: `${name}@${snapshot}` };
	return told(line, output, (daemon) => daemon.send("POST", "/api/v1/volumes", Volume, { body }), of);
}

export function rollBackVolume(line: Line<"force">, output: Output): Promise<number> {
	const { of, snapshot } = readSnapshot(line.positionals[0] ?? "");
	const body = { to: snapshot, force: line.has("force") };
	return told(
		line,
		output,
		async (daemon, at) => {
			const job = await endOf(daemon, (await daemon.send("POST", `${at}/rollback`, Job, { body })).id);
			if (job.state === "failed") throw new AskError([job.message]);
			return { ...(await daemon.get(at, Volume)), notice: job.notice };
		},
		of,
	);
}

export function holdSnapshot(line: Line, output: Output): Promise<number> {
	return changeSnapshot(line, output, "PATCH", { held: true });
}

export function releaseSnapshot(line: Line, output: Output): Promise<number> {
	return changeSnapshot(line, output, "PATCH", { held: false });
}

function changeSnapshot(
	line: Line,
	output: Output,
	method: "PATCH" | "DELETE",
	body?: object,
): Promise<number> {
	const { of, snapshot } = readSnapshot(line.positionals[0] ?? "");
	const at = `/api/v1/snapshots/${encodeURIComponent(`${of}@${snapshot}`)}`;
	return told(line, output, (daemon) => daemon.send(method, at, Volume, body && { body }), of);
}

/** What `POOL/NAME@SNAPSHOT` says. Throws an OperatorError. */
function readSnapshot(text: string): { of: string; snapshot: string } {
	const [, of, snapshot] = /^([^/@]+\/[^/@]+)@([^@]+)$/.exec(text) ?? [];
	if (of !== undefined && snapshot !== undefined) return { of, snapshot };
	throw new OperatorError(`snapshot ${quote(text)}: POOL/NAME@SNAPSHOT is allowed, as in fast/web@monday`);
}
