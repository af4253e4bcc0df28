/*
 * columns_test.js: every type of column in and out, in filters and sorts,
 * null, default and refused; secrets by no door; and a column that may not be
 * named, which is the same as none at every door that takes names (C04).
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, refused, schemaFile, settle } = require('./lib/client.js');

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
});

after(() => instance?.stop());

const long = (length) => 'x'.repeat(length + 1);
const moments = { low: '2001-02-03T04:05:06Z', high: '2024-02-29T12:30:45Z',
	fill: ['\'2020-01-01\'', '2020-01-01T00:00:00Z'],
	wrong: ['never', '2023-02-30', '99999-01-01', [], true] };
const whole = { low: 1, high: 7, fill: ['4', 4], wrong: ['much', 1.5, 1e300, [], 3000000000] };
const real = { low: -1.5, high: 2.25, fill: ['0.5', 0.5], wrong: ['much', [], {}] };
const word = { low: 'alpha', high: 'beta', fill: ['\'gamma\'', 'gamma'] };

/*
 * By type: values in order (`low`, `high`; read back as they are but for
 * `out`), a default as written and as read, what is refused, and what the
 * column is declared with. `unordered` has no place in filters and sorts.
 */
const TYPES = {
	id: { ...word, wrong: [long(20), [], {}] },
	alias: { ...word, wrong: [long(100)] },
	label: { ...word, wrong: [long(100), []] },
	name: { ...word, low: 'Ann Lee', high: 'Bob Ray', wrong: [long(100)], empty: false },
	namespace: { ...word, wrong: [long(200)] },
	hidden: { ...word, wrong: [long(100)] },
	value: { ...word, wrong: [long(100)] },
	content: { ...word, high: 'several\nlines\tand \'quotes\' "too" \\ %_', wrong: [{}] },
	html: { ...word, low: '<b>a</b>', high: '<b>b</b>', wrong: [{}] },
	markdown: { ...word, low: '# a', high: '# b', wrong: [{}] },
	json: { low: '{"a":1}', high: '{"b":[1,null,12345678901234567890.10]}',
		fill: ['\'{}\'', '{}'], wrong: ['{', 'nothing', '{"a":}'], unordered: true },
	email: { low: 'ann@example.com', high: 'bob@example.com',
		fill: ['\'c@example.com\'', 'c@example.com'], wrong: ['nobody', 'a@', 'a b@c.d'] },
	url: { low: 'https://a.example/', high: 'https://b.example/x?y=1',
		fill: ['\'https://c.example\'', 'https://c.example'], wrong: ['nowhere', '::'], empty: false },
	color: { low: '#aabbcc', high: '#ddeeff', fill: ['\'#000000\'', '#000000'],
		wrong: ['bluish', '#12', '#gggggg'] },
	enum: { low: 'new', high: 'worn', fill: ['\'good\'', 'good'],
		wrong: ['odd', '', 1, []], more: { Options: ['new', 'good', 'worn']
			.map((Value) => ({ ValueType: 'string', Value, Label: Value })) } },
	truefalse: { low: false, high: true, fill: ['true', true], wrong: [[], {}] },
	measurement: { ...whole, low: -42, high: 2147483647 },
	float: { ...real, high: 0.1 },
	rating: { ...whole, wrong: [...whole.wrong, 11, -1] },
	minute: { ...whole, high: 59, wrong: [...whole.wrong, 60, -1] },
	hour: { ...whole, high: 23 },
	day: { low: 'monday', high: 'tuesday', fill: ['\'friday\'', 'friday'], wrong: [long(10)] },
	month: { ...whole, high: 12, wrong: [...whole.wrong, 0, 13] },
	year: { ...whole, low: 1999, high: 2024, fill: ['2000', 2000],
		wrong: [...whole.wrong, 99, 2101] },
	date: { ...moments, low: '2001-02-03', high: '2024-02-29',
		out: { low: '2001-02-03T00:00:00Z', high: '2024-02-29T00:00:00Z' } },
	time: { ...moments, low: '04:05:06', high: '12:30:45', out: {
		low: /T04:05:06Z$/, high: /T12:30:45Z$/ }, fill: ['\'10:00:00\'', /T10:00:00Z$/],
	wrong: ['never', '25:00:00', [], true] },
	datetime: { ...moments, high: '2024-02-29T14:30:45+02:00',
		out: { low: moments.low, high: '2024-02-29T12:30:45Z' } },
	timestamp: moments,
	location: { low: '[1.5, 2.5]', high: '[2.5, 2.5]', fill: ['\'[0, 0]\'', '[0, 0]'],
		wrong: [long(50)] },
	'location.latitude': { ...real, wrong: [...real.wrong, 90.5] },
	'location.longitude': { ...real, wrong: [...real.wrong, -181] },
	'location.altitude': real,
};

/* Types that are tested elsewhere: secrets below, files with their stores. */
const ELSEWHERE = ['password', 'bcrypt', 'md5', 'md5-bcrypt', 'encrypted',
	'file', 'image', 'video', 'audio', 'gzip'];

const tableOf = (type) => `typed_${type.replaceAll('.', '_')}`;

function tableFor(type, { fill, more }) {
	return { TableName: tableOf(type), Columns: [
		{ ColumnName: 'it', ColumnType: type, IsNullable: true, ...more },
		{ ColumnName: 'filled', ColumnType: type, DefaultValue: fill[0], ...more },
		{ ColumnName: 'mark', ColumnType: 'label', IsNullable: true }] };
}

function same(got, wanted, about) {
	if (wanted instanceof RegExp)
		assert.match(got, wanted, about);
	else
		assert.deepEqual(got, wanted, about);
}

const query = (...entries) => `query=${encodeURIComponent(JSON.stringify(
	entries.map(([column, operator, value]) => ({ column, operator, value }))))}`;

describe('every type of column', () => {
	before(() => root.load('schema_typed.json', JSON.stringify({ Tables:
		Object.entries(TYPES).map(([type, row]) => tableFor(type, row)) })));

	test('is here', async () => {
		const { json } = expect(await root.get('/meta?query=column_types'), 200);
		assert.deepEqual(Object.keys(json).sort(),
			[...Object.keys(TYPES), ...ELSEWHERE].sort());
	});

	for (const [type, row] of Object.entries(TYPES)) {
		const target = `/api/${tableOf(type)}`;
		const out = { low: row.low, high: row.high, ...row.out };
		const marks = (answer) => expect(answer, 200).json.data
			.map(({ attributes }) => attributes.mark);

		test(`${type}: in and out, default, null`, async () => {
			const rows = {};
			for (const mark of ['high', 'low']) {
				rows[mark] = await root.made(tableOf(type), { it: row[mark], mark });
				same(rows[mark].attributes.it, out[mark], 'created');
				same(rows[mark].attributes.filled, row.fill[1], 'default');
			}
			const { id } = await root.made(tableOf(type), { it: null, mark: 'none' });
			const read = expect(await root.get(`${target}/${id}`), 200).json.data;
			assert.equal(read.attributes.it, null);
			const changed = expect(await root.update(tableOf(type), id,
				{ it: row.high }), 200).json.data;
			same(changed.attributes.it, out.high, 'changed');
			const cleared = expect(await root.update(tableOf(type), id,
				{ it: null }), 200).json.data;
			assert.equal(cleared.attributes.it, null);
			const list = expect(await root.get(`${target}?sort=mark`), 200).json.data;
			same(list[0].attributes.it, out.high, 'listed');
			same(list[1].attributes.it, out.low, 'listed');
		});

		test(`${type}: filters and sorts`, async () => {
			assert.deepEqual(marks(await root.get(`${target}?${
				query(['it', 'is empty'])}`)), ['none']);
			assert.deepEqual(marks(await root.get(`${target}?sort=mark&${
				query(['it', 'is not empty'])}`)), ['high', 'low']);
			if (row.unordered)
				return;
			for (const mark of ['low', 'high'])
				assert.deepEqual(marks(await root.get(`${target}?${
					query(['it', 'is', row[mark]])}`)), [mark]);
			assert.deepEqual(marks(await root.get(`${target}?${
				query(['it', 'in', [row.low, row.high]])}&sort=-mark`)), ['low', 'high']);
			const order = marks(await root.get(`${target}?sort=it`));
			assert.deepEqual(order.filter((mark) => mark !== 'none'), ['low', 'high']);
			const back = marks(await root.get(`${target}?sort=-it`));
			assert.deepEqual(back.filter((mark) => mark !== 'none'), ['high', 'low']);
		});

		test(`${type}: a wrong value is 422 and names its column`, async () => {
			const { id } = await root.made(tableOf(type), { it: row.low, mark: 'kept' });
			for (const wrong of row.wrong)
				for (const asked of [root.create(tableOf(type), { it: wrong }),
					root.update(tableOf(type), id, { it: wrong })]) {
					const { errors: [error] } = refused(await asked, 422).json;
					assert.equal(error.source?.pointer, '/data/attributes/it',
						JSON.stringify([wrong, error]));
				}
			/* Blank is what forms send for nothing, where there may be nothing. */
			if (row.empty === false) {
				refused(await root.create(tableOf(type), { filled: '' }), 422);
				const blank = await root.made(tableOf(type), { it: '' });
				expect(await root.delete(`${target}/${blank.id}`), 200);
			}
			const nothing = refused(await root.create(tableOf(type),
				{ filled: row.wrong[0] }), 422);
			assert.equal(nothing.json.errors[0].source.pointer, '/data/attributes/filled');
			const { attributes } = expect(await root.get(`${target}/${id}`), 200).json.data;
			same(attributes.it, out.low, 'kept');
			expect(await root.delete(`${target}/${id}`), 200);
		});
	}
});

describe('secrets', () => {
	const KINDS = ['password', 'bcrypt', 'md5', 'md5-bcrypt', 'encrypted'];
	const PLAIN = 'planted-Secret-77';
	const names = KINDS.map((kind) => `s_${kind.replace('-', '_')}`);
	const values = Object.fromEntries(names.map((name) => [name, PLAIN]));
	let box;
	let safe;
	let stored;

	/* Neither the words nor what is stored of them is in the text. */
	function assertKept(text, about) {
		for (const secret of [PLAIN, ...stored])
			assert.ok(!text.includes(secret), `${about} shows ${secret}`);
	}

	async function kept(asked, ...statuses) {
		const answer = expect(await asked, ...statuses);
		let { text } = answer;
		for (const { Attributes } of Array.isArray(answer.json) ? answer.json : [])
			if (Attributes?.content)
				text += Buffer.from(Attributes.content, 'base64').toString('latin1');
		assertKept(text, answer.asked);
		return answer;
	}

	before(async () => {
		await root.load('schema_safe.json', JSON.stringify({
			Tables: [{ TableName: 'box', Columns: [
				{ ColumnName: 'label', ColumnType: 'label' }] },
			{ TableName: 'safe', IsAuditEnabled: true, Columns: [
				{ ColumnName: 'label', ColumnType: 'label' },
				...KINDS.map((ColumnType, index) => ({ ColumnName: names[index], ColumnType,
					DataType: 'varchar(500)', IsNullable: true }))] }],
			Relations: [{ Subject: 'safe', Relation: 'has_one', Object: 'box' }],
			Actions: [{ Name: 'lock', Label: 'Lock', OnType: 'safe',
				InFields: names.map((ColumnName, index) => (
					{ Name: ColumnName, ColumnName, ColumnType: KINDS[index] })),
				OutFields: [{ Type: 'safe', Method: 'PATCH', Attributes: {
					reference_id: '$.reference_id',
					...Object.fromEntries(names.map((name) => [name, `~${name}`])) } }] }] }));
		box = await root.made('box', { label: 'b' });
		safe = await root.made('safe', { label: 'one', ...values },
			{ box_id: { data: { type: 'box', id: box.id } } });
		stored = instance.psql(`SELECT ${names.join(', ')} FROM safe`).split('|');
		assert.ok(stored.every((text) => text && text !== PLAIN), stored.join());
	});

	test('are in no answer about rows', async () => {
		const item = `/api/safe/${safe.id}`;
		for (const target of [item, '/api/safe', `${item}?fields=${names.join()}`,
			`/api/box/${box.id}/safe_id`, `/api/box/${box.id}?included_relations=safe_id`,
			'/api/box?included_relations=safe_id', `${item}?included_relations=*`,
			`${item}/box_id?included_relations=safe_id`,
			'/api/safe?filter=planted', '/aggregate/safe', '/aggregate/safe?group=label',
			'/stats/safe?group=label&column=count'])
			await kept(root.get(target), 200);
		const { json } = await kept(root.create('safe', { label: 'two', ...values }), 201);
		for (const name of names)
			assert.equal(json.data.attributes[name] || '', '', name);
		await kept(root.update('safe', json.data.id, { label: 'three', ...values }), 200);
		const operation = { op: 'update', data: { type: 'safe', id: safe.id,
			attributes: { label: 'four' } } };
		await kept(root.post('/api/operations', { 'atomic:operations': [operation] }), 200);
		await kept(root.delete(`/api/safe/${json.data.id}`), 200);
		assert.ok((await kept(root.get('/api/safe_audit'), 200)).json.data.length);
	});

	test('are in no filter, sort or figure', async () => {
		for (const name of names)
			for (const target of [`/api/safe?sort=${name}`,
				`/api/safe?${query([name, 'is', PLAIN])}`,
				`/api/safe?${query([name, 'begins with', '$2'])}`,
				`/api/safe?${query([name, 'is empty'])}`,
				`/api/safe?${query([`label,${name}`, 'fuzzy', 'plan'])}`,
				`/api/box?sort=safe_id.${name}`, `/aggregate/safe?column=max(${name})`,
				`/aggregate/safe?group=${name}`, `/aggregate/safe?filter=eq(${name},a)`,
				`/aggregate/safe?column=count&order=${name}`,
				`/api/safe_audit?sort=${name}`])
				assertKept(refused(await root.get(target), 400).text, target);
	});

	test('are in no run, dry or kept, and no job', async () => {
		const inputs = { safe_id: safe.id, ...values };
		const { json } = await kept(root.action('safe', 'lock', inputs,
			{ dry_run: true }), 200);
		const { changes } = json.at(-1);
		assert.ok(changes.length, JSON.stringify(json));
		await kept(root.action('safe', 'lock', inputs), 200);
		stored.push(...instance.psql(`SELECT ${names.join(', ')} FROM safe`).split(/[|\n]/)
			.filter((text) => text && !stored.includes(text)));
		assert.ok((await kept(root.get('/api/action_run'), 200)).json.data.length);
		const later = await kept(root.request('POST', '/action/safe/lock', {
			body: { attributes: inputs }, type: 'application/json',
			headers: { prefer: 'respond-async' } }), 202);
		const job = later.headers.get('location');
		for (let i = 0; i < 200; i++) {
			const { attributes } = (await kept(root.get(job), 200)).json.data;
			if (['succeeded', 'failed'].includes(attributes.state))
				break;
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		await kept(root.get('/api/job'), 200);
		const events = await kept(root.get(job.replace('/api/job', '/job') + '/events'), 200);
		assert.match(events.text, /succeeded/);
		await kept(root.get('/api/safe_audit?page[size]=100'), 200);
		for (const table of ['action_run', 'job'])
			assertKept(instance.psql(`SELECT t::text FROM ${table} t`), table);
		assertKept(instance.log(), 'the log');
	});

	test('are in no export, and in no description', async () => {
		for (const format of ['json', 'csv', 'xlsx'])
			await kept(root.action('world', 'export_data',
				{ table_name: 'safe', format }), 200);
		await kept(root.action('world', 'export_csv_data', { table_name: 'safe' }), 200);
		for (const target of ['/openapi.yaml', '/jsmodel/safe.js', '/actions', '/metrics',
			'/statistics', '/api/world?page[size]=1000', '/api/action?page[size]=1000'])
			await kept(root.get(target), 200);
		await kept(root.action('world', 'download_system_schema'), 200);
	});
});

describe('C04: a column that may not be named is the same as none', () => {
	const HIDDEN = ['inner_note', 'id', 'version', 'pin', 'cipher'];
	const NONE = 'nosuch';

	before(() => root.load('schema_shop.yaml', schemaFile('schema_shop.yaml')));

	/* Doors that take a column's name, as what they are asked with it. */
	const byName = (client, name) => [
		() => client.get(`/api/thing?sort=${name}`),
		() => client.get(`/api/thing?sort=title,-${name}`),
		() => client.get(`/api/thing?sort=${name}&page[size]=1&page[after]=` +
			'00000000-0000-4000-8000-00000000dead'),
		...['is', 'is not', 'contains', 'begins with', 'gt', 'in', 'is empty', 'before',
			'any of'].map((operator) => () => client.get(
			`/api/thing?${query([name, operator, operator === 'in' ? ['a'] : 'a'])}`)),
		() => client.get(`/api/thing?query[0][column]=${name}&query[0][operator]=is` +
			'&query[0][value]=a'),
		...['fuzzy', 'fuzzy_any', 'fuzzy_all'].map((operator) => () => client.get(
			`/api/thing?${query([`title,${name}`, operator, 'a'])}`)),
		() => client.get(`/api/shelf?sort=things.${name}`),
		() => client.get(`/api/thing?sort=shelf_id.${name}`),
		() => client.get(`/api/thing?${query([`shelf_id.${name}`, 'is', 'a'])}`),
		...['column=', 'group=', 'order=', 'column=max(', 'column=lower('].map((start) => () =>
			client.get(`/aggregate/thing?${start}${name}${start.endsWith('(') ? ')' : ''}`)),
		() => client.get(`/aggregate/thing?filter=eq(${name},a)`),
		() => client.get(`/aggregate/thing?column=count&having=gt(max(${name}),1)`),
		() => client.get(`/stats/thing?column=${name}`),
		() => client.post('/aggregate/thing', { column: [name] }),
		() => client.get(`/api/thing?included_relations=${name}`),
	];

	/* What a password is shown as is no secret: it may be among the fields. */
	const byField = (client, name) => [
		() => client.get(`/api/thing?fields=${name}`),
		() => client.get(`/api/thing?fields=title,${name}`),
		() => client.get(`/api/thing?fields[thing]=${name}`),
	];

	async function compare(doors, hidden) {
		for (const client of [root, alice]) {
			const wanted = doors(client, NONE);
			for (const [index, door] of doors(client, hidden).entries()) {
				const none = refused(await wanted[index](), 400);
				const some = refused(await door(), 400);
				assert.equal(some.text.replaceAll(hidden, NONE), none.text, some.asked);
			}
		}
	}

	for (const hidden of HIDDEN)
		test(`${hidden}, wherever columns are named`, () => compare(byName, hidden));

	for (const hidden of ['inner_note', 'id', 'version'])
		test(`${hidden}, among the fields`, () => compare(byField, hidden));

	test('what is created or changed with it', async () => {
		const made = await alice.made('thing', { title: 'x' });
		for (const name of [NONE, 'id', 'version'])
			expect(await alice.update('thing', made.id, { [name]: 7 }), 200);
		assert.equal(instance.psql('SELECT count(*) FROM thing WHERE id = 7'), '0');
	});
});
