// Which worker has which disk: a pool and a `unix:` link belong to one process, so what is on them is with one, whoever comes first.
import t from "tap";
import type { PlacedDisk } from "../../lib/control/belongings.js";
import { Choice } from "../../lib/control/worker-choice.js";
import type { NetifSpec, StorageSpec } from "../../lib/spec/spec.js";

const newWorkers = () => [0, 1].map((index) => ({ index, disks: new Set<string>() }));

/** A disk on that volume or file, at those links. */
function disk(name: string, on: string, ...links: readonly string[]): PlacedDisk {
	const [, pool, volume] = /^(.+)\/(.+)$/.exec(on) ?? [];
	const storage: StorageSpec =
		pool !== undefined && volume !== undefined
			? { kind: "volume", name: on, pool, volume }
			: { kind: "file", name: on, path: on };
	const netifs = links.map(
		(each): NetifSpec =>
			each.startsWith("unix:")
				? { kind: "unix", name: each, path: each.slice("unix:".length) }
				: { kind: "interface", name: each },
	);
	return { name, disk: { storage }, exports: [{ protocol: "aoe", netifs }] };
}

t.test("all of a unix: link are one worker's, and links are shared out", async (t) => {
	const choice = new Choice(newWorkers());
	const disks = Array.from({ length: 8 }, (_, i) => disk(`d${i}`, `${i}.img`, `unix:/run/${i % 2}`, "eth0"));
	choice.arrange(disks);
	t.strictSame(
		disks.map((each) => choice.of(each).index),
		[0, 1, 0, 1, 0, 1, 0, 1],
	);
});

t.test("pools whose volumes meet at a link are one worker's", async (t) => {
	const choice = new Choice(newWorkers());
	const pools = Array.from({ length: 8 }, (_, i) => `/srv/${i}`);
	const homes = pools.map((pool) => choice.ofPool(pool).index);
	t.ok(homes.includes(0) && homes.includes(1), "pools alone are shared out");
	const again = new Choice(newWorkers());
	again.arrange(pools.map((pool, i) => disk(`d${i}`, `${pool}/web`, `unix:/run/${i}`, `unix:/run/${i + 1}`)));
	t.equal(new Set(pools.map((pool) => again.ofPool(pool).index)).size, 1, "a chain of eight");
});

t.test("what is served stays where it is", async (t) => {
	const workers = newWorkers();
	const choice = new Choice(workers);
	choice.give("web", workers[1]!);
	const web = disk("web", "/srv/a/web", "unix:/run/a");
	choice.arrange([disk("new", "/srv/a/new", "unix:/run/b"), web]);
	t.equal(choice.of(web).index, 1);
	t.equal(choice.ofPool("/srv/a").index, 1);
	t.equal(choice.known("new").index, 1);
});

t.test("a disk that gets a link of another worker's goes there", async (t) => {
	const workers = newWorkers();
	const choice = new Choice(workers);
	choice.arrange([disk("web", "web.img", "unix:/run/a"), disk("mail", "mail.img", "unix:/run/b")]);
	t.equal(choice.known("mail").index, 1);
	const mail = disk("mail", "mail.img", "unix:/run/a");
	choice.arrange([disk("web", "web.img", "unix:/run/a"), mail]);
	const home = choice.of(mail);
	t.equal(home.index, 0);
	t.ok(choice.isElsewhere("mail", home));
	choice.arrange([disk("web", "web.img", "eth0"), disk("post", "post.img", "unix:/run/a")]);
	t.equal(choice.of(disk("web", "web.img", "eth0")).index, 0, "one that has no such link any more stays");
});

t.test("a disk that is on what different workers have is refused, until it is on one", async (t) => {
	const workers = newWorkers();
	const choice = new Choice(workers);
	const [a, b] = [disk("a", "/srv/a/web", "eth0"), disk("b", "b.img", "unix:/run/b")];
	choice.give("a", workers[0]!);
	choice.give("b", workers[1]!);
	const c = disk("c", "c.img", "unix:/run/b");
	const both = disk("both", "/srv/a/both", "unix:/run/b", "unix:/run/of-its-own");
	choice.arrange([a, b, c, both]);
	t.throws(() => choice.of(both), {
		message: "worker 0 has pool /srv/a, worker 1 has unix:/run/b: one has both when vblade is started again",
	});
	t.equal(choice.of(a).index, 0);
	t.equal(choice.of(b).index, 1);
	for (const gone of ["b", "c"]) choice.forget(gone);
	choice.arrange([a, both]);
	t.equal(choice.of(both).index, 0, "nobody else is at that link any more");
});

t.test("a disk of disks is with what it is made of, where a pool of that is", async (t) => {
	const choice = new Choice(newWorkers());
	const whole = (name: string, ...parts: readonly PlacedDisk[]): PlacedDisk[] => {
		const members = parts.map(({ name, disk: { storage } }) => ({ name, storage }) as never);
		const storage: StorageSpec = { kind: "linear", name, members };
		return [{ name, disk: { storage }, exports: [] }, ...parts.map((part) => ({ ...part, partOf: name }))];
	};
	const [a, b, c] = [disk("a", "a.img"), disk("b", "/pool/b"), disk("c", "c.img")];
	choice.arrange([a, b, c]);
	for (const each of [a, b, c]) choice.give(each.name, choice.of(each));
	t.not(choice.of(a), choice.of(b), "they are shared out");
	const home = choice.of(b);
	const both = whole("both", a, b);
	choice.arrange([...both, c]);
	for (const each of both) t.equal(choice.of(each), home, each.name);
	choice.arrange([a, b, c]);
	choice.arrange([...whole("both", a, c), b]);
	t.equal(
		new Set(whole("both", a, c).map((each) => choice.of(each))).size,
		1,
		"another of that name is free",
	);
});
