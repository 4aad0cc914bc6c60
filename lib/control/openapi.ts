/**
 * The OpenAPI 3.1 document of the API, made of the table of routes and the schemas of `model.ts`. Served by `app.ts`, which makes it
 * when it is first asked for.
 */

import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { mediaTypesOf } from "./guard.js";
import * as model from "./model.js";
import type { Answer, Route } from "./routes.js";

type Json = Record<string, unknown>;

/** How anything may be refused. */
const ALWAYS = [400, 401, 403, 404, 405, 421, 429, 431, 500, 503];
const WITH_BODY = [413, 415, 422];
const WITH_TAG = [412, 428];
const TOKEN = { token: [] };

export function openApiDocument(routes: readonly Route[], version: string): Json {
	const names = new Map<z.ZodType, string>();
	for (const [name, value] of Object.entries(model)) if (value instanceof z.ZodType) names.set(value, name);
	const paths: Record<string, Json> = {};
	for (const route of routes) {
		paths[route.path] ??= {};
		Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operation(route, names) });
	}
	return {
		openapi: "3.1.0",
		info: {
			title: "vblade",
			version,
			description:
				"What a running vblade is asked: on its unix socket by whoever may open that, on TCP reading from the same machine " +
				"freely, but for what disks hold, and everything else with a token. Problems are RFC 9457.",
			license: { name: "MIT", identifier: "MIT" },
		},
		security: [{}, TOKEN],
		paths,
		components: {
			schemas: componentSchemas(names),
			securitySchemes: {
				token: { type: "http", scheme: "bearer", description: "On TCP; on the unix socket none is wanted" },
			},
			responses: {
				Problem: {
					description: "Refused; nothing was changed",
					content: { [model.PROBLEM_TYPE]: { schema: reference("Problem") } },
				},
			},
		},
	};
}

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function componentSchemas(names: ReadonlyMap<z.ZodType, string>): Json {
	const registry = z.registry<{ id: string }>();
	for (const [schema, id] of names) registry.add(schema, { id });
	const { schemas } = z.toJSONSchema(registry, {
		uri: (id) => `#/components/schemas/${id}`,
		io: "input",
		override: ({ jsonSchema }) => {
			// Each stands in a document that says so for all of them.
			delete jsonSchema.$schema;
			delete jsonSchema.$id;
			delete jsonSchema.id;
		},
	});
	for (const schema of Object.values(schemas) as Json[]) {
		delete schema.$schema;
		delete schema.$id;
	}
	return schemas;
}

function operation(route: Route, names: ReadonlyMap<z.ZodType, string>): Json {
	const refusals = [
		...ALWAYS,
		...(route.body ? WITH_BODY : []),
		...(route.ifMatch ? WITH_TAG : []),
		...(route.refusals ?? []),
	];
	const responses: Json = {};
	for (const [status, answer] of Object.entries(route.answers)) responses[status] = response(answer, names);
	for (const status of refusals.sort((a, b) => a - b))
		responses[status] ??= { $ref: "#/components/responses/Problem", description: STATUS_CODES[status] };
	return {
		operationId: operationId(route),
		summary: route.summary,
		...((route.method !== "GET" || route.isSecret) && { security: [TOKEN] }),
		parameters: parametersOf(route),
		...(route.body && { requestBody: bodyOf(route.method, route.bodyForm ?? route.body, names) }),
		responses,
	};
}

function bodyOf(method: string, form: z.ZodType, names: ReadonlyMap<z.ZodType, string>): Json {
	const content = mediaTypesOf(method).map((type) => [type, { schema: schemaOf(form, names) }]);
	return { required: true, content: Object.fromEntries(content) };
}

function operationId({ method, path }: Route): string {
	return `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(.?)/g, (_, letter: string) => letter.toUpperCase())}`;
}

function parametersOf(route: Route): Json[] {
	const parameters: Json[] = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
		name,
		in: "path",
		required: true,
		schema: { type: "string" },
	}));
	if (route.query instanceof z.ZodObject) {
		const { properties = {} } = plainSchema(route.query) as { properties?: Record<string, Json> };
		for (const [name, schema] of Object.entries(properties)) {
			const { description, ...rest } = schema;
			parameters.push({ name, in: "query", description, schema: rest });
		}
	}
	if (route.ifMatch)
		parameters.push({
			name: "If-Match",
			in: "header",
			required: route.ifMatch === "required",
			description: "The ETag of what is changed, or `*`",
			schema: { type: "string" },
		});
	return parameters;
}

function response(answer: Answer, names: ReadonlyMap<z.ZodType, string>): Json {
	const { description, schema, mediaType = "application/json", tagged } = answer;
	const what = schema ? schemaOf(schema, names) : { type: "string" };
	return {
		description,
		...((schema || answer.mediaType) && { content: { [mediaType]: { schema: what } } }),
		...(tagged && { headers: { ETag: { schema: { type: "string" } } } }),
	};
}

function schemaOf(schema: z.ZodType, names: ReadonlyMap<z.ZodType, string>): Json {
	const name = names.get(schema);
	return name === undefined ? plainSchema(schema) : reference(name);
}

function plainSchema(schema: z.ZodType): Json {
	const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" }) as Json;
	return rest;
}
