// Machines without disks under the whole daemon: each asks for its script, boots from a clone of its own, and finds what it wrote whatever is killed
// meanwhile; who has no business there gets nothing.
import { execFileSync } from "node:child_process";
import t from "tap";
import {
	machineGoldenCommand,
	machineKeepCommand,
	machineLsCommand,
	machineResetCommand,
	machineRmCommand,
} from "../../lib/cli/asking/machines.js";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { Initiator } from "../../lib/client/initiator.js";
import { UnixLink } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import { formatMac } from "../../lib/wire/mac.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { ask, type Reply } from "../control/stage.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const SHELF = 20;
const ALL_SLOTS = 255;

const sector = (fill: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(fill);

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	await told(poolCreateCommand, pool);
	await told(volumeCreateCommand, `${pool}/gold`, "1M");
	const netif = `unix:${tree.frames}`;
	tree.configure(
		[
			`workers = 2\n[boot]\nlisten = ["127.0.0.1:9471"]\n[pool.fast]\npath = "${pool}"`,
			`[template.lab]\nimage = "fast/gold@v1"\nshelf = ${SHELF}\nnetif = ["${netif}"]`,
			diskToml("gold", 'volume = "fast/gold"', "9.0", netif),
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const said = (command: typeof machineLsCommand, ...argv: string[]) =>
		told(command, `--socket=${tree.socket}`, ...argv);
	const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> =>
		ask({ host: "127.0.0.1", port: 9471 }, method, path, { headers });

	/** One that boots: with a MAC of its own, which asks until it is told where its disk is. */
	class Client {
		#link!: UnixLink;
		initiator!: Initiator;
		slot = -1;

		async start(): Promise<void> {
			this.#link = await UnixLink.connect(tree.frames, { pump: new Pump(), framesInFlight: 16 });
			this.initiator = new Initiator(this.#link, { deadlineMs: LIMIT_MS });
		}

		get mac(): string {
			return formatMac(this.#link.mac);
		}

		get name(): string {
			return `lab-${this.mac.replaceAll(":", "")}`;
		}

		async boot(): Promise<void> {
			const place = /^sanboot .*aoe:e20\.(\d+)$/m;
			await until(
				"a script that boots",
				async () => {
					const reply = await get(`/boot.ipxe?mac=${this.mac}`).catch(() => undefined);
					this.slot = Number(place.exec(reply?.text ?? "")?.[1] ?? -1);
					return this.slot >= 0;
				},
				LIMIT_MS,
			);
		}

		disk() {
			return this.initiator.open(SHELF, this.slot);
		}

		async holds(lba: number): Promise<number> {
			const [first = -1] = await (await this.disk()).read(lba, 1);
			return first;
		}

		async stop(): Promise<void> {
			this.initiator.close();
			await this.#link.close();
		}
	}

	const clients = [new Client(), new Client(), new Client()];
	const startAll = async (): Promise<void> => {
		for (const client of clients) await client.start();
	};
	const stopAll = (): Promise<unknown> => Promise.all(clients.map((client) => client.stop()));

	t.test("three boot at once from one image, and each writes its own", async (t) => {
		await tree.state("gold", "open");
		await startAll();
		t.match(
			(await get(`/boot.ipxe?mac=${clients[0]!.mac}`)).text,
			/no such snapshot *\nsleep \d+\nchain --autofree --replace boot\.ipxe\?mac=[-0-9a-f]+\n$/,
		);
		await (await tree.open(9, 0)).write(3, sector(7));
		const names = { names: ["fast/gold@v1"] };
		t.equal((await tree.ask("POST", "/api/v1/snapshots", names)).status, 200);
		await Promise.all(clients.map((client) => client.boot()));
		t.strictSame(clients.map(({ slot }) => slot).sort(), [0, 1, 2]);
		for (const [i, client] of clients.entries()) {
			const blades = await client.initiator.discover({ shelf: SHELF, slot: ALL_SLOTS });
			t.strictSame(
				blades.map(({ slot }) => slot),
				[client.slot],
				"no other answers it",
			);
			const disk = await client.disk();
			t.strictSame([...(await disk.read(3, 1))], [...sector(7)], "what the image has");
			await disk.write(4, sector(10 + i));
		}
		t.match(await said(machineLsCommand), new RegExp(`^${clients[1]!.name} +20\\.${clients[1]!.slot} `, "m"));
		t.match(await said(machineLsCommand, "--template=lab"), clients[1]!.name);
		await t.rejects(
			said(machineLsCommand, "--template=lap"),
			/template "lap": .* none of this name; there is lab/,
		);
	});

	t.test("what they wrote is there, when control was killed", async (t) => {
		const slots = clients.map(({ slot }) => slot);
		await tree.kill("control");
		for (const [i, client] of clients.entries()) {
			await client.boot();
			t.equal(client.slot, slots[i]);
			t.equal(await client.holds(4), 10 + i);
		}
	});

	t.test("one is made anew, and one is what the others are made of", async (t) => {
		const [one, two, three] = clients as [Client, Client, Client];
		const { serial } = (await one.disk()).identity;
		t.match(await said(machineGoldenCommand, two.name), /^template lab: image is fast\/lab-\w+@golden-/);
		t.match(await said(machineResetCommand, one.name, "--force"), /^machine lab-\w+ is as fast\/lab-/);
		await one.boot();
		const disk = await one.disk();
		t.not(disk.identity.serial, serial, "another disk");
		t.equal(await one.holds(4), 11, "as the second was");
		t.equal(await three.holds(4), 12, "the third is as it was");
		t.match(await said(machineKeepCommand, one.name, "--anew"), /is made anew whenever it boots/);
		t.match(await said(machineRmCommand, two.name, "--force"), /the image of template lab is of its disk/);
		t.match(await said(machineRmCommand, three.name, "--force"), /is removed/);
		t.notMatch(await said(machineLsCommand), three.name);
		t.equal((await tree.ask("GET", `/api/v1/disks/${three.name}`)).status, 404);
	});

	t.test("nothing but scripts is to be had there", async (t) => {
		t.match(
			(await get("/boot.ipxe")).text,
			/^#!ipxe\nchain --autofree --replace boot\.ipxe\?mac=\$\{netX\/mac:hexhyp\}\n$/,
		);
		t.match((await get("/boot.ipxe?template=lab")).text, /mac:hexhyp\}&template=lab\n$/);
		t.match(
			(await get("/boot.ipxe?mac=020000000001&template=none")).text,
			/there is no template none\n.*\nexit 1\n$/,
		);
		const wrong: readonly [number, string, Record<string, string>?, string?][] = [
			[404, "/"],
			[404, "/api/v1/status"],
			[404, "/metrics"],
			[405, "/boot.ipxe?mac=020000000001", {}, "POST"],
			[405, "/boot.ipxe?mac=020000000001", {}, "HEAD"],
			[403, "/boot.ipxe?mac=020000000001", { origin: "http://elsewhere.example" }],
			[403, "/boot.ipxe?mac=020000000001", { "sec-fetch-site": "cross-site" }],
			[403, "/boot.ipxe?mac=020000000001", { "accept-language": "en" }],
			[403, "/boot.ipxe?mac=020000000001", { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" }],
			[400, "/boot.ipxe?mac=ff:ff:ff:ff:ff:ff"],
			[400, "/boot.ipxe?mac=0"],
			[400, "/boot.ipxe?mac=020000000001&mac=020000000002"],
			[400, "/boot.ipxe?template=a%0Ashell"],
			[400, "/boot.ipxe", { host: "a b" }],
			[431, "/boot.ipxe", { long: "x".repeat(20_000) }],
		];
		for (const [status, path, headers, method] of wrong)
			t.equal((await get(path, headers, method)).status, status, `${method ?? "GET"} ${path}`);
		const { body } = await tree.ask("GET", "/api/v1/machines");
		t.equal(body.total, 2, "none of them is a machine now");
	});

	t.test("all of it is started again", async (t) => {
		const serials = async () => {
			const { body } = await tree.ask("GET", "/api/v1/volumes?pool=fast");
			const volumes = body.volumes as unknown as { name: string; serial: string }[];
			return volumes.map(({ name, serial }) => [name, serial]);
		};
		const before = await serials();
		const kept = clients[1]!;
		const { mac } = kept;
		await stopAll();
		await tree.stop();
		await tree.start();
		await tree.state(kept.name, "open");
		t.match((await get(`/boot.ipxe?mac=${mac}`)).text, new RegExp(`aoe:e20\\.${kept.slot}$`, "m"));
		t.strictSame(await serials(), before);
	});
}
