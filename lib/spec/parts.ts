/**
 * Files of a configuration taken apart: each table of each file, understood by itself, with what is wrong in it. Asked by
 * `config.ts`, which puts the parts together.
 */

import type { z } from "zod";
import { OperatorError } from "../errors.js";
import type { Origin } from "./configuration.js";
import { IncompleteExport } from "./debian.js";
import { readDebianDisk } from "./debian-disk.js";
import { type NbdValues, nbdSchema } from "./nbd-schema.js";
import { type Place, PlacedError, placeAt, unknownName } from "./place.js";
import type { DiskPart, DiskTable, ReadDisk, Readings } from "./readings.js";
import {
	type BootValues,
	bootSchema,
	type DaemonValues,
	type DiskSettings,
	type DiskValues,
	daemonSchema,
	diskSchema,
	type HttpValues,
	httpSchema,
	type NamedTable,
	type PoolSettings,
	type PoolValues,
	poolSchema,
	readName,
	type TemplateSettings,
	type TemplateValues,
	templateSchema,
} from "./schema.js";
import { namesAt } from "./schema-keys.js";
import { cutAtDisks, type DiskText } from "./tables.js";
import { placesOf, readToml, type TomlFile, type TomlPath } from "./toml.js";

/** A file that has been read. */
export interface Source {
	readonly path: string;
	readonly text: string;
}

/** All that a configuration consists of. */
export interface Sources {
	/** In the order in which they are read: vblade.toml, and what is in conf.d. */
	readonly files: readonly Source[];
	/** Of Debian's /etc/vblade.conf.d. */
	readonly debian: readonly Source[];
	/** Disks that were added by command, API or page. */
	readonly runtime?: Source | undefined;
}

/** A table of a file. */
export interface Part<Settings, Values> {
	readonly settings: Settings;
	readonly values: Values;
	/** Of what is at `path` of the table. */
	placeOf(path: TomlPath): Place;
}

export type PoolPart = Part<PoolSettings, PoolValues> & { readonly name: string };

export type TemplatePart = Part<TemplateSettings, TemplateValues> & { readonly name: string };

const TABLES = ["daemon", "http", "nbd", "boot", "defaults", "pool", "template", "disk"] as const;
type Table = (typeof TABLES)[number];

/** What messages call the kinds of value that a schema can expect. */
const KINDS: Readonly<Record<string, string>> = {
	string: "text in quotes",
	number: "a number",
	boolean: "true or false",
	array: "a list",
	object: "a table",
};

/** Tables of files in the order of those, and what is wrong. */
export class Parts {
	readonly daemon: Part<z.input<typeof daemonSchema>, DaemonValues>[] = [];
	readonly http: Part<z.input<typeof httpSchema>, HttpValues>[] = [];
	readonly nbd: Part<z.input<typeof nbdSchema>, NbdValues>[] = [];
	readonly boot: Part<z.input<typeof bootSchema>, BootValues>[] = [];
	readonly defaults: Part<DiskSettings, DiskValues>[] = [];
	readonly pools: PoolPart[] = [];
	readonly templates: TemplatePart[] = [];
	readonly disks: DiskPart[] = [];
	readonly errors: PlacedError[] = [];
	readonly warnings: PlacedError[] = [];
	/** As `disk NAME`: what there is, whatever is wrong with it; of disks not all of those that are right. */
	readonly written = new Set<string>();
	/** All of root's files could be read; else what others seem to lack may be there. */
	isWhole = true;

	readonly #readings: Readings;

	constructor({ files, debian, runtime }: Sources, readings: Readings) {
		this.#readings = readings;
		for (const file of files)
			if (!this.#keeping(() => this.#readFile(file, "file", TABLES))) this.isWhole = false;
		for (const file of debian) this.#keeping(() => this.#readDebian(file));
		if (runtime !== undefined) this.#keeping(() => this.#readFile(runtime, "runtime", ["disk"]));
	}

	/** What ends the reading of a file is one more error, and the result is false. */
	#keeping(read: () => void): boolean {
		try {
			read();
			return true;
		} catch (error) {
			if (!(error instanceof PlacedError)) throw error;
			this.errors.push(error);
			return false;
		}
	}

	#readFile(file: Source, origin: Origin, known: readonly Table[]): void {
		if (this.#readApart(file, origin, known)) return;
		this.#readTables(readToml(file.path, file.text), origin, known);
	}

	/** Each disk by itself. False if that can't be, or if one is wrong: then nothing has been read. */
	#readApart({ path, text }: Source, origin: Origin, known: readonly Table[]): boolean {
		const before = this.#readings.file(path);
		const cut = cutAtDisks(text, before?.cut);
		const rest = cut && tomlIn(cut.rest);
		if (cut === undefined || rest === undefined || "disk" in rest) return false;
		const disks = new Map<string, ReadDisk>();
		for (const at of cut.disks) {
			const last = before?.disks.get(at.name);
			const disk = last?.at === at ? last : this.#diskAt(path, origin, at, last);
			if (disk === undefined) return false;
			disks.set(at.name, disk);
		}
		this.#readings.keepFile(path, { cut, disks });
		this.#readTables({ values: rest, placeOf: placesOf(path, text) }, origin, known);
		for (const { part } of disks.values()) this.disks.push(part);
		return true;
	}

	/** Undefined if there is anything wrong with it. */
	#diskAt(path: string, origin: Origin, at: DiskText, last: ReadDisk | undefined): ReadDisk | undefined {
		const table = this.#readings.table(at, last, () => tableIn(at));
		if (table === undefined) return undefined;
		const { settings, values } = table;
		return { at, part: { settings, values, name: at.name, origin, placeOf: placesOfDisk(path, at) } };
	}

	#readTables({ values, placeOf }: TomlFile, origin: Origin, known: readonly Table[]): void {
		for (const [name, value] of Object.entries(values)) {
			const table = known.find((each) => each === name);
			const place = (inner: TomlPath): Place => placeOf([name, ...inner]);
			switch (table) {
				case undefined:
					this.errors.push(new PlacedError(placeOf([name]), unknownName("table", name, known)));
					break;
				case "daemon":
					this.daemon.push(...this.#part(daemonSchema, value, place));
					break;
				case "http":
					this.http.push(...this.#part(httpSchema, value, place));
					break;
				case "nbd":
					this.nbd.push(...this.#part(nbdSchema, value, place));
					break;
				case "boot":
					this.boot.push(...this.#part(bootSchema, value, place));
					break;
				case "defaults":
					this.defaults.push(...this.#part(diskSchema, value, place));
					break;
				case "pool":
					this.#readNamed(table, value, place, (name, pool, at) => {
						for (const part of this.#part(poolSchema, pool, at)) this.pools.push({ ...part, name });
					});
					break;
				case "template":
					this.#readNamed(table, value, place, (name, template, at) => {
						for (const part of this.#part(templateSchema, template, at))
							this.templates.push({ ...part, name });
					});
					break;
				default:
					this.#readNamed(table, value, place, (name, disk, at) => this.#addDisk(name, disk, at, origin));
			}
		}
	}

	/** Tables in a table, by their names. */
	#readNamed(
		kind: NamedTable,
		tables: unknown,
		placeOf: (path: TomlPath) => Place,
		add: (name: string, table: unknown, placeOf: (path: TomlPath) => Place) => void,
	): void {
		if (!isTable(tables)) {
			this.errors.push(new PlacedError(placeOf([]), `${kind}: a table is expected, [${kind}.NAME]`));
			return;
		}
		for (const [name, table] of Object.entries(tables)) {
			const place = (path: TomlPath): Place => placeOf([name, ...path]);
			if (this.#isName(kind, name, place([]))) add(name, table, place);
		}
	}

	#isName(kind: NamedTable, name: string, place: Place): boolean {
		this.written.add(`${kind} ${name}`);
		try {
			readName(kind, name);
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.errors.push(new PlacedError(place, error.message));
			return false;
		}
	}

	#addDisk(name: string, value: unknown, placeOf: (path: TomlPath) => Place, origin: Origin): void {
		for (const part of this.#part(diskSchema, value, placeOf)) this.disks.push({ ...part, name, origin });
	}

	#readDebian({ path, text }: Source): void {
		try {
			const disk = readDebianDisk(path, text);
			if (disk === undefined) return;
			if (this.#isName("disk", disk.name, disk.placeOf([])))
				this.#addDisk(disk.name, disk.settings, disk.placeOf, "debian");
			this.warnings.push(...disk.ignored);
		} catch (error) {
			if (!(error instanceof IncompleteExport)) throw error;
			this.warnings.push(error);
		}
	}

	/** The part, or none if it has errors, which are kept. */
	#part<Schema extends z.ZodType>(
		schema: Schema,
		value: unknown,
		placeOf: (path: TomlPath) => Place,
	): Part<z.input<Schema>, z.output<Schema>>[] {
		const { success, data, error } = schema.safeParse(value);
		// What has been understood is of the schema's input type.
		if (success) return [{ settings: value as z.input<Schema>, values: data, placeOf }];
		for (const issue of error.issues) this.errors.push(...toldOf(schema, issue, placeOf));
		return [];
	}
}

/** Undefined: it is not TOML, which reading the whole file tells, with the place. */
function tomlIn(text: string): TomlFile["values"] | undefined {
	try {
		return readToml("", text).values;
	} catch (error) {
		if (!(error instanceof PlacedError)) throw error;
		return undefined;
	}
}

/** Looks at no more of the file than the lines of the disk. */
function placesOfDisk(file: string, at: DiskText): DiskPart["placeOf"] {
	let placeOf: TomlFile["placeOf"] | undefined;
	return (path) => {
		// A copy: a part of a text keeps all of it.
		placeOf ??= placesOf(file, Buffer.from(at.text).toString());
		const { line, column } = placeOf(["disk", at.name, ...path]);
		return { file, line: placeAt(file, at.whole, at.start).line - 1 + line, column };
	};
}

/** Undefined if there is anything wrong with it. */
function tableIn({ name, text }: DiskText): DiskTable | undefined {
	const { disk, ...others } = tomlIn(text) ?? {};
	if (!isTable(disk) || Object.keys(others).length > 0) return undefined;
	const [[found, settings] = ["", undefined], ...more] = Object.entries(disk);
	if (found !== name || more.length > 0) return undefined;
	const { success, data } = diskSchema.safeParse(settings);
	// What has been understood is of the schema's input type.
	return success ? { settings: settings as DiskSettings, values: data } : undefined;
}

function isTable(value: unknown): value is object {
	return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** An issue of a schema as people are told. */
function toldOf(
	schema: z.ZodType,
	issue: z.core.$ZodIssue,
	placeOf: (path: TomlPath) => Place,
): PlacedError[] {
	const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
	if (issue.code === "unrecognized_keys")
		return issue.keys.map(
			(key) => new PlacedError(placeOf([...path, key]), unknownName("key", key, namesAt(schema, path))),
		);
	if (issue.code === "custom") return [new PlacedError(placeOf(path), issue.message)];
	const name = path.findLast((key) => typeof key === "string");
	const what =
		issue.code === "invalid_type" ? `${KINDS[issue.expected] ?? issue.expected} is expected` : issue.message;
	return [new PlacedError(placeOf(path), name === undefined ? what : `${name}: ${what}`)];
}
