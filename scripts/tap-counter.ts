/**
 * Counts the assertions in the output of tap (Test Anything Protocol, version 14) as it comes, and hands on each test file
 * with its share when it has ended. Used by `run-tests.ts`.
 *
 * The result of a subtest follows what is in it, which is indented by four more columns. So a result with nothing deeper
 * before it is an assertion; any other counts only for what is not told inside of it: a crash, a timeout, a file skipped.
 */

export interface FileResult {
	readonly name: string;
	/** All that was said of it. */
	readonly lines: readonly string[];
	readonly passed: number;
	readonly failed: number;
	/** The names of what was skipped or is to be done. */
	readonly skipped: readonly string[];
	readonly milliseconds: number;
}

const RESULT = /^ *(not )?ok\b(?: \d+)?(?: - )?(.*?)(?: # (?:(SKIP|TODO)\b.*|time=([\d.]+)ms))?$/;

export class Counter {
	passed = 0;
	failed = 0;
	skipped = 0;
	/** Files that have come to an end. */
	files = 0;
	readonly #ended: (file: FileResult) => void;
	/** For each depth, what had failed and been skipped when the subtest began whose result is to come. */
	#open: ({ readonly failed: number; readonly skipped: number } | undefined)[] = [];
	#diagnosticsEnd: string | undefined;
	#lines: string[] = [];
	#names: string[] = [];
	/** A file whose result is there. */
	#file: { readonly name: string; readonly milliseconds: number } | undefined;
	#before = { passed: 0, failed: 0 };

	constructor(ended: (file: FileResult) => void) {
		this.#ended = ended;
	}

	line(line: string): void {
		this.#lines.push(line);
		if (this.#diagnosticsEnd !== undefined) {
			// Source code and output are quoted in there: not to be taken for results.
			if (line !== this.#diagnosticsEnd) return;
			this.#diagnosticsEnd = undefined;
			if (line === "  ...") this.#end();
			return;
		}
		const indent = line.length - line.trimStart().length;
		if (line.trim() === "---") this.#diagnosticsEnd = `${" ".repeat(indent)}...`;
		if (line.startsWith("# Subtest", indent)) {
			this.#open[indent / 4] = { failed: this.failed, skipped: this.skipped };
			if (indent === 0) this.#begin(line);
		}
		const result = RESULT.exec(line);
		if (result === null) return;
		const [, not, name = "", directive, time] = result;
		this.#count(indent / 4, not !== undefined, name, directive !== undefined);
		if (indent > 0) return;
		this.#file = { name, milliseconds: Number(time ?? 0) };
		// Diagnostics follow what failed, and belong to it.
		if (not === undefined) this.#end();
	}

	#count(depth: number, not: boolean, name: string, skip: boolean): void {
		const inside = this.#open[depth];
		this.#open[depth] = undefined;
		if (skip) {
			if (inside !== undefined && inside.skipped !== this.skipped) return;
			this.skipped += 1;
			this.#names.push(name);
		} else if (not) {
			if (inside === undefined || inside.failed === this.failed) this.failed += 1;
		} else if (inside === undefined) this.passed += 1;
	}

	#begin(line: string): void {
		this.#lines = [line];
		this.#names = [];
		this.#before = { passed: this.passed, failed: this.failed };
	}

	#end(): void {
		if (this.#file === undefined) return;
		this.files += 1;
		this.#ended({
			...this.#file,
			lines: this.#lines,
			passed: this.passed - this.#before.passed,
			failed: this.failed - this.#before.failed,
			skipped: this.#names,
		});
		this.#file = undefined;
	}
}
