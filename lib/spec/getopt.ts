/**
 * Takes command lines apart as getopt(3) does for vblade 25: `-rsd` are three options, `-b32`, `-rb32`, `-rb 32` and
 * `--buffer-count=32` give one its value, options may follow arguments, and `--` ends them. Used for every command; knows of
 * options what a table says, and of values nothing: those are read by whoever carries the command out.
 */

import { quote } from "../text.js";

export interface Option<Name extends string = string> {
	/** Without the two dashes. */
	readonly name: Name;
	/** One letter, without the dash. */
	readonly short?: string;
	/** What the manual calls the option's value; an option without takes none. */
	readonly value?: string;
	/** The value that the option's name alone stands for. Another one can be given only by `--name=value`. */
	readonly alone?: string;
	/** What holds if the option is not given, where that is a value. */
	readonly default?: string;
	readonly help: string;
}

/** Reads the words after the command's name. Never throws: what is wrong with an option is in `mistake`. */
export function getopt<Name extends string>(
	argv: readonly string[],
	options: readonly Option<Name>[],
): CommandLine<Name> {
	const line = new CommandLine(options);
	const words = [...argv];
	for (let word = words.shift(); word !== undefined; word = words.shift()) {
		if (word === "--") line.positionals.push(...words.splice(0));
		else if (word.startsWith("--")) line.addLong(word, words);
		else if (word.startsWith("-") && word !== "-") line.addShort(word, words);
		else line.positionals.push(word);
	}
	return line;
}

/** A command line, taken apart. */
export class CommandLine<Name extends string = string> {
	readonly positionals: string[] = [];
	/** The first thing that is wrong with an option, if anything is. */
	mistake: string | undefined;
	/** Options that do not exist, as they were given, without values. */
	readonly unknown: string[] = [];
	readonly #options: readonly Option<Name>[];
	/** Every option given, with its values in order; none for options that take none. */
	readonly #given = new Map<Name, string[]>();

	constructor(options: readonly Option<Name>[]) {
		this.#options = options;
	}

	has(name: Name): boolean {
		return this.#given.has(name);
	}

	all(name: Name): readonly string[] {
		return this.#given.get(name) ?? [];
	}

	/** What was given for an option, or what holds without it: as with getopt(3) the last of several wins. */
	last(name: Name): string | undefined {
		return this.all(name).at(-1) ?? this.#options.find((option) => option.name === name)?.default;
	}

	/** Takes `--name` or `--name=value`; the value may be the next of `words`. */
	addLong(word: string, words: string[]): void {
		const at = word.indexOf("=", "--x".length);
		const [name, joined] = at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
		this.#add(
			name,
			this.#options.find((option) => `--${option.name}` === name),
			joined,
			words,
		);
	}

	/** Takes `-x`, `-xyz` or `-xvalue`; the value may be the next of `words`. */
	addShort(word: string, words: string[]): void {
		let rest = word.slice(1);
		while (rest !== "") {
			const [letter = ""] = rest;
			rest = rest.slice(letter.length);
			const option = this.#options.find(({ short }) => short === letter);
			const takesRest = option?.value !== undefined && rest !== "";
			this.#add(`-${letter}`, option, takesRest ? rest : undefined, words);
			if (takesRest) return;
		}
	}

	#add(shown: string, option: Option<Name> | undefined, joined: string | undefined, words: string[]): void {
		if (option === undefined) {
			this.unknown.push(shown);
			this.mistake ??= `option ${quote(shown)}: there is none of this name; see vblade --help`;
			return;
		}
		const values = this.#given.get(option.name) ?? [];
		this.#given.set(option.name, values);
		if (option.value === undefined) {
			if (joined !== undefined) this.mistake ??= `option ${quote(shown)}: takes no value`;
			return;
		}
		const value = joined ?? option.alone ?? words.shift();
		if (value === undefined) this.mistake ??= `option ${quote(shown)}: needs a value, ${option.value}`;
		else values.push(value);
	}
}
