/**
 * Rooms of diskless machines, as people see them: who has come, and what can be done with a machine. Those that come are for `arrivals.ts`, what
 * it takes for `preparing.ts`, with which these wait for their turn. Asked by `api/machines.ts`.
 */

import type { TemplateConfig } from "../../spec/configuration.js";
import { quote } from "../../text.js";
import { formatMac } from "../../wire/mac.js";
import type { Machine, MachineTemplate } from "../model.js";
import { orRefuse, Refusal } from "../problem.js";
import { Arrivals } from "./arrivals.js";
import { Clones } from "./clones.js";
import { Golden } from "./golden.js";
import { Images } from "./images.js";
import { Preparing, type PreparingParts } from "./preparing.js";
import { type MachineRecord, machineName, type Register } from "./register.js";

type Parts = Omit<PreparingParts, "clones"> & { readonly workers: ConstructorParameters<typeof Clones>[1] };

export class Machines {
	readonly arrivals: Arrivals;
	readonly #parts: PreparingParts & { readonly preparing: Preparing };
	readonly #golden: Golden;
	readonly #images: Images;
	#isSuperseding = false;

	constructor({ workers, ...parts }: Parts) {
		const made = { ...parts, clones: new Clones(parts.desired, workers) };
		const preparing = new Preparing(made);
		this.#parts = { ...made, preparing };
		this.arrivals = new Arrivals(made, preparing);
		this.#golden = new Golden(parts.register, made.clones);
		this.#images = new Images(made);
	}

	get #register(): Register {
		return this.#parts.register;
	}

	get #templates(): readonly TemplateConfig[] {
		return this.#parts.desired.config.templates;
	}

	/** All that have a place. */
	all(): Machine[] {
		const active = this.#parts.changes.activeDisks();
		return this.#register.machines.map((record) => this.#shown(record, active));
	}

	machine(name: string): Machine {
		return this.#shown(this.#find(name), this.#parts.changes.activeDisks());
	}

	templates(): MachineTemplate[] {
		return this.#templates.map((template) => this.#shownTemplate(template));
	}

	counts(): { machines: number; activeMachines: number } {
		const all = this.all();
		return { machines: all.length, activeMachines: all.filter(({ isActive }) => isActive).length };
	}

	#shownTemplate(template: TemplateConfig): MachineTemplate {
		const { name, imageText, shelf, netif, keep, macs } = template;
		const own = this.all().filter((each) => each.template === name);
		return {
			name,
			image: this.#register.imageOf(template),
			configured: imageText,
			shelf,
			netif: [...netif],
			keep,
			macs: macs?.map(formatMac) ?? null,
			machines: own.length,
			active: own.filter(({ isActive }) => isActive).length,
			outdated: own.filter(({ isCurrent }) => !isCurrent).length,
		};
	}

	/** Its disk is what the image is, whatever was written. Its initiators are cut off, if `force`. */
	async reset(name: string, force: boolean): Promise<Machine> {
		this.#refuseUsed(name, force, "is made anew");
		const { preparing } = this.#parts;
		const [made, before] = await preparing.inTurn(async () => {
			const { template, record } = this.#withTemplate(name);
			return [await orRefuse(preparing.bring(template, record, true)), record];
		});
		await orRefuse(preparing.served(made, before));
		return this.machine(name);
	}

	/** Whether its clone stays from boot to boot; null: as its template says. */
	async keep(name: string, keep: boolean | null): Promise<Machine> {
		await this.#parts.preparing.inTurn(() => orRefuse(this.#register.put({ ...this.#find(name), keep })));
		return this.machine(name);
	}

	/** What it holds now is what machines of its template are clones of from now on. Those that there are stay as they are. */
	async makeGolden(name: string): Promise<MachineTemplate> {
		const { template, record } = this.#withTemplate(name);
		await this.#parts.preparing.inTurn(async () => {
			const image = await orRefuse(this.#golden.make(template, record, this.#parts.now()));
			const message = `template ${template.name}: its image is ${image} from now on`;
			this.#parts.events.add({ kind: "machine", severity: "info", message });
		});
		return this.#shownTemplate(template);
	}

	/** What is wrong with templates, a line each. */
	get troubles(): string[] {
		return this.#images.troubles;
	}

	/**
	 * Lets go what an interrupted `makeGolden` has left, and what the files name another image for; looks whether there is each image. To be called
	 * now and then.
	 */
	tidy(): void {
		this.#images.look(this.#templates);
		const names = this.#register.superseded(this.#templates);
		if (names.length > 0 && !this.#isSuperseding) void this.#supersede(names);
		if (!this.#golden.isUntidy(this.#parts.now())) return;
		void this.#parts.preparing.inTurn(async () => {
			const message = await this.#golden.tidy();
			if (message !== undefined) this.#parts.events.add({ kind: "machine", severity: "warning", message });
		});
	}

	async #supersede(names: readonly string[]): Promise<void> {
		this.#isSuperseding = true;
		// (It is tried again where it can't be kept.)
		await this.#parts.preparing.inTurn(() => this.#register.supersede(names)).catch(() => undefined);
		this.#isSuperseding = false;
	}

	/** With its disk and all that it holds. Its slot is free then. */
	async remove(name: string, force: boolean): Promise<Machine> {
		this.#refuseUsed(name, force, "is removed");
		const before = this.machine(name);
		await this.#parts.preparing.inTurn(async () => {
			const { volume } = this.#find(name);
			const { changes, desired, clones, events, jobs } = this.#parts;
			const isImage = this.templates().find(({ image }) => image.startsWith(`${volume}@`));
			if (isImage !== undefined)
				throw new Refusal(
					409,
					`machine ${quote(name)}: the image of template ${isImage.name} is of its disk`,
				);
			const held = (await orRefuse(clones.find(volume)))?.snapshots.find((each) => each.held);
			if (held !== undefined)
				throw new Refusal(409, `machine ${quote(name)}: ${volume}@${held.name} is held`);
			if (desired.config.disks.some((disk) => disk.name === name)) {
				const { job } = await changes.remove(name, { ifMatch: undefined, dryRun: false });
				await jobs.get(job ?? "")?.ended;
			}
			await orRefuse(clones.remove(volume));
			await orRefuse(this.#register.remove(name));
			this.arrivals.forget(name);
			events.add({ kind: "machine", severity: "info", message: `machine ${name}: removed` });
		});
		return before;
	}

	#refuseUsed(name: string, force: boolean, does: string): void {
		this.#find(name);
		const users = this.#parts.changes.activeInitiators(name);
		if (users.length > 0 && !force)
			throw new Refusal(
				409,
				`machine ${quote(name)}: ${users.join(", ")} uses it; by force (--force) it ${does}`,
			);
	}

	#find(name: string): MachineRecord {
		const record = this.#register.find(name);
		if (record === undefined) throw new Refusal(404, `machine ${quote(name)}: there is none of this name`);
		return record;
	}

	#withTemplate(name: string): { template: TemplateConfig; record: MachineRecord } {
		const record = this.#find(name);
		const template = this.#templates.find((each) => each.name === record.template);
		if (template === undefined) throw new Refusal(409, `machine ${quote(name)}: ${templateGone(record)}`);
		return { template, record };
	}

	#shown(record: MachineRecord, active: ReadonlySet<string>): Machine {
		const { template, mac, shelf, slot, volume, image, madeMs } = record;
		const name = machineName(record);
		const known = this.#templates.find((each) => each.name === template);
		const steward = this.#parts.desired.steward(name);
		const askedMs = this.arrivals.askedMs(name);
		return {
			name,
			template,
			mac: formatMac(mac),
			address: `${shelf}.${slot}`,
			volume,
			image,
			isCurrent: known !== undefined && this.#register.imageOf(known) === image,
			keep: record.keep ?? known?.keep ?? true,
			isKeepOwn: record.keep !== null,
			made: timeOf(madeMs),
			asked: timeOf(askedMs),
			state: steward?.state ?? null,
			reason: steward?.reason ?? (known === undefined ? templateGone(record) : this.arrivals.whyNot(name)),
			isActive: active.has(name),
		};
	}
}

function templateGone({ template }: MachineRecord): string {
	return `template ${template} is not configured any more`;
}

function timeOf(ms: number | null): string | null {
	return ms === null ? null : new Date(ms).toISOString();
}
