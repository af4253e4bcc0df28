/*
 * openapi.test.mjs: the OpenAPI document is a valid one for whoever reads it,
 * and requests made from it, good ones and spoilt ones, meet no fault of ours.
 * SEED repeats a run, REQUESTS (1500) makes it longer.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { generateSync } from 'json-schema-faker';
import { parse } from 'yaml';
import { Client, expect, loadPackages, marketFolder, mine, openTables, schemaFile, settle,
	startInstance } from './library.mjs';

const require = createRequire(import.meta.url);
const Ajv = require('ajv/dist/2020').default;

const SEED = Number(process.env.SEED || 20180417);
const REQUESTS = Number(process.env.REQUESTS || 1500);

let instance;
let people;

before(async () => {
	instance = await startInstance();
	people = await settle(instance);
	const { root } = people;
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	await openTables(root, 'book', 'author', 'loan');
	await root.load('schema_sheet.json', JSON.stringify({ Tables: [{
		TableName: 'sheet', Permission: 2097151, DefaultPermission: 2097151,
		Columns: [{ ColumnName: 'scan', ColumnType: 'file.*', DataType: 'blob',
			IsNullable: true },
		{ ColumnName: 'hidden_scan', ColumnType: 'file.*', DataType: 'blob',
			IsNullable: true, ExcludeFromApi: true }],
	}] }));
	if (marketFolder())
		await loadPackages(root, 'todolist', 'blog', 'faq', 'style');
	const tables = ['author', 'book', 'loan', 'sheet',
		...marketFolder() ? ['project', 'todo', 'tag', 'blog', 'post'] : []];
	for (const table of tables)
		expect(await root.action('world', 'generate_random_data',
			{ table_name: table, count: 20, seed: 7 }), 200);
});

after(() => instance?.stop());

async function documentOf(name) {
	return parse(expect(await people[name].get('/openapi.yaml'), 200).text);
}

/* [{path, method, operation, parameters}] of a document, references followed. */
function operationsOf(document) {
	const follow = (value) => (value?.$ref
		? value.$ref.slice(2).split('/').reduce((at, key) => at[key], document)
		: value);
	const found = [];
	for (const [path, { parameters = [], ...methods }] of Object.entries(document.paths))
		for (const [method, operation] of Object.entries(methods))
			found.push({ path, method: method.toUpperCase(), operation,
				parameters: [...parameters, ...(operation.parameters ?? [])]
					.map(follow),
				body: follow(operation.requestBody),
				responses: Object.fromEntries(Object.entries(operation.responses)
					.map(([status, response]) => [status, follow(response)])) });
	return found;
}

describe('the document', () => {
	for (const name of ['guest', 'alice', 'root'])
		test(`is valid for ${name}, and all of it is there`, async () => {
			const document = await documentOf(name);
			const validator = new Validator();
			const { valid, errors } = await validator.validate(structuredClone(document));
			assert.ok(valid, JSON.stringify(errors));
			assert.equal(validator.version, '3.1');
			validator.resolveRefs();
			const operations = operationsOf(document);
			const ids = operations.map(({ operation }) => operation.operationId);
			assert.equal(new Set(ids).size, ids.length, 'an operationId is there twice');
			for (const { path, method, parameters, responses } of operations) {
				const named = parameters.filter((one) => one.in === 'path')
					.map((one) => one.name).sort();
				const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, key]) => key);
				assert.deepEqual(named, wanted.sort(), `${method} ${path}`);
				assert.ok(Object.keys(responses).some((status) => status < 400), path);
			}
		});

	test('holds what its reader may use', async () => {
		const [guest, alice, root] = await Promise.all(
			['guest', 'alice', 'root'].map(documentOf));
		const count = (document) => Object.keys(document.paths).length;
		assert.ok(count(guest) < count(alice) && count(alice) < count(root));
		assert.ok(!guest.paths['/aggregate/book']);
		assert.ok(alice.paths['/aggregate/book']);
		assert.ok(alice.paths['/api/book'].post);
		assert.ok(!alice.paths['/api/credential']);
		assert.ok(!root.paths['/api/book_audit'].post);
		assert.ok(!root.paths['/api/job/{id}'].delete);
		for (const path of ['/api/book/{id}/relationships/coauthors', '/stats/book',
			'/api/operations', '/track/start/{machine}', '/health'])
			assert.ok(root.paths[path], path);
		assert.deepEqual(Object.keys(root.paths).filter((path) =>
			/^\/asset\/(book|sheet)\//.test(path)).sort(),
		['/asset/book/{id}/blurb', '/asset/sheet/{id}/scan',
			'/asset/sheet/{id}/scan/upload']);
		for (const method of ['get', 'head'])
			assert.ok(root.paths['/asset/sheet/{id}/scan'][method], method);
		assert.deepEqual(root.paths['/action/book/lend_book'].post.requestBody
			.content['application/json'].schema.properties.attributes.required.sort(),
		['book_id', 'due_at']);
	});
});

/* A small generator of numbers, the same on every machine. */
function randomOf(seed) {
	let state = seed >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	return { next, below: (n) => Math.floor(next() * n),
		pick: (list) => list[Math.floor(next() * list.length)] };
}

const NASTY = [null, true, 0, -1, 1e308, 9007199254740993, '', ' ', 'x'.repeat(5000),
	'\u0000', '\ud800', 'é\u202e😀', '\'; drop table x--', '%', '../..', '{{7*7}}', '$.x',
	'~y', '!1', [], {}, [[]], [null], { a: { b: {} } }, { data: null }, '2020-13-45',
	'9999999999999999999', '-', ',', '[', '{"a":', 'id', 'permission', 'ctid'];

/* The schemas that `schema` refers to, as $defs beside it. */
function closed(document, schema) {
	const $defs = {};
	const visit = (value) => {
		if (Array.isArray(value))
			return value.map(visit);
		if (value === null || typeof value !== 'object')
			return value;
		if (typeof value.$ref !== 'string')
			return Object.fromEntries(Object.entries(value)
				.map(([key, inner]) => [key, visit(inner)]));
		const name = value.$ref.split('/').at(-1);
		if (!$defs[name]) {
			$defs[name] = {};
			$defs[name] = visit(document.components.schemas[name]);
		}
		return { $ref: `#/$defs/${name}` };
	};
	const top = visit(schema);
	return { ...top, $defs };
}

class Requests {
	constructor(document, seed, ids) {
		this.document = document;
		this.random = randomOf(seed);
		this.ids = ids;
	}

	/* The id of a row, of `entity` if it has any; now and then of none. */
	id(entity) {
		const { random, ids } = this;
		return random.next() < 0.05 ? '00000000-0000-4000-8000-00000000dead'
			: random.pick(ids[entity]?.length ? ids[entity] : ids['']);
	}

	/* A value that the schema allows. */
	valid(schema, entity = '') {
		return generateSync(closed(this.document, schema), {
			seed: this.random.below(2 ** 31), optionalsProbability: 0.7,
			formats: { uuid: () => this.id(entity) } });
	}

	/* What the schema of a row can't say: keys point to rows of their entity. */
	validBody(schema) {
		const body = this.valid(schema);
		const attributes = body?.data?.attributes ?? body?.attributes ?? {};
		for (const key of Object.keys(attributes).filter((name) => name.endsWith('_id')))
			if (attributes[key] !== null)
				attributes[key] = this.id(key.slice(0, -3));
		for (const key of Object.keys(body?.data?.relationships ?? {}))
			if (this.random.next() < 0.9)
				delete body.data.relationships[key];
		return body;
	}

	/* What the schema of a parameter can't say: it is about columns of an entity. */
	validParameter({ name, schema, content }, entity) {
		const properties = this.document.components.schemas[entity]?.properties;
		const columns = Object.keys(properties?.attributes.properties ?? {})
			.filter((column) => column !== '__type');
		const column = columns.length ? this.random.pick(columns) : 'x';
		const related = Object.keys(properties?.relationships.properties ?? {});
		const known = { sort: `-${column}`, fields: column, group: column,
			included_relations: related.length ? this.random.pick(related) : '*',
			column: 'count', having: 'gt(count,0)', order: '-count',
			query: [{ column, operator: 'is not empty', value: '' }] };
		return known[name] ?? this.valid(schema ?? content['application/json'].schema,
			entity);
	}

	/* The value with one thing in it changed, taken away or made anew. */
	spoil(value) {
		const { random } = this;
		const inside = value !== null && typeof value === 'object' &&
			Object.keys(value).length && random.next() < 0.85;
		if (!inside)
			return random.pick(NASTY);
		const copy = Array.isArray(value) ? [...value] : { ...value };
		const key = random.pick(Object.keys(copy));
		const dice = random.next();
		if (dice < 0.15 && !Array.isArray(copy))
			delete copy[key];
		else if (dice < 0.25)
			copy[random.pick(['a', '__proto__', 'id', '$ref'])] = random.pick(NASTY);
		else
			copy[key] = this.spoil(copy[key]);
		return copy;
	}

	textOf(value) {
		return typeof value === 'string' ? value : JSON.stringify(value);
	}

	parameters(operation, spoilt) {
		const { random } = this;
		let target = operation.path;
		const query = new URLSearchParams();
		const headers = {};
		const entity = operation.path.split('/')[2];
		for (const parameter of operation.parameters) {
			const { name, in: place } = parameter;
			if (place !== 'path' && random.next() > (spoilt ? 0.4 : 0.15))
				continue;
			const bad = spoilt && random.next() < 0.3;
			const value = bad ? random.pick(NASTY)
				: this.validParameter(parameter, entity);
			if (place === 'path')
				target = target.replace(`{${name}}`,
					encodeURIComponent(this.textOf(value).replace(/\p{Surrogate}/gu, '?')));
			else if (place === 'query')
				query.append(name, this.textOf(value));
			else
				headers[name] = this.textOf(value).replace(/[^ -~]/g, '?');
		}
		const tail = query.size ?? [...query].length;
		return { target: tail ? `${target}?${query}` : target, headers };
	}

	/* {method, target, options} of the next request to `operation`. */
	next(operation, spoilt) {
		const { random } = this;
		const { target, headers } = this.parameters(operation, spoilt);
		const options = { headers };
		let { method } = operation;
		if (operation.body) {
			const [type, { schema }] = Object.entries(operation.body.content)[0];
			options.type = type;
			options.body = this.validBody(schema);
			if (spoilt)
				options.body = this.spoil(options.body);
			options.body = JSON.stringify(options.body);
			if (spoilt && random.next() < 0.1)
				options.body = options.body.slice(0, random.below(options.body.length));
			if (spoilt && random.next() < 0.05)
				options.type = random.pick(['text/plain', 'application/json',
					'multipart/form-data', 'application/x-www-form-urlencoded', '']);
		}
		if (spoilt && random.next() < 0.03)
			method = random.pick(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'POST']);
		if (method === 'HEAD')
			delete options.body;
		return { method, target, options };
	}
}

/* Ids of some rows by entity, but for those that the run stands on; '' has all. */
async function someIds(root) {
	const keep = new Set([(await mine(root)).id]);
	for (const entity of ['usergroup', 'user_account_user_account_id_has_usergroup_usergroup_id'])
		for (const { id } of (await root.get(`/api/${entity}?page[size]=1000`)).json.data)
			keep.add(id);
	const ids = { '': [] };
	const { data } = (await root.get('/api/world?page[size]=1000')).json;
	for (const { attributes: { table_name: entity } } of data) {
		const page = await root.get(`/api/${entity}?page[size]=20`);
		ids[entity] = (page.json?.data ?? []).map(({ id }) => id)
			.filter((id) => !keep.has(id));
		ids[''].push(...ids[entity]);
	}
	return ids;
}

/* Whether the answer is one that the document declares; throws if not. */
class Answers {
	constructor(document) {
		this.ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
		this.document = document;
		this.validators = new Map();
	}

	validator(schema) {
		const key = JSON.stringify(schema);
		if (!this.validators.has(key))
			this.validators.set(key, this.ajv.compile(closed(this.document, schema)));
		return this.validators.get(key);
	}

	check({ responses }, answer) {
		const { status, text, asked } = answer;
		const response = responses[status] ?? responses[`${String(status)[0]}XX`];
		assert.ok(response, `${asked}: ${status} is not declared`);
		if (!text)
			return;
		const type = answer.headers.get('content-type').split(';')[0];
		if (!response.content)
			return;
		assert.ok(response.content[type], `${asked}: ${status} answers ${type}`);
		if (!/json$/.test(type))
			return;
		const validate = this.validator(response.content[type].schema);
		assert.ok(validate(answer.json), `${asked}: ${status} ` +
			`${this.ajv.errorsText(validate.errors)}\n${text.slice(0, 600)}`);
	}
}

async function make(client, { method, target, options }) {
	try {
		return await client.request(method, target, options);
	} catch (error) {
		assert.fail(`${method} ${target}: ${error.cause ?? error}`);
	}
}

const isFault = ({ status }) => status >= 500 && status !== 501;

test(`random requests meet no fault (SEED=${SEED})`, async (t) => {
	t.diagnostic(`SEED=${SEED} REQUESTS=${REQUESTS}`);
	const document = await documentOf('root');
	const operations = operationsOf(document);
	const requests = new Requests(document, SEED, await someIds(people.root));
	const answers = new Answers(document);
	const { random } = requests;
	/* Every second request goes where rows are. */
	const lively = operations.filter(({ path }) =>
		requests.ids[path.split('/')[2]]?.length > 10);
	const order = operations.map((operation) => [random.next(), operation])
		.sort(([a], [b]) => a - b).map(([, operation]) => operation);
	const statuses = {};
	const faults = [];
	const workers = instance.processes('quick worker');
	for (let i = 0; i < REQUESTS; i++) {
		const operation = i % 2 ? random.pick(lively) : order[i / 2 % order.length];
		const spoilt = random.next() < 0.6;
		const client = people[random.pick(['root', 'root', 'root', 'root', 'alice', 'guest'])];
		const request = requests.next(operation, spoilt);
		const answer = await make(client, request);
		statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
		try {
			assert.ok(!isFault(answer), `${answer.asked}: ${answer.status} ` +
				`${answer.text}\nsent ${request.options.body?.slice(0, 2000)}`);
			if (request.method === operation.method)
				answers.check(operation, answer);
			if (!spoilt)
				assert.notEqual(answer.status, 405, answer.asked);
		} catch (fault) {
			faults.push(fault.message);
		}
	}
	t.diagnostic(`${operations.length} operations, ${JSON.stringify(statuses)}`);
	assert.equal(faults.length, 0, `${faults.length}:\n${faults.slice(0, 20).join('\n\n')}`);
	assert.deepEqual(instance.processes('quick worker'), workers, 'a worker has died');
	const good = Object.keys(statuses).filter((status) => status < 300)
		.reduce((sum, status) => sum + statuses[status], 0);
	assert.ok(good > REQUESTS / 8, 'too few are good ones');
	expect(await new Client(instance).get('/health'), 200);
});
