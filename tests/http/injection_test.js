/*
 * injection_test.js: SQL and identifiers from strangers (D01 to D08): nothing
 * of theirs is ever executed, and nothing of ours is shown.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, refused, schemaFile, settle } = require('./lib/client.js');
const { rawHttp } = require('./lib/raw.js');

let instance;
let root;
let alice;
let thing;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
	thing = await alice.made('thing', { title: 'Anvil', quantity: 1, note: 'n' });
});

after(() => instance?.stop());

const query = (...entries) => `query=${encodeURIComponent(JSON.stringify(entries))}`;

/* The answer came at once: nobody slept in the database. */
async function quickly(ask) {
	const began = Date.now();
	const answer = await ask();
	assert.ok(Date.now() - began < 2000, `${answer.asked} took its time`);
	return answer;
}

test('D01: an entity\'s name in a path is a name or nothing', async () => {
	for (const name of ['user_account;select 1', 'pg_shadow', 'pg_class',
		'information_schema.tables', 'public.thing', '"thing"', 'thing"', 'THING',
		'thing--', 'thing ', ' thing', '_config', 'thing/../thing%00'])
		refused(await alice.get(`/api/${encodeURIComponent(name)}`), 400, 404);
	for (const path of ['/api/%22', '/api/..%2f', '/api/thing%22', '/api/%2e%2e%2fthing',
		'/api/thing%3bselect%201', '/jsmodel/pg_shadow', '/jsmodel/%22']) {
		const answer = await alice.get(path);
		assert.ok([400, 404].includes(answer.status), `${path}: ${answer.text}`);
	}
	for (const path of [['thing;x', 'y'], ['thing', 'x;select 1'], ['"', '"']])
		refused(await alice.action(...path.map(encodeURIComponent)), 404);
});

test('D02: a sort is columns and nothing else', async () => {
	for (const sort of ['id;select pg_sleep(5)', '(select 1)', 'title desc--',
		'title desc', '-', ',', 'title,', '--title', '+-title', 'title;', '"title"',
		'title::text', 'pg_sleep(5)', 'thing.title', '1', 'case when 1=1 then 1 end',
		'title,(select pg_sleep(5))', 'ctid', 'shelf_id.pin', 'shelf_id.label.x'])
		refused(await quickly(() => alice.get(
			`/api/thing?sort=${encodeURIComponent(sort)}`)), 400);
});

test('D02: other names of a read are checked alike', async () => {
	for (const parameter of ['fields', 'fields[thing]', 'included_relations'])
		for (const value of ['title"', 'title;select 1', '(select 1)', 'a b', '\''])
			refused(await quickly(() => alice.get(`/api/thing?${
				encodeURIComponent(parameter)}=${encodeURIComponent(value)}`)), 400);
});

test('D03: columns and operators of a query are names of ours', async () => {
	const bad = [
		{ column: 'name" or 1=1--', operator: 'is', value: '1' },
		{ column: 'title; drop table thing', operator: 'is', value: '1' },
		{ column: '(select 1)', operator: 'is', value: '1' },
		{ column: 'ctid', operator: 'is', value: '(0,1)' },
		{ column: '', operator: 'is', value: '1' },
		{ column: ['title'], operator: 'is', value: '1' },
		{ column: 'title', operator: 'is; drop', value: '1' },
		{ column: 'title', operator: '= \'\' or 1=1 --', value: '1' },
		{ column: 'title', operator: 7, value: '1' },
		{ column: 'title', value: { a: 1 }, operator: 'is' },
		{ column: 'title' }, {}, 'title', 7, null, [],
	];
	for (const entry of bad)
		refused(await quickly(() => alice.get(`/api/thing?${query(entry)}`)), 400);
	for (const text of ['{}', '"x"', '7', 'true', '[', '[{]', ''.padEnd(100, '[')])
		refused(await alice.get(`/api/thing?query=${encodeURIComponent(text)}`), 400);
	assert.equal(instance.psql('SELECT count(*) FROM thing'), '1');
});

test('D03: a query of 1,000 conditions is refused', async () => {
	const many = Array.from({ length: 1000 },
		() => ({ column: 'title', operator: 'is', value: 'x' }));
	const answer = await quickly(() => alice.get(`/api/thing?${query(...many)}`));
	refused(answer, 400, 414, 431);
	const rails = many.slice(0, 150).map((_, i) =>
		`query[${i}][column]=title&query[${i}][operator]=is&query[${i}][value]=x`);
	refused(await quickly(() => alice.get(`/api/thing?${rails.join('&')}`)),
		400, 414, 431);
});

const VALUES = ['\' or 1=1--', '\\\'', '\'; drop table thing; --', '%', '_', '\\\\',
	'\\', '$1', '%s%n', '{{7*7}}', '${7*7}', '"', '`', '\u0001\u001f', '\u2028'];

test('D04: values are data, to the letter', async () => {
	for (const value of VALUES) {
		const made = await alice.made('thing', { title: `v${value}v`, note: value });
		const read = expect(await alice.get(`/api/thing/${made.id}`), 200).json.data;
		assert.equal(read.attributes.note, value);
		assert.equal(read.attributes.title, `v${value}v`);
		for (const operator of ['is', 'eq', 'contains']) {
			const found = expect(await alice.get(`/api/thing?${query(
				{ column: 'title', operator, value: operator === 'contains'
					&& !value.includes('%') ? value : `v${value}v` })}`), 200).json.data;
			if (operator !== 'contains')
				assert.deepEqual(found.map((row) => row.id), [made.id],
					`${operator} ${value}`);
		}
		expect(await alice.delete(`/api/thing/${made.id}`), 200);
	}
});

test('D04: free text has no wildcards', async () => {
	for (const [filter, hits] of [['%', 0], ['_', 0], ['\\', 0], ['nvi', 1]])
		assert.equal(expect(await alice.get(`/api/thing?filter=${
			encodeURIComponent(filter)}`), 200).json.data.length, hits, filter);
});

test('D04: bytes that are no UTF-8 are refused', async () => {
	for (const path of ['/api/thing?filter=%C0%A7', '/api/thing?sort=%FF',
		'/api/%C0%A7', '/api/thing/%ED%A0%80', '/api/thing?query=%C3%28'])
		refused(await alice.get(path), 400, 404);
	const body = Buffer.concat([
		Buffer.from('{"data":{"type":"thing","attributes":{"title":"'),
		Buffer.from([0xc0, 0xa7]), Buffer.from('"}}}')]);
	refused(await alice.post('/api/thing', body), 400);
});

test('D08: an id is an id', async () => {
	for (const id of ['1 or 1=1', '1', 'x'.repeat(10240), '-'.repeat(36),
		`${NOWHERE}'`, `{${NOWHERE}}`, NOWHERE.replaceAll('-', ''), '%', '\'',
		'(select 1)', 'null', 'mine']) {
		for (const path of [`/api/thing/${encodeURIComponent(id)}`,
			`/api/shelf/${encodeURIComponent(id)}/things`,
			`/api/thing/${encodeURIComponent(id)}/relationships/tags`]) {
			const answer = await quickly(() => alice.get(path));
			refused(answer, 404);
		}
	}
	for (const value of ['1 or 1=1', '\'', 7, [], {}, true])
		refused(await alice.create('thing', { title: 'x', shelf_id: value }),
			400, 403, 404, 422);
	assert.equal(instance.psql('SELECT count(*) FROM thing'), '1');
});

test('D08: an id in another writing is no second address', async () => {
	const answer = await alice.get(`/api/thing/${thing.id.toUpperCase()}`);
	assert.ok([200, 404].includes(answer.status));
	if (answer.status === 200)
		assert.equal(answer.json.data.id, thing.id);
});

test('D08: a filter with 70,000 values is refused with the limit', async () => {
	const values = Array.from({ length: 70000 }, (_, i) => i);
	const answer = await rawHttp(instance, [
		`GET /api/thing?${query({ column: 'quantity', operator: 'in',
			value: values })} HTTP/1.1`, 'Host: localhost',
		`Authorization: Bearer ${alice.token}`]);
	assert.ok([400, 414, 431].includes(answer.status), String(answer.status));
	const some = expect(await alice.get(`/api/thing?${query({ column: 'quantity',
		operator: 'in', value: values.slice(0, 1500) })}`), 200, 400);
	if (some.status === 200)
		assert.equal(some.json.data.length, 1);
});

test('page parameters, too, are numbers or nothing', async () => {
	for (const name of ['page[size]', 'page[number]', 'page[after]', 'page[before]',
		'page[offset]', 'page[limit]', 'page[total]'])
		for (const value of ['1;select 1', '1 or 1=1', '(select 1)', '\'', '0x10'])
			refused(await quickly(() => alice.get(`/api/thing?${
				encodeURIComponent(name)}=${encodeURIComponent(value)}`)), 400, 404);
});

test('the table is still there, with its row', () => {
	assert.equal(instance.psql('SELECT count(*) FROM thing WHERE title = \'Anvil\''),
		'1');
});
