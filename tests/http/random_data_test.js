/*
 * random_data_test.js: generate_random_data: values of every column type,
 * unique ones, keys, rules, seeds, limits (J02), permission, and its rate
 * beside COPY of the same rows. RANDOM_ROWS sets the rows of the figure.
 */
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, refused, schemaFile, settle, worldRow } = require('./lib/client.js');

const ROWS = Number(process.env.RANDOM_ROWS || 20000);

const TYPES = ['alias', 'label', 'name', 'namespace', 'hidden', 'value', 'content',
	'html', 'markdown', 'json', 'email', 'url', 'color', 'password', 'bcrypt', 'md5',
	'encrypted', 'truefalse', 'measurement', 'float', 'rating', 'minute', 'hour',
	'day', 'month', 'year', 'date', 'time', 'datetime', 'timestamp', 'location',
	'location.latitude', 'location.longitude', 'location.altitude', 'file.txt',
	'image.png', 'video.mp4', 'gzip'];

const columnOf = (type) => `of_${type.replace(/\W/g, '_')}`;

const SCHEMA = { Tables: [
	{ TableName: 'sample', Columns: [
		...TYPES.map((type) => ({ ColumnName: columnOf(type), ColumnType: type })),
		{ ColumnName: 'size', ColumnType: 'enum',
			Options: ['small', 'large'].map((Value) => ({ Value, Label: Value })) },
		{ ColumnName: 'price', ColumnType: 'measurement', DataType: 'numeric(6,2)' },
		{ ColumnName: 'phone', ColumnType: 'label' },
		{ ColumnName: 'city', ColumnType: 'label' },
		{ ColumnName: 'country_code', ColumnType: 'label', DataType: 'varchar(2)' },
		{ ColumnName: 'short', ColumnType: 'label', DataType: 'varchar(3)' },
		{ ColumnName: 'odds', ColumnType: 'measurement', DataType: 'smallint' },
		{ ColumnName: 'grade', ColumnType: 'label' },
		{ ColumnName: 'maybe', ColumnType: 'label', IsNullable: true },
	], Validations: [
		{ ColumnName: 'odds', Tags: 'gte=3,lt=9' },
		{ ColumnName: 'grade', Tags: 'oneof=a b c' },
		{ ColumnName: 'of_content', Tags: 'min=20' },
	] },
	{ TableName: 'single', CompositeKeys: [['flag', 'part']], Columns: [
		{ ColumnName: 'mail', ColumnType: 'email', IsUnique: true },
		{ ColumnName: 'title', ColumnType: 'label', DataType: 'varchar(12)', IsUnique: true },
		{ ColumnName: 'number', ColumnType: 'measurement', IsUnique: true },
		{ ColumnName: 'moment', ColumnType: 'datetime', IsUnique: true },
		{ ColumnName: 'key', ColumnType: 'alias', IsUnique: true },
		{ ColumnName: 'flag', ColumnType: 'truefalse' },
		{ ColumnName: 'part', ColumnType: 'label' },
	] },
	{ TableName: 'plain', Columns: [
		{ ColumnName: 'title', ColumnType: 'label' },
		{ ColumnName: 'email', ColumnType: 'email' },
		{ ColumnName: 'amount', ColumnType: 'measurement', DataType: 'numeric(10,2)' },
		{ ColumnName: 'due_at', ColumnType: 'datetime' },
		{ ColumnName: 'remark', ColumnType: 'content' },
	] },
] };

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_samples.json', JSON.stringify(SCHEMA));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
});

after(() => instance?.stop());

const generate = (client, table_name, count, more, members) =>
	client.action('world', 'generate_random_data',
		{ table_name, count, ...more }, members);

const countOf = (table) => Number(instance.psql(`SELECT count(*) FROM ${table}`));

/* Whether no row breaks the condition. */
const holds = (table, condition) => assert.equal(instance.psql(
	`SELECT count(*) FROM ${table} WHERE (${condition}) IS NOT TRUE`), '0', condition);

describe('values', () => {
	test('every column type gets values that its own rules take', async () => {
		const answer = expect(await generate(root, 'sample', 200, { seed: 7 }), 200);
		assert.deepEqual(answer.json, []);
		assert.equal(countOf('sample'), 200);
		const rows = expect(await root.get('/api/sample?page[size]=200'), 200).json.data;
		for (const { id, attributes } of rows.slice(0, 20)) {
			for (const name of Object.keys(attributes))
				if (attributes[name] === null && name !== 'maybe')
					assert.fail(`${name} is empty`);
			const own = Object.fromEntries(Object.entries(attributes).filter(([name]) =>
				name.startsWith('of_') || ['size', 'price', 'odds', 'grade'].includes(name)));
			expect(await root.update('sample', id, own), 200);
		}
		holds('sample', 'of_email ~ \'^[a-z.]+@[a-z.]+$\'');
		holds('sample', 'of_color ~ \'^#[0-9a-f]{6}$\'');
		holds('sample', 'of_url LIKE \'https://%\'');
		holds('sample', 'of_month BETWEEN 1 AND 12 AND of_rating BETWEEN 0 AND 10');
		holds('sample', 'of_location_latitude BETWEEN -90 AND 90');
		holds('sample', 'of_json::jsonb IS NOT NULL');
		holds('sample', 'of_file_txt::jsonb -> 0 ->> \'name\' LIKE \'%.txt\'');
		holds('sample', 'length(of_md5) = 32 AND of_password LIKE \'$2%\'');
		holds('sample', 'of_encrypted LIKE \'g1:%\'');
		holds('sample', 'phone LIKE \'+%\' AND length(country_code) = 2 AND length(city) > 3');
		assert.ok(Number(instance.psql('SELECT count(*) FROM sample WHERE maybe IS NULL')) > 3);
	});

	test('enumerations and validations are kept', async () => {
		holds('sample', 'size IN (\'small\', \'large\')');
		assert.equal(instance.psql('SELECT count(DISTINCT size) FROM sample'), '2');
		holds('sample', 'odds >= 3 AND odds < 9');
		holds('sample', 'grade IN (\'a\', \'b\', \'c\')');
		holds('sample', 'length(of_content) >= 20');
		holds('sample', 'price > 0 AND length(short) <= 3');
	});

	test('what must be unique is, also from run to run', async () => {
		for (const count of [1000, 1, 1000])
			expect(await generate(root, 'single', count, { seed: 1 }), 200);
		assert.equal(countOf('single'), 2001);
		expect(await root.create('single', { mail: 'x@example.com', title: 'x', number: 9e6,
			moment: '2040-01-01', key: 'x', flag: true, part: 'x' }), 201);
		expect(await generate(root, 'single', 100), 200);
	});

	test('keys point to rows that are there', async () => {
		refused(await generate(root, 'book', 5), 409);
		expect(await generate(root, 'author', 20), 200);
		expect(await generate(root, 'book', 300), 200);
		expect(await generate(root, 'loan', 50), 200);
		assert.ok(Number(instance.psql('SELECT count(DISTINCT author_id) FROM book')) > 5);
		holds('book', 'isbn IS NULL OR length(isbn) = 13');
		holds('loan', 'user_account_id = (SELECT id FROM user_account ' +
			'WHERE email = \'root@example.com\')');
		holds('author', 'name LIKE \'% %\'');
	});

	test('a seed repeats itself, no seed does not', async () => {
		const text = (table) => instance.psql(
			`SELECT title, email, amount, due_at, remark FROM ${table} ORDER BY id`);
		const fresh = async (more) => {
			instance.psql('TRUNCATE plain CASCADE');
			expect(await generate(root, 'plain', 50, more), 200);
			return text('plain');
		};
		const first = await fresh({ seed: 42 });
		assert.equal(await fresh({ seed: 42 }), first);
		assert.equal(await fresh({ seed: '42' }), first);
		assert.notEqual(await fresh({ seed: 43 }), first);
		assert.notEqual(await fresh(), await fresh());
	});
});

describe('requests', () => {
	test('the subject names the table as well', async () => {
		const earlier = countOf('plain');
		expect(await root.action('world', 'generate_random_data',
			{ world_id: (await worldRow(root, 'plain')).id, count: 3 }), 200);
		assert.equal(countOf('plain'), earlier + 3);
	});

	test('J02: a count over the limit, or none, is refused', async () => {
		const earlier = countOf('plain');
		for (const count of [1e12, -1, 2 ** 32, 0, 1000001, 1.5, '', 'many', null, [], {},
			undefined, '1e3', 1e300])
			refused(await generate(root, 'plain', count), 400);
		assert.equal(countOf('plain'), earlier);
	});

	test('tables that are none, or not for this, are refused', async () => {
		refused(await generate(root, 'nothing', 1), 404);
		refused(await generate(root, '', 1), 400);
		for (const table of ['world', 'action', 'job', 'action_run', 'book_audit',
			'loan_state', 'user_account', 'book_coauthored_books_has_author_coauthors'])
			refused(await generate(root, table, 1), 400, 403, 422);
		for (const seed of ['x', [], 1e30])
			refused(await generate(root, 'plain', 1, { seed }), 400);
	});

	test('a plain user needs the action and Create on the table', async () => {
		refused(await generate(alice, 'plain', 1), 403);
		const query = encodeURIComponent(JSON.stringify([{ column: 'action_name',
			operator: 'is', value: 'generate_random_data' }]));
		const [action] = expect(await root.get(`/api/action?query=${query}`), 200).json.data;
		expect(await root.update('action', action.id, { permission: 2097151 }), 200);
		refused(await generate(alice, 'plain', 1), 403);
		expect(await root.update('world', (await worldRow(root, 'plain')).id,
			{ permission: 2097151 }), 200);
		const earlier = countOf('plain');
		expect(await generate(alice, 'plain', 2), 200);
		assert.equal(countOf('plain'), earlier + 2);
		assert.equal(instance.psql('SELECT count(*) FROM plain p JOIN user_account u ON ' +
			'u.id = p.user_account_id WHERE u.email = \'alice@example.com\''), '2');
	});

	test('a dry run shows some rows and keeps none', async () => {
		const earlier = countOf('plain');
		const answer = expect(
			await generate(root, 'plain', 500, {}, { dry_run: true }), 200);
		const { changes } = answer.json.at(-1);
		assert.equal(changes.length, 100);
		assert.equal(changes[0].entity, 'plain');
		assert.equal(changes[0].operation, 'create');
		assert.match(changes[0].after.email, /@/);
		assert.equal(countOf('plain'), earlier);
	});

	test('all rows or none', async () => {
		await root.load('schema_odd.json', JSON.stringify({ Tables: [{ TableName: 'odd',
			Columns: [{ ColumnName: 'word', ColumnType: 'label' }],
			Validations: [{ ColumnName: 'word', Tags: 'startswith=xyzzy' }] }] }));
		const answer = refused(await generate(root, 'odd', 10), 409);
		assert.match(answer.text, /word/);
		assert.equal(countOf('odd'), 0);
	});

	test('the run is kept', () => {
		const [run] = instance.psql('SELECT entity_name, attributes, changed_rows ' +
			'FROM action_run WHERE action_name = \'generate_random_data\' ' +
			'ORDER BY id LIMIT 1').split('\n');
		assert.equal(run, 'world|{"count":200,"table_name":"sample","seed":7}|' +
			'[{"entity":"sample","operation":"create","count":200}]');
	});
});

/* Rows per second of what is done, once. */
async function rate(rows, work) {
	const begun = process.hrtime.bigint();
	await work();
	return rows * 1e9 / Number(process.hrtime.bigint() - begun);
}

test(`${ROWS} rows go at 30 % of COPY's rate at least`, async () => {
	const file = path.join(instance.folder, 'plain.copy');
	const copy = (command) => execFileSync('psql', [...instance.databaseArguments(),
		'-Xqc', command], { env: instance.environment });
	let best = 0;
	for (let round = 0; round < 3 && best < 0.3; round++) {
		instance.psql('TRUNCATE plain CASCADE');
		const made = await rate(ROWS, async () =>
			expect(await generate(root, 'plain', ROWS), 200));
		assert.equal(countOf('plain'), ROWS);
		copy(`\\copy plain TO '${file}'`);
		instance.psql('TRUNCATE plain CASCADE');
		const copied = await rate(ROWS, () => copy(`\\copy plain FROM '${file}'`));
		best = Math.max(best, made / copied);
		console.log(`# random data ${Math.round(made)} rows/s, COPY ` +
			`${Math.round(copied)} rows/s: ${Math.round(100 * made / copied)} %`);
	}
	fs.rmSync(file);
	assert.ok(best >= 0.3, `${Math.round(best * 100)} %`);
});
