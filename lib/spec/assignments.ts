/**
 * Assignments in the syntax of a POSIX shell (IEEE 1003.1, 2.2 and 2.9.1), read without one: `name=value` with comments and every
 * way of quoting, and nothing that would have to be carried out. What a shell would expand, or run, is an error with its place, so
 * that no file means one thing to Debian's scripts and another one here. Used by `debian.ts`.
 */

import { type Place, PlacedError, placeAt } from "./place.js";

export interface Assignment {
	readonly name: string;
	readonly value: string;
	/** Of the name. */
	readonly place: Place;
}

const BLANK = /[ \t]/;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Characters that end a word or mean something to a shell. */
const OPERATORS = "|&<>()";

/** The assignments of `text`, in order. Throws a PlacedError at the first thing that is none. */
export function readAssignments(file: string, text: string): Assignment[] {
	return new Reader(file, text).all();
}

class Reader {
	#at = 0;

	constructor(
		private readonly file: string,
		private readonly text: string,
	) {}

	all(): Assignment[] {
		const found: Assignment[] = [];
		for (;;) {
			this.#skip();
			if (this.#at >= this.text.length) return found;
			found.push(this.#assignment());
		}
	}

	get #next(): string {
		return this.text[this.#at] ?? "";
	}

	/** Blanks, ends of commands and comments. */
	#skip(): void {
		while (this.#at < this.text.length) {
			if (this.#next === "#") this.#skipLine();
			else if (this.#isContinued()) this.#at += 2;
			else if (BLANK.test(this.#next) || "\n\r;".includes(this.#next)) this.#at++;
			else return;
		}
	}

	#skipLine(): void {
		const end = this.text.indexOf("\n", this.#at);
		this.#at = end < 0 ? this.text.length : end;
	}

	/** A backslash at the end of a line joins it with the next. */
	#isContinued(): boolean {
		return this.text.startsWith("\\\n", this.#at);
	}

	#assignment(): Assignment {
		const place = this.#place();
		NAME.lastIndex = this.#at;
		const [name] = NAME.exec(this.text) ?? [];
		if (name === undefined || this.text[this.#at + name.length] !== "=")
			throw new PlacedError(place, "only assignments, name=value, are understood here");
		this.#at += name.length + 1;
		return { name, value: this.#word(), place };
	}

	#word(): string {
		let value = "";
		while (this.#at < this.text.length && !this.#endsWord()) value += this.#piece();
		return value;
	}

	#endsWord(): boolean {
		return BLANK.test(this.#next) || "\n\r;".includes(this.#next);
	}

	#piece(): string {
		const character = this.#next;
		switch (character) {
			case "'":
				return this.#singleQuoted();
			case '"':
				return this.#doubleQuoted();
			case "\\":
				return this.#escaped();
			default:
				if (OPERATORS.includes(character)) this.#refuse(`${character} must be in quotes`);
				return this.#plain();
		}
	}

	#escaped(): string {
		this.#at += 2;
		const escaped = this.text[this.#at - 1] ?? "";
		return escaped === "\n" ? "" : escaped;
	}

	#singleQuoted(): string {
		const end = this.text.indexOf("'", this.#at + 1);
		if (end < 0) this.#refuse("this quote is never closed");
		const value = this.text.slice(this.#at + 1, end);
		this.#at = end + 1;
		return value;
	}

	/** In double quotes a backslash is one, but before `$`, a backquote, `"`, itself and the end of a line. */
	#doubleQuoted(): string {
		const begin = this.#at++;
		let value = "";
		while (this.#next !== '"') {
			if (this.#at >= this.text.length) this.#refuse("this quote is never closed", begin);
			const after = this.text[this.#at + 1] ?? "";
			value += this.#next === "\\" && '$`"\\\n'.includes(after) ? this.#escaped() : this.#plain();
		}
		this.#at++;
		return value;
	}

	#plain(): string {
		const character = this.#next;
		if (character === "$" || character === "`")
			this.#refuse(`${character} is not carried out here: write what it stands for`);
		this.#at++;
		return character;
	}

	#place(at = this.#at): Place {
		return placeAt(this.file, this.text, at);
	}

	#refuse(what: string, at = this.#at): never {
		throw new PlacedError(this.#place(at), what);
	}
}
