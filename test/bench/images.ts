/**
 * The files that the servers under measurement export: one in memory (tmpfs) for what shall not wait for a disk, one on
 * disk for what shall, and many small ones for servers of many blades. Made when first asked for, gone at the end.
 */

import { execFileSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	fdatasyncSync,
	mkdirSync,
	openSync,
	rmSync,
	statfsSync,
	truncateSync,
	writeSync,
} from "node:fs";
import path from "node:path";
import { atEnd, leftBehind } from "../support/cleanup.js";
import { PROJECT } from "../support/paths.js";
import { mountSlow } from "./slow-disk.js";

/** Larger than a processor's caches, so that hot means hot in memory. */
const MEMORY_IMAGE_BYTES = 256 * 2 ** 20;
/** So large that random reads of a cold run seldom meet a block that has been read before. */
const DISK_IMAGE_BYTES = 2 * 2 ** 30;
/** What the other blades of a process have: nobody reads them. */
const SMALL_IMAGE_BYTES = 2 ** 20;
const SHARED_MEMORY = "/dev/shm";
/** Root's alone: to others the kernel does not tell what of it is in memory. */
const PRIVATE = 0o600;
const CHUNK_BYTES = 4 * 2 ** 20;
/** The type that statfs(2) has for tmpfs (TMPFS_MAGIC of linux/magic.h). */
const TMPFS_MAGIC = 0x01021994;

/** A file system of its own, on a loop device over a file that has been written from end to end. */
const FILE_SYSTEM_BYTES = 1536 * 2 ** 20;
/** With a pool on it, which keeps what has been overwritten for a while. */
const POOL_FILE_SYSTEM_BYTES = 8 * 2 ** 30;
const FILE_SYSTEM_IMAGE_BYTES = 2 ** 30;
/** A pool that can't grow, and the image that takes 70 % of the nine tenths of it that it offers; the rest of that file system is taken. */
export const FULL_POOL_BYTES = 2 * 2 ** 30;
const FULL_IMAGE_BYTES = 1290 * 2 ** 20;
/** What a file system keeps for itself of that, at most, and what is left of it: less than another file of a pool. */
const FULL_SPARE_BYTES = 300 * 2 ** 20;
const FULL_LEFT_BYTES = 48 * 2 ** 20;
const COMMAND_LIMIT_MS = 60_000;
/** Of a file system. */
const IMAGE = "durable.img";

/** A disk in memory whose syncs take their time, and what is on it. */
const SLOW_FILE_SYSTEM_BYTES = 4 * 2 ** 30;
const SLOW_IMAGE_BYTES = 256 * 2 ** 20;

/** A file system with a journal over the disk of the project. */
export type FileSystem = "ext4" | "xfs";
/** In memory, on the disk of the project, or on a file system over that disk, which may have room for a pool of a certain size alone. */
export type ImageKind = "memory" | "disk" | "slow ext4" | FileSystem | `full ${FileSystem}`;

export interface Image {
	readonly path: string;
	readonly sizeBytes: number;
}

/** Thrown where a kind of image can't be had: the rows that need it are not measured. */
export class NoImage extends Error {}

export class Images {
	#memoryDirectory: string | undefined;
	#memory: Image | undefined;
	#disk: Image | undefined;
	readonly #mounted = new Map<string, Image>();
	readonly #small: string[] = [];
	readonly #fileSystemBytes: number;

	/** With room for a pool beside each image on a file system of its own, if that is what is measured. */
	constructor(forPools = false) {
		this.#fileSystemBytes = forPools ? POOL_FILE_SYSTEM_BYTES : FILE_SYSTEM_BYTES;
	}

	/** The image of a kind, which may take its time. Throws if there can be none. */
	async made(kind: ImageKind): Promise<Image> {
		if (kind !== "slow ext4" || this.#mounted.has(kind)) return this.of(kind);
		const at = await mountSlow(path.dirname(this.disk.path), SLOW_FILE_SYSTEM_BYTES);
		this.#mounted.set(kind, filled(path.join(at, IMAGE), SLOW_IMAGE_BYTES));
		return this.of(kind);
	}

	/** The image of a kind. Throws NoImage if there can be none. */
	of(kind: ImageKind): Image {
		if (kind === "memory") return this.memory;
		if (kind === "disk") return this.disk;
		const known = this.#mounted.get(kind);
		if (known !== undefined) return known;
		if (kind === "slow ext4") throw new NoImage("the slow disk is made when it is waited for");
		const image = this.#onFileSystem(kind);
		this.#mounted.set(kind, image);
		return image;
	}

	#onFileSystem(kind: Exclude<ImageKind, "memory" | "disk" | "slow ext4">): Image {
		if (kind === "ext4" || kind === "xfs")
			return filled(
				path.join(this.#mount(kind, kind, this.#fileSystemBytes), IMAGE),
				FILE_SYSTEM_IMAGE_BYTES,
			);
		const type = kind === "full ext4" ? "ext4" : "xfs";
		const at = this.#mount(type, `${type}-full`, FULL_IMAGE_BYTES + FULL_POOL_BYTES + FULL_SPARE_BYTES);
		const image = filled(path.join(at, IMAGE), FULL_IMAGE_BYTES);
		const { bfree, bsize } = statfsSync(at);
		const rest = bfree * bsize - FULL_POOL_BYTES - FULL_LEFT_BYTES;
		execFileSync("fallocate", ["-l", String(rest), path.join(at, "rest")], { timeout: COMMAND_LIMIT_MS });
		return image;
	}

	/** A new file system, mounted until the end. */
	#mount(type: FileSystem, name: string, sizeBytes: number): string {
		const at = path.join(path.dirname(this.disk.path), name);
		const { path: file } = filled(`${at}.img`, sizeBytes);
		const run = (command: string, ...args: string[]) =>
			execFileSync(command, args, { stdio: "ignore", timeout: COMMAND_LIMIT_MS });
		mkdirSync(at);
		run(`mkfs.${type}`, type === "ext4" ? "-F" : "-f", file);
		run("mount", "-o", "loop", file, at);
		atEnd(() => run("umount", at));
		return at;
	}

	/** In memory, every block written. Throws NoImage if there is no file system in memory. */
	get memory(): Image {
		this.#memory ??= filled(path.join(this.memoryDirectory, "hot.img"), MEMORY_IMAGE_BYTES);
		return this.#memory;
	}

	/** On the disk that this project is on, every block written and on stable storage. Throws NoImage if that is no disk. */
	get disk(): Image {
		const parent = path.join(PROJECT, "build");
		if (isInMemory(parent)) throw new NoImage(`${parent} is in memory, not on a disk`);
		this.#disk ??= filled(path.join(directory(parent), "cold.img"), DISK_IMAGE_BYTES);
		return this.#disk;
	}

	/**
	 * `count` sparse files in memory, for blades that take up space in a server and nothing else. To be read one has to be `written`
	 * first: a hole of a file in memory never is in memory, and to read it costs more than twice as much.
	 */
	small(count: number): readonly string[] {
		for (let at = this.#small.length; at < count; at++) {
			const file = path.join(this.memoryDirectory, `${at}.img`);
			closeSync(openSync(file, "w"));
			truncateSync(file, SMALL_IMAGE_BYTES);
			this.#small.push(file);
		}
		return this.#small.slice(0, count);
	}

	/** One of the small files, every block written. */
	written(file: string): string {
		rewrite({ path: file, sizeBytes: SMALL_IMAGE_BYTES });
		return file;
	}

	/** As many files as an image has parts, beside it, as large as it together. */
	parts({ path: file, sizeBytes }: Image, count: number): string[] {
		return Array.from({ length: count }, (_, index) => {
			const part = `${file}.${index}`;
			if (!existsSync(part)) filled(part, sizeBytes / count);
			return part;
		});
	}

	/** Where the images in memory are. Throws NoImage if there is no file system in memory. */
	get memoryDirectory(): string {
		if (!isInMemory(SHARED_MEMORY)) throw new NoImage(`${SHARED_MEMORY} is not a file system in memory`);
		this.#memoryDirectory ??= directory(SHARED_MEMORY);
		return this.#memoryDirectory;
	}
}

function isInMemory(directory: string): boolean {
	return existsSync(directory) && statfsSync(directory).type === TMPFS_MAGIC;
}

/** A new directory that is gone at the end; what a killed run has left beside it goes now. */
function directory(parent: string): string {
	for (const left of leftBehind(parent, /^vb(\d+)-bench$/)) rmSync(left, { recursive: true, force: true });
	const made = path.join(parent, `vb${process.pid}-bench`);
	mkdirSync(made);
	atEnd(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

/** Writes all of an image again, and leaves it to the page cache. */
export function rewrite({ path: file, sizeBytes }: Image): void {
	writeAll(file, sizeBytes, "r+", () => {});
}

/** A file whose blocks have all been written: one that is sparse would be read without asking the disk. */
export function filled(file: string, sizeBytes: number): Image {
	writeAll(file, sizeBytes, "w", fdatasyncSync);
	return { path: file, sizeBytes };
}

function writeAll(file: string, sizeBytes: number, flags: string, finish: (fd: number) => void): void {
	const chunk = new Uint8Array(CHUNK_BYTES).fill(0x5a);
	const fd = openSync(file, flags, PRIVATE);
	try {
		for (let at = 0; at < sizeBytes; at += CHUNK_BYTES)
			writeSync(fd, chunk, 0, Math.min(CHUNK_BYTES, sizeBytes - at), at);
		finish(fd);
	} finally {
		closeSync(fd);
	}
}
