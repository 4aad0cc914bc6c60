/** `vblade objects` as a user starts it, behind TLS, on a port of this network namespace: for tests that kill it, and for those of pools on it. */

import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";
import { KEYS, Stage } from "./stage.js";

export class ObjectsProgram {
	readonly folder = scratchDirectory();
	/** Its client; its server is not started. */
	readonly stage = new Stage(path.join(this.folder, "store"));
	readonly secret = path.join(this.folder, "secret");
	program!: Program;

	constructor(port = 9472) {
		this.stage.port = port;
		writeFileSync(this.secret, `${KEYS.secret}\n`, { mode: 0o600 });
		// It goes on as another user, who has to come by.
		for (const folder of [this.folder, path.dirname(this.stage.keys.folder), this.stage.keys.folder])
			chmodSync(folder, 0o755);
	}

	get command(): string[] {
		const { certificate, key } = this.stage.own;
		return [
			...vbladeCommand(),
			...["objects", this.stage.folder, "--listen", `127.0.0.1:${this.stage.port}`],
			...["--access-key", KEYS.accessKey, "--secret-file", this.secret],
			...["--certificate", certificate, "--key-file", key],
		];
	}

	async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
		this.program = new Program(this.command, { env });
		await this.program.waitFor(/^vblade: ready: .*$/m, LIMIT_MS);
	}
}
