/** A server on an interface that changes, and what it says of that. */

import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { Stage } from "./stage.js";

const skip = namespacesMissing() ?? false;

/** A stage for one subtest. */
export function onStage(name: string, act: (t: Test, stage: Stage) => Promise<void>): void {
	t.test(name, { skip }, async (t) => {
		const stage = new Stage(vbladeCommand());
		t.teardown(() => stage.close());
		await act(t, stage);
	});
}

/** Starts a server that serves 9.0 on `netif`. */
export async function serve(stage: Stage, netif: string): Promise<Program> {
	const server = stage.start("9", "0", netif, "mem:512K");
	await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	return server;
}

/** What SIGUSR1 says. */
export async function report(server: Program): Promise<string> {
	const from = server.output.length;
	server.signal("SIGUSR1");
	await server.waitFor(/e9\.0: reads \d+.*\n/, LIMIT_MS, from);
	return server.output.slice(from);
}

/** How often the log has a line that matches. */
export function lines(server: Program, pattern: RegExp): number {
	return server.stderr.split("\n").filter((line) => pattern.test(line)).length;
}
