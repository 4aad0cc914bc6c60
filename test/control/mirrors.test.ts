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
		kind: "verify",
		disk: "both",
		state: "done",
		message: "4K compared: 512 differ",
	});
	t.match(await job("verify?from=b"), { state: "done" });
	t.match(await job("resync?part=a"), {
		kind: "resync",
		state: "done",
		message: "disk a is being copied to",
	});
	t.strictSame(stage.workers.calls.slice(-3), ["verify both", "verify both from b", "resync both a"]);
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
