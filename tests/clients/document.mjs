/*
 * document.mjs: what a document of JSON:API 1.1 is, as a JSON Schema of its
 * sections 7 (document structure), 8 and 9 and of the extension for atomic
 * operations, and what a schema can't say: full linkage, no row twice, media
 * types. Where Daptin's clients need something that the standard does not
 * allow, it is in `daptin` below, and nowhere else.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Ajv = require('ajv/dist/2020').default;

const object = (properties, more = {}) => ({ type: 'object', properties,
	additionalProperties: false, ...more });
const text = { type: 'string' };
const filled = { type: 'string', minLength: 1 };
const ref = (name) => ({ $ref: `#/$defs/${name}` });
const nullable = (schema) => ({ anyOf: [schema, { type: 'null' }] });
const oneOrMany = (name) => ({ anyOf: [nullable(ref(name)),
	{ type: 'array', items: ref(name) }] });

/* Member names: globally allowed characters, others only inside. */
const NAME = '^[a-zA-Z0-9\\u0080-\\uffff]([a-zA-Z0-9\\u0080-\\uffff _-]*' +
	'[a-zA-Z0-9\\u0080-\\uffff])?$';
const AT_NAME = '^@[a-zA-Z0-9\\u0080-\\uffff]';

const daptin = {
	/* __type repeats the type among the attributes. */
	attributes: { __type: text },
	/* Figures of pages are numbers among the links. */
	links: Object.fromEntries(['total', 'per_page', 'current_page', 'last_page',
		'from', 'to'].map((name) => [name, { type: 'integer', minimum: 0 }])
		.concat([['total_is_estimate', { type: 'boolean' }]])),
	/* An answer to DELETE is {"meta":null}. */
	meta: { type: 'null' },
};

const $defs = {
	meta: { type: 'object' },
	link: nullable({ anyOf: [filled, object({ href: filled, rel: text,
		describedby: ref('link'), title: text, type: text,
		hreflang: { anyOf: [text, { type: 'array', items: text }] },
		meta: ref('meta') }, { required: ['href'] })] }),
	links: { type: 'object', patternProperties: { [NAME]: ref('link') },
		additionalProperties: false },
	pageLinks: { type: 'object', properties: daptin.links,
		patternProperties: { '_url$': filled,
			'^(self|related|describedby|first|last|prev|next)$': ref('link') },
		additionalProperties: false },
	identifier: object({ type: { type: 'string', pattern: NAME }, id: filled, lid: filled,
		meta: ref('meta') }, { required: ['type'],
		anyOf: [{ required: ['id'] }, { required: ['lid'] }] }),
	attributes: { type: 'object', properties: daptin.attributes,
		patternProperties: { [NAME]: true, [AT_NAME]: true },
		not: { anyOf: [{ required: ['type'] }, { required: ['id'] }] },
		additionalProperties: false },
	relationship: object({ data: oneOrMany('identifier'), links: ref('links'),
		meta: ref('meta') }, { minProperties: 1 }),
	relationships: { type: 'object',
		patternProperties: { [NAME]: ref('relationship') },
		not: { anyOf: [{ required: ['type'] }, { required: ['id'] }] },
		additionalProperties: false },
	resource: object({ type: { type: 'string', pattern: NAME }, id: filled,
		attributes: ref('attributes'), relationships: ref('relationships'),
		links: ref('links'), meta: ref('meta') }, { required: ['type', 'id'] }),
	source: object({ pointer: { type: 'string', pattern: '^(/|$)' }, parameter: text,
		header: text }, { minProperties: 1 }),
	error: object({ id: text, status: { type: 'string', pattern: '^[1-5][0-9][0-9]$' },
		code: text, title: filled, detail: filled, source: ref('source'),
		links: ref('links'), meta: ref('meta') }, { minProperties: 1 }),
	jsonapi: object({ version: text, ext: { type: 'array', items: filled },
		profile: { type: 'array', items: filled }, meta: ref('meta') }),
};

const around = { jsonapi: ref('jsonapi'), meta: ref('meta') };

/* Kinds of documents by what their address and method answer. */
const kinds = {
	page: object({ data: { type: 'array', items: ref('resource') },
		included: { type: 'array', items: ref('resource'), minItems: 1 },
		links: ref('pageLinks'), ...around }, { required: ['data'] }),
	one: object({ data: nullable(ref('resource')),
		included: { type: 'array', items: ref('resource'), minItems: 1 },
		links: ref('links'), ...around }, { required: ['data'] }),
	linkage: object({ data: oneOrMany('identifier'), links: ref('links'), ...around },
		{ required: ['data'] }),
	deleted: object({ meta: { anyOf: [ref('meta'), daptin.meta] },
		jsonapi: ref('jsonapi') }, { required: ['meta'] }),
	operations: object({ 'atomic:results': { type: 'array', items: object({
		data: oneOrMany('resource'), meta: ref('meta') }) },
	links: ref('links'), ...around }, { required: ['atomic:results'] }),
	errors: object({ errors: { type: 'array', items: ref('error'), minItems: 1 },
		links: ref('links'), ...around }, { required: ['errors'] }),
};

/* A relationship that sparse fields leave out may be what an included row lacks. */
kinds.sparsePage = kinds.page;

const ajv = new Ajv({ allErrors: true, strict: false });
const validators = Object.fromEntries(Object.entries(kinds)
	.map(([name, schema]) => [name, ajv.compile({ ...schema, $defs })]));

const key = ({ type, id }) => `${type} ${id}`;
const listOf = (data) => (Array.isArray(data) ? data : data ? [data] : []);

/* Primary data and included rows: none twice, each included one linked to. */
function assertLinked({ data, included = [] }) {
	const rows = new Map();
	for (const row of [...listOf(data), ...included]) {
		assert.ok(!rows.has(key(row)), `${key(row)} is there twice`);
		rows.set(key(row), row);
	}
	const reached = new Set();
	const walk = (row) => {
		if (!row || reached.has(key(row)))
			return;
		reached.add(key(row));
		for (const relationship of Object.values(row.relationships ?? {}))
			for (const other of listOf(relationship.data))
				walk(rows.get(key(other)));
	};
	listOf(data).forEach(walk);
	for (const row of included)
		assert.ok(reached.has(key(row)), `nothing links to ${key(row)}`);
}

/* A name is an attribute or a relationship, but for Daptin's to-one keys, whose
 * attribute is the related row's id. */
function assertFields(row) {
	for (const name of Object.keys(row.attributes ?? {}))
		assert.ok(!Object.hasOwn(row.relationships ?? {}, name) ||
			[null, row.relationships[name].data?.id]
				.includes(row.attributes[name]), `${name} is twice in ${key(row)}`);
}

/* The answer's document is one of JSON:API 1.1 of the kind that is named. */
export function assertDocument(answer, kind) {
	const { asked, json } = answer;
	const validate = validators[kind];
	assert.match(answer.headers.get('content-type'), kind === 'operations'
		? /^application\/vnd\.api\+json; ?ext="https:\/\/jsonapi\.org\/ext\/atomic"$/
		: /^application\/vnd\.api\+json$/, asked);
	assert.ok(validate(json), `${asked} answers no ${kind}: ` +
		`${ajv.errorsText(validate.errors)}\n${answer.text.slice(0, 1000)}`);
	if (kind === 'page' || kind === 'one') {
		assertLinked(json);
		[...listOf(json.data), ...(json.included ?? [])].forEach(assertFields);
	}
	for (const error of json.errors ?? [])
		assert.equal(error.status, String(answer.status), answer.text);
	return answer;
}
