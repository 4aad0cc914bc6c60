// What is asked of mirrors by the API: jobs that their worker does, and what is refused.

import t from "tap";
import { Stage, settle } from "./stage.js";

const TEXT = `
[disk.both]
mirror = ["a", "b"]
[disk.a]
memory = "4M"
[disk.b]
memory = "4M"
`;

t.test("a mirror is compared, and a disk of it overwritten, by jobs", async (t) => {
	const stage = new Stage();
	stage.opener.text = TEXT;
	await stage.start(t);
	await settle();
	const job = async (verb: string): Promise<Record<string, unknown>> => {
		const reply = await stage.ask("POST", `/api/v1/disks/both/${verb}`);
		t.equal(reply.status, 202, verb);
		await stage.done(reply);
		return (await stage.ask("GET", `/api/v1/jobs/${reply.body.id}`)).body;
	};
	t.match(await job("verify"), {
		...{ kind: "verify", disk: "both", state: "done", progress: 1, done: 8192, total: 8192 },
		message: "8K compared: 512 differ in 1 range",
		errors: ["byte 1024, 512 bytes: disk b differs from disk a"],
		errorCount: 1,
	});
	t.match((await stage.ask("GET", "/api/v1/events?limit=1")).body.events, [
		{ kind: "mirror-compared", severity: "error", disk: "both" },
	]);
	t.match(await job("verify?repair=true&from=b"), {
		message: "8K compared: 512 differ in 1 range, 512 were written again",
		errors: ["byte 1024, 512 bytes: disk b differs from disk a; written again"],
	});
	t.match(await job("resync?part=a"), {
		kind: "resync",
		state: "done",
		message: "disk a is copied to, from now on or from when it answers again",
	});
	t.strictSame(stage.workers.calls.slice(-5), [
		...["compare both 0", "compare both 4096"],
		...["compare both 0 by majority from b", "compare both 4096 by majority from b"],
		"resync both a",
	]);
	const refused = async (address: string, status: number) => {
		const reply = await stage.ask("POST", `/api/v1/disks/${address}`);
		t.equal(reply.status, status, address);
		return reply.body;
	};
	t.match(await refused("a/verify", 409), { detail: 'disk "a": is no mirror' });
	t.match(await refused("nobody/verify", 404), { detail: /none of this name/ });
	t.match(await refused("both/resync?part=c", 409), { detail: 'disk "both": disk c is none of its mirror' });
	await refused("both/resync", 400);
});

t.test("one comparison of a mirror at a time, which can be cancelled", async (t) => {
	const stage = new Stage();
	stage.opener.text = TEXT;
	await stage.start(t);
	await settle();
	let go: (end: "closed") => void = () => {};
	stage.workers.hanging.set("both", new Promise((resolve) => (go = resolve)));
	const reply = await stage.ask("POST", "/api/v1/disks/both/verify");
	const again = await stage.ask("POST", "/api/v1/disks/both/verify?from=a");
	t.match(again, {
		status: 409,
		body: { detail: `disk both: is being compared already, as job ${reply.body.id}` },
	});
	t.equal((await stage.ask("DELETE", `/api/v1/jobs/${reply.body.id}`)).status, 202);
	go("closed");
	await stage.done(reply);
	t.match((await stage.ask("GET", `/api/v1/jobs/${reply.body.id}`)).body, {
		state: "cancelled",
		message: "cancelled; 4K compared: 512 differ in 1 range",
	});
});

t.test("what is missing in a mirror at the start is waited for, not at all costs", async (t) => {
	const stage = new Stage();
	stage.opener.text = TEXT;
	stage.workers.reasons.set("b", "no such file");
	await stage.start(t);
	await settle();
	t.equal(await stage.state("both"), "open", "the worker says whether it can do without it");
	stage.workers.reasons.set("a", "no such file");
	await stage.close();
});

t.test("what is asked of a mirror that is not open is refused with what it lacks", async (t) => {
	const stage = new Stage();
	stage.opener.text = TEXT;
	stage.workers.reasons.set("both", "b is not here");
	await stage.start(t);
	await settle();
	for (const verb of ["verify", "resync?part=a"]) {
		const { status, body } = await stage.ask("POST", `/api/v1/disks/both/${verb}`);
		t.match(
			{ status, body },
			{ status: 409, body: { detail: /^disk "both": is not open: .*b is not here/ } },
		);
	}
});
