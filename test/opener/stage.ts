/** An opener for tests, in this process, with children that somebody has taken over (`hostile.ts`) in place of its own. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Test } from "tap";
import type { Log } from "../../lib/log.js";
import { Opener } from "../../lib/opener/opener.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Deeds } from "./hostile.js";

const PROGRAM = [process.execPath, new URL("hostile.js", import.meta.url).pathname];

export interface Line {
	readonly kind: string;
	readonly answered?: string;
	readonly refused?: string;
	readonly done?: boolean;
	readonly begins?: boolean;
	readonly beginnings?: number;
}

/** A folder with a configuration: one file named for writing, one for reading, one folder allowed. */
export class Stage {
	readonly folder = scratchDirectory();
	readonly log: string[] = [];
	#opener: Opener | undefined;

	constructor() {
		mkdirSync(this.path("allowed/sub"), { recursive: true });
		for (const name of ["web.img", "gold.img", "secret.img", "allowed/a.img", "allowed/sub/b.img"])
			writeFileSync(this.path(name), new Uint8Array(4096));
		const disk = (name: string, more: string): string => `[disk.${name}]\n${more}\n`;
		writeFileSync(
			this.path("vblade.toml"),
			[
				`[daemon]\nstate = "${this.path("state")}"\nallow = ["${this.path("allowed")}"]`,
				disk("web", `file = "${this.path("web.img")}"`),
				disk("gold", `file = "${this.path("gold.img")}"\nread_only = true`),
				disk("scratch", 'memory = "1M"'),
			].join("\n"),
		);
	}

	path(name: string): string {
		return path.join(this.folder, name);
	}

	async start(t: Test, deeds: Omit<Deeds, "report">): Promise<void> {
		process.env.HOSTILE = this.path("deeds");
		writeFileSync(this.path("deeds"), JSON.stringify({ report: this.path("report"), ...deeds }));
		writeFileSync(this.path("report"), "");
		const note = (line: string): void => void this.log.push(line);
		const log: Log = { error: note, warn: note, info: note, verbose: note };
		this.#opener = await Opener.start({
			config: this.path("vblade.toml"),
			socket: this.path("run/vblade.sock"),
			log,
			verbose: false,
			program: PROGRAM,
			onReady: () => {},
		});
		t.teardown(() => this.#opener?.stop());
	}

	get lines(): Line[] {
		return readFileSync(this.path("report"), "utf8")
			.split("\n")
			.filter((line) => line.endsWith("}"))
			.map((line) => JSON.parse(line) as Line);
	}

	/** What was answered to each question that a child of this kind has asked, when it is through. */
	async answers(kind = "worker"): Promise<string[]> {
		const ofKind = (): Line[] => this.lines.filter((line) => line.kind === kind);
		await until(`${kind} is through`, () => ofKind().some(({ done }) => done), LIMIT_MS);
		return ofKind().flatMap(({ answered, refused }) =>
			answered === undefined ? (refused === undefined ? [] : [`refused: ${refused}`]) : [answered],
		);
	}
}
