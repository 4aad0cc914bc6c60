/** From one configuration to another: what has to be done, and that it is enough. Mirrors lib/spec/difference.ts. */

import fc from "fast-check";
import t from "tap";
import type { Config } from "../../lib/spec/config.js";
import type { DiskConfig } from "../../lib/spec/configuration.js";
import { differenceOf, type Step } from "../../lib/spec/difference.js";
import { soundConfig, texts } from "./trees.js";

function stepsFrom(before: string, after: string): readonly Step[] {
	return differenceOf(soundConfig(before), soundConfig(after)).steps;
}

function web(settings: string, aoe = ""): string {
	return `[disk.web]\n${settings}\n[disk.web.aoe]\naddress = "9.0"\nnetif = ["eth0"]\n${aoe}`;
}

/** The kind of the one step, and the keys that made it so. */
function kindOf(before: string, after: string): string {
	const [step, ...others] = stepsFrom(before, after);
	if (others.length > 0) throw new Error("more than one step");
	if (step === undefined) return "nothing";
	return "changes" in step ? `${step.kind} ${step.changes.map(({ key }) => key).join()}` : step.kind;
}

t.test("each key takes what the table of keys says", async (t) => {
	const file = 'file = "/srv/web"';
	t.equal(kindOf(web(file), web(file)), "nothing");
	t.equal(kindOf("", web(file)), "add");
	t.equal(kindOf(web(file), ""), "remove");
	t.equal(kindOf(web(file), web(`${file}\nlimit = { iops = 5 }`)), "change limit.iops");
	t.equal(kindOf(web(file), web(file, "macs = []")), "change aoe.macs");
	t.equal(kindOf(web(file), web(file, "force = true")), "reexport aoe.force");
	t.equal(kindOf(web(file), web(file).replace("9.0", "9.1")), "reexport aoe.address");
	t.equal(kindOf(web(file), web(file.replace("web", "web2"))), "replace file");
	t.equal(kindOf(web(file), web('memory = "1M"')), "replace file,memory");
	t.equal(kindOf(web(file), web(file, "poll_us = 5")), "change aoe.poll_us");
	const nbd = (keys: string): string => `${web(file)}[disk.web.nbd]\n${keys}`;
	t.equal(kindOf(web(file), nbd("")), "reexport nbd.name", "a table without keys is an export");
	t.equal(kindOf(nbd(""), nbd('name = "web"')), "nothing");
	t.equal(kindOf(nbd(""), nbd('name = "shop"')), "reexport nbd.name");
	t.equal(kindOf(nbd(""), nbd('description = "x"\nclients = []')), "change nbd.description,nbd.clients");
});

t.test("what means the same is no change", async (t) => {
	t.equal(kindOf(web('memory = "1G"'), web('memory = "1024M"')), "nothing");
	t.equal(kindOf(web('file = "/a"\nlimit = {}'), web('file = "/a"\nread_only = false')), "nothing");
	t.equal(kindOf(web('file = "/a"\nbuffer_count = 16'), web('file = "/a"')), "nothing");
});

t.test(
	"a glob that means other interfaces now is served anew; one that matches nothing is broken",
	async (t) => {
		const text = '[disk.a]\nmemory = "1M"\naoe = { address = "9.0", netif = ["eth*"] }';
		const steps = (before: string[], after: string[]) =>
			differenceOf(soundConfig(text, before), soundConfig(text, after)).steps.map(({ kind }) => kind);
		t.same(steps(["eth0"], ["eth0", "eth1"]), ["reexport"]);
		t.same(steps(["eth0"], ["wlan0"]), ["replace"]);
		t.same(steps(["eth0"], ["eth0", "wlan0"]), []);
	},
);

t.test("settings of the daemon, and what needs a restart", async (t) => {
	const { settings, needsRestart } = differenceOf(
		soundConfig(`[daemon]\nworkers = 1\nallow = ["/a"]\n${web('file = "/a"')}`),
		soundConfig(`[daemon]\nworkers = 2\nallow = ["/b"]\n${web('file = "/a"', "no_xdp = true")}`),
	);
	t.same(settings, [
		{ key: "daemon.allow", from: ["/a"], to: ["/b"], effort: "live" },
		{ key: "daemon.workers", from: 1, to: 2, effort: "restart" },
	]);
	t.same(needsRestart, ["daemon.workers", "disk.web.aoe.no_xdp"]);
});

/** What is served after the steps have been taken in their order: first all is taken away. */
function after(running: Config, steps: readonly Step[]): Map<string, DiskConfig> {
	const disks = new Map(running.disks.map((disk) => [disk.name, disk]));
	for (const { kind, disk } of steps) if (kind !== "change" && kind !== "add") disks.delete(disk.name);
	for (const { kind, disk } of steps) {
		if (kind === "remove") continue;
		const isNew = kind === "add" || kind === "replace" || kind === "reexport";
		if (isNew === disks.has(disk.name)) throw new Error(`${kind} ${disk.name}`);
		disks.set(disk.name, disk);
	}
	return disks;
}

t.test(
	"any two configurations: the steps lead from one to the other, and nothing is done twice",
	async (t) => {
		fc.assert(
			fc.property(texts, texts, (before, wantedText) => {
				const [running, wanted] = [soundConfig(before), soundConfig(wantedText)];
				const { steps } = differenceOf(running, wanted);
				const names = steps.map(({ disk }) => disk.name);
				if (new Set(names).size !== names.length) return false;
				const found = after(running, steps);
				if (found.size !== wanted.disks.length) return false;
				return wanted.disks.every(({ name, disk, exports, broken }) => {
					const now = found.get(name);
					const one = JSON.stringify([now?.disk, now?.exports, now?.broken]);
					// What a memory of one size is called is no difference.
					const plain = (text: string) => text.replaceAll('"mem:65536K"', '"mem:64M"');
					return plain(one) === plain(JSON.stringify([disk, exports, broken]));
				});
			}),
		);
		t.pass();
	},
);

t.test("between a configuration and itself there is nothing", async (t) => {
	fc.assert(
		fc.property(texts, (text) => {
			const { steps, settings, needsRestart } = differenceOf(soundConfig(text), soundConfig(text));
			return steps.length + settings.length + needsRestart.length === 0;
		}),
	);
	t.pass();
});
