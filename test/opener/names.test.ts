// Hosts are looked up by a program that is not root: names that there are, and are not, as many at once as there may be.

import { isIP } from "node:net";
import t from "tap";
import { Names } from "../../lib/opener/names.js";
import { inNamespace } from "../support/in-namespace.js";
import { programsMissing } from "../support/programs.js";

const NOBODY = 65_534;

const skip = programsMissing("getent");
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	t.test("a name that there is", async (t) => {
		const names = new Names(process.geteuid?.() === 0 ? NOBODY : undefined);
		const found = await names.addressesOf("localhost");
		t.ok(found.length > 0);
		t.ok(found.every((address) => isIP(address) > 0));
		t.equal(new Set(found).size, found.length, "each once");
	});

	t.test("one that there is not is told, and looked up again when it is asked for again", async (t) => {
		const names = new Names(undefined);
		for (let i = 0; i < 2; i++)
			await t.rejects(names.addressesOf("no-such-host.invalid"), {
				message: /^the address of no-such-host\.invalid is not to be had \(/,
			});
	});

	t.test("so many at once, and no more; of one name one for all", async (t) => {
		const names = new Names(undefined);
		const all = Array.from({ length: 40 }, () => names.addressesOf("localhost"));
		const others = Array.from({ length: 20 }, (_, i) => names.addressesOf(`host${i}.invalid`));
		const ends = await Promise.allSettled(others);
		const tooMany = ends.filter((end) => end.status === "rejected" && /too many/.test(String(end.reason)));
		t.equal(tooMany.length, 5);
		for (const each of await Promise.all(all)) t.ok(each.length > 0);
		t.ok((await names.addressesOf("localhost")).length > 0, "then there is room again");
	});
}
