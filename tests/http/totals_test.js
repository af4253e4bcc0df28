/*
 * totals_test.js: how many rows a list says there are, in one statement, and
 * entities whose names the statements might use for themselves.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, mailOf, settle } = require('./lib/client.js');

const OPEN = 2097151;
const NAMES = ['page', 'sample', 'old', 'new', 'gone', 'k0', 'i0', 'changed',
	'counted', 'select', 'user', 'value', 'link', 'maker'];

let instance;
let alice;

/* An entity of every name, each of which has one of the next and many of itself. */
const SCHEMA = [
	'Tables:',
	...NAMES.flatMap((name) => [
		`  - TableName: ${name}`,
		`    Permission: ${OPEN}`,
		`    DefaultPermission: ${OPEN}`,
		'    IsAuditEnabled: true',
		'    Columns:',
		'      - {Name: title, DataType: varchar(100), ColumnType: label}',
	]),
	'Relations:',
	...NAMES.flatMap((name, i) => [
		`  - {Subject: ${name}, Relation: has_one, ` +
			`Object: ${NAMES[(i + 1) % NAMES.length]}, ObjectName: next_id}`,
		`  - {Subject: ${name}, Relation: has_many, Object: ${name}, ` +
			'SubjectName: friend_of, ObjectName: friends}',
	]),
	''].join('\n');

before(async () => {
	let root;
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_names.yaml', SCHEMA);
});

after(() => instance?.stop());

const title = (row) => row.attributes.title;

describe('names that statements use', () => {
	for (const [i, name] of NAMES.entries()) {
		test(`an entity may be called ${name}`, async () => {
			const next = NAMES[(i + 1) % NAMES.length];
			const other = await alice.made(next, { title: 'next' });
			const first = await alice.made(name, { title: 'first' },
				{ next_id: { data: { type: next, id: other.id } } });
			const second = await alice.made(name, { title: 'second' },
				{ friends: { data: [{ type: name, id: first.id }] } });
			const answer = expect(await alice.get(`/api/${name}?sort=title` +
				'&included_relations=next_id,friends,friends.next_id' +
				'&query=' + encodeURIComponent(JSON.stringify([
				{ column: 'title', operator: 'in', value: ['first', 'second'] }]))), 200);
			assert.deepEqual(answer.json.data.map(title), ['first', 'second']);
			assert.equal(answer.json.links.total, 2);
			assert.deepEqual(answer.json.included.map(title), ['next']);
			assert.deepEqual(answer.json.data[1].relationships.friends.data
				.map((row) => row.id), [first.id]);
			expect(await alice.update(name, first.id, { title: 'changed' }), 200);
			const related = expect(await alice.get(
				`/api/${name}/${second.id}/friends`), 200);
			assert.deepEqual(related.json.data.map(title), ['changed']);
			const sums = expect(await alice.get(
				`/aggregate/${name}?group=title&column=title&column=count`), 200);
			assert.ok(sums.json.data.some((row) => row.attributes.title === 'second'));
			expect(await alice.delete(`/api/${name}/${second.id}`), 200);
			expect(await alice.get(`/api/${name}/${second.id}`), 404);
		});
	}
});

describe('totals', () => {
	const file = () => path.join(instance.folder, 'log/postgresql.log');
	const insert = (from, to) => instance.psql('INSERT INTO page (reference_id, ' +
		'permission, user_account_id, title) SELECT gen_random_uuid(), 16256, a.id, ' +
		`'row ' || n FROM generate_series(${from}, ${to}) n, user_account a ` +
		`WHERE a.email = '${mailOf('alice')}'`);
	const links = async (parameters) =>
		expect(await alice.get(`/api/page?${parameters}`), 200).json.links;

	before(() => {
		instance.psql('TRUNCATE page CASCADE');
		instance.psql('ALTER SYSTEM SET log_min_duration_statement = 0');
		instance.psql('ALTER SYSTEM SET log_line_prefix = \'%a: \'');
		instance.psql('SELECT pg_reload_conf()');
	});

	/* The statements that a list costs, from PostgreSQL's own log. */
	async function statements(parameters) {
		for (let i = 0; i < 50; i++) /* every worker has prepared it */
			await links(parameters);
		const from = fs.statSync(file()).size;
		await links(parameters);
		await new Promise((resolve) => setTimeout(resolve, 200));
		const log = fs.readFileSync(file(), 'utf8').slice(from);
		return log.split('\n').filter((line) =>
			/^actd quick: LOG: {2}duration: .* execute /.test(line)).length;
	}

	for (const [rows, from, exact] of [[10000, 1, true], [10001, 10001, false],
		[60000, 10002, false]]) {
		test(`of ${rows} rows it is ${exact ? 'exact' : 'an estimate'}, in one statement`,
			async () => {
				insert(from, rows);
				instance.psql('ANALYZE page');
				const { total, total_is_estimate } = await links('page[size]=2');
				if (exact)
					assert.equal(total, rows);
				else /* of some forty pages: four standard deviations */
					assert.ok(total >= rows * 0.4 && total <= rows * 1.8, `${total}`);
				assert.equal(total_is_estimate ?? false, !exact);
				assert.equal((await links('page[size]=2&page[total]=exact')).total, rows);
				assert.equal(await statements('page[size]=2'), 1);
			});
	}

	test('the same beyond the last page', async () => {
		const { total, total_is_estimate } = await links('page[number]=9000&page[size]=10');
		assert.ok(total_is_estimate && total > 20000, `${total}`);
	});
});
