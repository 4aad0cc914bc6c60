/**
 * Counts the assertions in the output of tap (Test Anything Protocol, version 14) as it comes, and hands on each test file
 * with its share when it has ended. Used by `run-tests.ts`. What the lines mean is tap-parser's to know. Of the results of
 * subtests only those count that say more than what is in them: a crash, a timeout, a file skipped. A plan that is not kept
 * is a failure, too.
 */

import { type FinalResults, Parser, type Result } from "tap-parser";

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

export class Counter {
	passed = 0;
	failed = 0;
	skipped = 0;
	/** Files that have come to an end. */
	files = 0;
	readonly #ended: (file: FileResult) => void;
	readonly #parser = new Parser();
	#lines: string[] = [];
	#names: string[] = [];
	/** The result of a file, when it is there: diagnostics may follow it, so it comes with the first line of the next one. */
	#file: Result | undefined;
	#before = { passed: 0, failed: 0 };

	constructor(ended: (file: FileResult) => void) {
		this.#ended = ended;
		this.#parser.on("assert", (result: Result) => {
			this.#file = result;
		});
		this.#countIn(this.#parser);
	}

	line(line: string): void {
		this.#parser.write(`${line}\n`);
		this.#end();
		this.#lines.push(line);
	}

	/** There are no more lines. */
	end(): void {
		this.#parser.end();
		this.#end();
	}

	/** Counts what comes out of a parser, and of those of the subtests in it. */
	#countIn(parser: Parser): void {
		/** What had failed and been skipped when the subtest began whose result comes next. */
		let before: { readonly failed: number; readonly skipped: number } | undefined;
		parser.on("child", (child: Parser) => {
			before = { failed: this.failed, skipped: this.skipped };
			this.#countIn(child);
			// No line says that a plan was not kept.
			child.on("complete", ({ failures }: FinalResults) => {
				this.failed += failures.filter(({ tapError }) => tapError !== null).length;
			});
		});
		parser.on("assert", (result: Result) => {
			this.#count(result, before);
			before = undefined;
		});
	}

	/** A result is an assertion, or that of a subtest, which counts only for what has not been told inside of it. */
	#count({ ok, skip, todo, name }: Result, before: { failed: number; skipped: number } | undefined): void {
		if (skip || todo) {
			if (before !== undefined && before.skipped !== this.skipped) return;
			this.skipped += 1;
			this.#names.push(name);
		} else if (!ok) {
			if (before === undefined || before.failed === this.failed) this.failed += 1;
		} else if (before === undefined) this.passed += 1;
	}

	#end(): void {
		if (this.#file === undefined) return;
		this.files += 1;
		this.#ended({
			name: this.#file.name,
			milliseconds: this.#file.time ?? 0,
			lines: this.#lines,
			passed: this.passed - this.#before.passed,
			failed: this.failed - this.#before.failed,
			skipped: this.#names,
		});
		this.#file = undefined;
		this.#lines = [];
		this.#names = [];
		this.#before = { passed: this.passed, failed: this.failed };
	}
}
