// What the opener opens for others: what the files name, with that access, and what lies in folders that they allow.
import { closeSync, readlinkSync, symlinkSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Errno, native, OPEN_READ_ONLY } from "../../lib/native.js";
import { Grants } from "../../lib/opener/grants.js";

// Threads that open keep no process from ending.
const stay = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(stay));

/** What may be opened, by path. */
function granted(grants: Grants, file: string, readOnly = false): string {
	const grant = grants.grant(file, readOnly);
	return path.join(grant.folder, grant.path);
}

/** Where what is opened is. */
async function opened(grants: Grants, file: string): Promise<string> {
	const grant = grants.grant(file, true);
	const { descriptor } = await native.fileOpenFor(grant.folder, grant.path, OPEN_READ_ONLY, 0, 0);
	try {
		return readlinkSync(`/proc/self/fd/${descriptor}`);
	} finally {
		closeSync(descriptor);
	}
}

t.test("what the files name", async (t) => {
	const grants = new Grants(
		[
			{ path: "/srv/web.img", readOnly: false },
			{ path: "/srv/gold.img", readOnly: true },
			{ path: "/srv/both.img", readOnly: true },
			{ path: "/srv/both.img", readOnly: false },
		],
		[],
	);
	t.equal(granted(grants, "/srv/web.img"), "/srv/web.img");
	t.equal(granted(grants, "/srv/web.img", true), "/srv/web.img", "less than is named");
	t.equal(granted(grants, "/srv/gold.img", true), "/srv/gold.img");
	t.throws(() => granted(grants, "/srv/gold.img"), /read only/);
	t.equal(granted(grants, "/srv/both.img"), "/srv/both.img", "one of two disks writes");
	for (const file of ["/etc/shadow", "/srv", "/srv/web.img/", "/srv/../srv/web.img", "srv/web.img", ""])
		t.throws(() => granted(grants, file), OperatorError, file);
});

t.test("what lies in a folder that is allowed", async (t) => {
	const folder = t.testdir({
		allowed: { "a.img": "a", sub: { "b.img": "b" } },
		"secret.img": "no",
		"allowed-too": { "c.img": "c" },
	});
	const allowed = path.join(folder, "allowed");
	const grants = new Grants([], [allowed]);
	t.equal(granted(grants, path.join(allowed, "a.img")), path.join(allowed, "a.img"));
	t.equal(granted(grants, path.join(allowed, "sub/b.img")), path.join(allowed, "sub/b.img"));
	symlinkSync("sub/b.img", path.join(allowed, "inside"));
	t.equal(
		await opened(grants, path.join(allowed, "inside")),
		path.join(allowed, "sub/b.img"),
		"a link that stays inside",
	);
	symlinkSync("../secret.img", path.join(allowed, "out"));
	symlinkSync(path.join(folder, "secret.img"), path.join(allowed, "absolute"));
	symlinkSync("..", path.join(allowed, "up"));
	for (const name of ["out", "absolute", "up/secret.img", "missing"])
		await t.rejects(opened(grants, path.join(allowed, name)), name);
	await t.rejects(opened(grants, path.join(allowed, "out")), { name: "Error", errno: Errno.EXDEV });
	for (const name of ["../secret.img", "sub/../../secret.img"])
		t.throws(() => granted(grants, path.join(allowed, name)), OperatorError, name);
	t.throws(() => granted(grants, `${allowed}/sub/../../secret.img`), OperatorError);
	t.throws(
		() => granted(grants, path.join(folder, "allowed-too/c.img")),
		OperatorError,
		"a folder of a longer name",
	);
	t.throws(() => granted(grants, allowed), OperatorError, "the folder itself");
	await t.rejects(opened(new Grants([], ["/no/such/folder"]), "/no/such/folder/a"), {
		name: "Error",
		step: "folder",
	});
});
