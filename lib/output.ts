/**
 * What the program says, on standard output and standard error. Threads of the addon do the writing (`native/common/writer.c`), so
 * that a reader who has stopped stops nobody: a terminal after Ctrl-S, a pipe that nobody empties, a file on a disk that
 * hangs. Lines that are not taken are lost, and counted in a line of their own when the reader is back.
 * Used by the log, and by the command line for the start-up line and for last words.
 */

import { fstatSync } from "node:fs";
import { native, type WriterHandle } from "./native.js";

const STDOUT = 1;
const STDERR = 2;
/** What is kept for a reader who is slow; room for the counters of thousands of blades. */
const LIMIT_BYTES = 1024 * 1024;
/** How long the reader has for the last lines when the program ends. */
const LAST_WORDS_MS = 1000;

let name = "vblade";

/** Of several processes that write to one log, each says which one it is. */
export function nameProcess(process: string): void {
	name = `vblade[${process}]`;
}

/** What lines of this process begin with. */
export function processName(): string {
	return name;
}

const writers = new Map<number, WriterHandle>();

/** At the start: later there may be no descriptor left to open a writer with, and that is what a line may be about. */
export function openOutput(): void {
	for (const descriptor of [STDOUT, STDERR]) writerTo(descriptor);
}

/** Writes whole lines to standard output. Never waits. */
export function say(lines: string): void {
	put(STDOUT, lines);
}

/** Writes whole lines to standard error. Never waits. */
export function complain(lines: string): void {
	put(STDERR, lines);
}

/** Whether the reader of standard output has taken all of what was written. Never waits. */
export function hasTakenAll(): boolean {
	return native.writerFlush(writerTo(STDOUT), 0);
}

/**
 * Resolves when whoever reads has taken what commands have written (`process.stdout`, not `say`), or is gone: Node forgets at the end what
 * a pipe has no room for. A reader who has stopped is waited for, as by any program that prints.
 */
export async function outputTaken(): Promise<void> {
	for (const stream of [process.stdout, process.stderr])
		if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()));
}

/**
 * At the end of the process: gives the reader a moment for what has not been written yet. Does not return if a terminal that
 * we were started on is gone: Node would want to give it its settings back, and abort instead of exiting with this status.
 */
export function finishOutput(status: number): void {
	const endMs = performance.now() + LAST_WORDS_MS;
	for (const writer of new Set(writers.values()))
		native.writerFlush(writer, Math.max(0, Math.floor(endMs - performance.now())));
	native.exitIfHungUp(status);
}

function put(descriptor: number, lines: string): void {
	native.writerPut(writerTo(descriptor), lines.replaceAll("\0", "\\0"));
}

function writerTo(descriptor: number): WriterHandle {
	let writer = writers.get(descriptor);
	if (writer === undefined) {
		writer = openWriter(descriptor);
		writers.set(descriptor, writer);
	}
	return writer;
}

/** Both may be one file, as for vbladed. Then one thread writes both, and lines stay in order. */
function openWriter(descriptor: number): WriterHandle {
	const other = writers.get(descriptor === STDOUT ? STDERR : STDOUT);
	if (other !== undefined && isSameFile()) return other;
	return native.writerOpen(descriptor, LIMIT_BYTES);
}

function isSameFile(): boolean {
	// Not as numbers: Node takes the last of those for what it asks when it resolves a link, and a pipe ends its search. So it
	// would not find what a package needs that is loaded later and installed by links, as pnpm does.
	const [out, err] = [fstatSync(STDOUT, { bigint: true }), fstatSync(STDERR, { bigint: true })];
	return out.dev === err.dev && out.ino === err.ino;
}
