/**
 * Files of a configuration taken apart: each table of each file, understood by itself, with what is wrong in it. Asked by
 * `config.ts`, which puts the parts together.
 */

import type { z } from "zod";
import { OperatorError } from "../errors.js";
import { isTable, placesOfDisk, tableIn, tomlIn } from "./apart.js";
import type { Origin } from "./configuration.js";
import { IncompleteExport } from "./debian.js";
import { readDebianDisk } from "./debian-disk.js";
import { type IscsiValues, iscsiSchema } from "./iscsi-schema.js";
import { toldOf } from "./issues.js";
import { type NbdValues, nbdSchema } from "./nbd-schema.js";
import { type Place, PlacedError, unknownName } from "./place.js";
import type { DiskPart, ReadDisk, Readings } from "./readings.js";
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
import {
	type HeadSettings,
	type HeadValues,
	headSchema,
	type StoreSettings,
	type StoreValues,
	storeSchema,
} from "./store-schema.js";
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

/** Of a table of which there may be many. */
export type NamedPart<Settings, Values> = Part<Settings, Values> & { readonly name: string };

export type StorePart = NamedPart<StoreSettings, StoreValues>;

export type HeadPart = NamedPart<HeadSettings, HeadValues>;

export type PoolPart = NamedPart<PoolSettings, PoolValues>;

export type TemplatePart = NamedPart<TemplateSettings, TemplateValues>;

const TABLES = [
	"daemon",
	"http",
	"nbd",
	"iscsi",
	"boot",
	"defaults",
	"store",
	"head",
	"pool",
	"template",
	"disk",
] as const;
type Table = (typeof TABLES)[number];

/** Tables of files in the order of those, and what is wrong. */
export class Parts {
	readonly daemon: Part<z.input<typeof daemonSchema>, DaemonValues>[] = [];
	readonly http: Part<z.input<typeof httpSchema>, HttpValues>[] = [];
	readonly nbd: Part<z.input<typeof nbdSchema>, NbdValues>[] = [];
	readonly iscsi: Part<z.input<typeof iscsiSchema>, IscsiValues>[] = [];
	readonly boot: Part<z.input<typeof bootSchema>, BootValues>[] = [];
	readonly defaults: Part<DiskSettings, DiskValues>[] = [];
	readonly stores: StorePart[] = [];
	readonly heads: HeadPart[] = [];
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
				case "iscsi":
					this.iscsi.push(...this.#part(iscsiSchema, value, place));
					break;
				case "boot":
					this.boot.push(...this.#part(bootSchema, value, place));
					break;
				case "defaults":
					this.defaults.push(...this.#part(diskSchema, value, place));
					break;
				case "store":
					this.#readNamed(table, value, place, this.#addTo(this.stores, storeSchema));
					break;
				case "head":
					this.#readNamed(table, value, place, this.#addTo(this.heads, headSchema));
					break;
				case "pool":
					this.#readNamed(table, value, place, this.#addTo(this.pools, poolSchema));
					break;
				case "template":
					this.#readNamed(table, value, place, this.#addTo(this.templates, templateSchema));
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

	#addTo<Schema extends z.ZodType>(
		parts: NamedPart<z.input<Schema>, z.output<Schema>>[],
		schema: Schema,
	): (name: string, table: unknown, placeOf: (path: TomlPath) => Place) => void {
		return (name, table, placeOf) => {
			for (const part of this.#part(schema, table, placeOf)) parts.push({ ...part, name });
		};
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
