/**
 * An export of Debian's as the table of a disk, as if it stood in vblade.toml: its options are read by the table of the classic
 * command line and mean what they mean there. Asked by `parts.ts`.
 */

import path from "node:path";
import { OperatorError } from "../errors.js";
import { CLASSIC_OPTIONS, type ClassicOption } from "./classic.js";
import { type DebianExport, readDebianExport } from "./debian.js";
import { type CommandLine, getopt } from "./getopt.js";
import { type Place, PlacedError } from "./place.js";
import { NUMBERS } from "./ranges.js";
import type { DiskSettings } from "./schema.js";
import { readDurability, readNumber, readStorage } from "./values.js";

export interface DebianDisk {
	/** That of the file. */
	readonly name: string;
	readonly settings: DiskSettings;
	/** Of the variable that a key is from. */
	placeOf(key: readonly (string | number)[]): Place;
	/** What the file asks for that is not done. */
	readonly ignored: readonly PlacedError[];
}

/** What concerns the process, which serves other disks too. */
const IGNORED = ["user", "verbose"] as const satisfies readonly ClassicOption[];

/** Reads the text of a file, as `readDebianExport` does. Throws a PlacedError for the first thing that is wrong. */
export function readDebianDisk(file: string, text: string): DebianDisk | undefined {
	const wanted = readDebianExport(file, text);
	if (wanted === undefined) return undefined;
	const { options, placeOf, ignoresIonice } = wanted;
	const line = getopt(options, CLASSIC_OPTIONS);
	const [operand] = line.positionals;
	if (line.mistake !== undefined) throw new PlacedError(placeOf("options"), line.mistake);
	if (operand !== undefined) throw new PlacedError(placeOf("options"), `${operand} is no option`);
	const ignored = IGNORED.filter((name) => line.has(name)).map((name) =>
		note(placeOf("options"), `--${name} is not followed: it is for all disks or none`),
	);
	if (ignoresIonice)
		ignored.push(note(placeOf("ionice"), "ionice is not followed: one process serves all disks"));
	return {
		name: path.basename(file, ".conf"),
		settings: settingsOf(wanted, line),
		placeOf: (key) => placeOf(variableOf(key)),
		ignored,
	};
}

function note(place: Place, what: string): PlacedError {
	return new PlacedError(place, what, true);
}

/** What the common reader of disks refuses is of one of these. */
function variableOf([key, inner]: readonly (string | number)[]): "shelf" | "netif" | "filename" | "options" {
	if (key === "file" || key === "memory") return "filename";
	if (key !== "aoe") return key === undefined ? "shelf" : "options";
	if (inner === "netif") return "netif";
	return inner === "address" ? "shelf" : "options";
}

function settingsOf(wanted: DebianExport, line: CommandLine<ClassicOption>): DiskSettings {
	const { placeOf } = wanted;
	const at = <T>(name: Parameters<typeof placeOf>[0], read: () => T): T => {
		try {
			return read();
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			throw new PlacedError(placeOf(name), error.message);
		}
	};
	const shelf = at("shelf", () => readNumber("shelf", wanted.shelf, NUMBERS.shelf));
	const slot = at("slot", () => readNumber("slot", wanted.slot, NUMBERS.slot));
	const storage = at("filename", () => readStorage(wanted.filename));
	if (storage.kind === "volume")
		throw new PlacedError(placeOf("filename"), `${storage.name}: Debian's exports have no volumes`);
	const own = at("options", () => optionsOf(line));
	return {
		...(storage.kind === "file" ? { file: storage.path } : { memory: storage.name.replace(/^mem:/, "") }),
		...own.disk,
		aoe: { address: `${shelf}.${slot}`, netif: [wanted.netif], ...own.aoe },
	};
}

/** Only what is given: the rest is as in every disk. */
function optionsOf(line: CommandLine<ClassicOption>): { disk: DiskSettings; aoe: DiskSettings["aoe"] } {
	const number = (option: "offset" | "length" | "buffer-count" | "poll-us") => {
		const name = option === "buffer-count" ? "buffer count" : option;
		return readNumber(name, line.last(option) ?? "", NUMBERS[name]);
	};
	const durability = readDurability(line.last("durability") ?? "", line.has("sync"));
	return {
		disk: {
			...(line.has("read-only") && { read_only: true }),
			...(line.has("scratch") && { scratch: true }),
			...(line.has("direct") && { direct: true }),
			...(line.has("offset") && { offset: number("offset") }),
			...(line.has("length") && { length: number("length") }),
			...(line.has("durability") && { durability }),
		},
		aoe: {
			...(line.has("mac") && { macs: line.all("mac").flatMap((list) => list.split(",")) }),
			...(line.has("buffer-count") && { buffer_count: number("buffer-count") }),
			...(line.has("poll-us") && { poll_us: number("poll-us") }),
			...(line.has("no-xdp") && { no_xdp: true }),
			...(line.has("force") && { force: true }),
		},
	};
}
