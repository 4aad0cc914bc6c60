/**
 * `/api/v1/machines`: who has come to the rooms of diskless machines, and what is done with them. What can be done is for `../machines/` to
 * say.
 */

import { z } from "zod";
import { Machine, MachineList, MachinePatch, MachineReset, MachineTemplate } from "../model.js";
import { json, type Route, route } from "../routes.js";
import { listed } from "../streamed.js";
import type { Inside } from "./inside.js";
import { flag, pageOf, paging } from "./pages.js";

const listQuery = z.strictObject({
	template: z.string().optional().meta({ description: "Those of this template alone" }),
	search: z.string().optional().meta({ description: "Part of the name, MAC or address" }),
	...paging,
});
const removeQuery = z.strictObject({ force: flag("Also while it runs: it is cut off") });

function isMatch(
	{ name, mac, address, template }: Machine,
	{ template: of, search }: z.output<typeof listQuery>,
): boolean {
	if (of !== undefined && template !== of) return false;
	return search === undefined || [name, mac, address].some((text) => text.includes(search));
}

export function machineRoutes({ machines }: Inside): Route[] {
	return [
		route({
			method: "GET",
			path: "/api/v1/machines",
			summary: "The machines of all templates, or of one, and the templates",
			query: listQuery,
			answers: { 200: { description: "The machines", schema: MachineList } },
			handle: ({ query }) => {
				const all = machines.all().filter((each) => isMatch(each, query));
				const { page, total, next } = pageOf(all, query);
				const templates = machines.templates();
				return listed({ machines: page, templates, total, next } satisfies MachineList, "machines");
			},
		}),
		route({
			method: "GET",
			path: "/api/v1/machines/{name}",
			summary: "All there is to know of a machine",
			answers: { 200: { description: "The machine", schema: Machine } },
			handle: ({ name }) => json(machines.machine(name)),
		}),
		route({
			method: "PATCH",
			path: "/api/v1/machines/{name}",
			summary: "Says whether what a machine writes stays from boot to boot",
			body: MachinePatch,
			answers: { 200: { description: "The machine", schema: Machine } },
			handle: async ({ name, body }) => json(await machines.keep(name, body.keep)),
		}),
		route({
			method: "POST",
			path: "/api/v1/machines/{name}/reset",
			summary: "Has a machine begin anew, as the image is now",
			body: MachineReset,
			answers: { 200: { description: "The machine", schema: Machine } },
			refusals: [409],
			handle: async ({ name, body }) => json(await machines.reset(name, body.force ?? false)),
		}),
		route({
			method: "POST",
			path: "/api/v1/machines/{name}/golden",
			summary: "Has what a machine holds be the image of its template; the other machines stay as they are",
			answers: { 200: { description: "The template", schema: MachineTemplate } },
			refusals: [409],
			handle: async ({ name }) => json(await machines.makeGolden(name)),
		}),
		route({
			method: "DELETE",
			path: "/api/v1/machines/{name}",
			summary: "Removes a machine with its disk and all that it holds; its slot is free then",
			query: removeQuery,
			answers: { 200: { description: "The machine, as it was", schema: Machine } },
			refusals: [409],
			handle: async ({ name, query }) => json(await machines.remove(name, query.force ?? false)),
		}),
	];
}
