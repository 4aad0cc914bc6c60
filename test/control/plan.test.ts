/** What is told of a change when it is done: which, and whether all of it is. */

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Stage, settle, TWO } from "./stage.js";

const disks = (names: readonly string[]): string =>
	names
		.map((name, at) => `[disk.${name}]\nmemory = "1M"\naoe = { address = "9.${at}", netif = ["eth0"] }\n`)
		.join("");

async function reloaded(stage: Stage, text: string): Promise<unknown> {
	stage.opener.text = text;
	await stage.done(await stage.ask("POST", "/api/v1/reload"));
	const { events } = (await stage.ask("GET", "/api/v1/events?limit=4096")).body;
	return events.findLast(({ kind }: { kind: string }) => kind === "configuration");
}

t.test("the first of what was done are named, and it is said if not all is", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	t.match(await reloaded(stage, disks(["a", "b"])), {
		severity: "info",
		message:
			/^carried out: disk web: removed, .* is lost; disk mail: removed, .*; disk a: added; and 1 more change$/,
	});
	t.match(await reloaded(stage, disks(["a", "b"])), { message: "carried out: nothing has changed" });
	stage.workers.reasons.set("c", "no such file");
	t.match(await reloaded(stage, disks(["a", "b", "c"])), {
		severity: "warning",
		message: "not all is carried out: disk c: added",
	});
	stage.opener.text = `[http]\ndisk_histograms = true\n${disks(["a", "b", "c"])}`;
	const reply = await stage.ask("POST", "/api/v1/reload");
	await stage.done(reply);
	const told = stage.control.inside.jobs.get(reply.body.id)?.job.message;
	t.equal(told, "carried out: http.disk_histograms false -> true (live)", "who asked for it hears the same");
});

t.test("a worker that does not change a disk is told of, as an error of that disk", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.change = async () => {
		throw new OperatorError("worker 0: no answer within 20 s");
	};
	t.match(await reloaded(stage, TWO.replace("100", "200")), { severity: "warning" });
	const { events } = (await stage.ask("GET", "/api/v1/events?disk=mail&limit=1")).body;
	t.match(events, [{ severity: "error", message: "could not be changed: worker 0: no answer within 20 s" }]);
});
