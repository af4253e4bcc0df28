/*
 * undo_test.js: runs of actions are kept, their changes carry their id, and
 * undo_action_run makes rows again what they were, or says what is in the
 * way.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, fileOf, messages, mine, refused, settle, worldRow } =
	require('./lib/client.js');

const out = (Type, Method, Attributes, more) => ({ Type, Method, Attributes, ...more });

const action = (Name, OnType, OutFields, InFields = [], more = {}) => ({ Name,
	Label: Name, OnType, InstanceOptional: true, OutFields,
	InFields: InFields.map((ColumnName) => ({ Name: ColumnName, ColumnName,
		ColumnType: ColumnName === 'password' ? 'password'
			: ColumnName === 'scan' ? 'file.txt' : 'label' })), ...more });

const SCHEMA = {
	Tables: [
		{ TableName: 'shelf', IsAuditEnabled: true, Columns: [
			{ ColumnName: 'name', ColumnType: 'label', IsUnique: true }] },
		{ TableName: 'item', IsAuditEnabled: true, Columns: [
			{ ColumnName: 'title', ColumnType: 'label' },
			{ ColumnName: 'price', ColumnType: 'measurement', DataType: 'numeric(30,10)',
				IsNullable: true },
			{ ColumnName: 'weight', ColumnType: 'float', IsNullable: true },
			{ ColumnName: 'big', ColumnType: 'measurement', DataType: 'bigint',
				IsNullable: true },
			{ ColumnName: 'due_at', ColumnType: 'datetime', IsNullable: true },
			{ ColumnName: 'scan', ColumnType: 'file.txt', DataType: 'blob',
				IsNullable: true },
			{ ColumnName: 'code', ColumnType: 'password', IsNullable: true },
			{ ColumnName: 'secret', ColumnType: 'encrypted', IsNullable: true }] },
		{ TableName: 'remark', Columns: [{ ColumnName: 'text', ColumnType: 'label' }] },
		{ TableName: 'tag', Columns: [{ ColumnName: 'word', ColumnType: 'label' }] },
		{ TableName: 'room', Columns: [{ ColumnName: 'name', ColumnType: 'label' }] },
		...['desk', 'lamp', 'cable'].map((TableName) => ({ TableName,
			IsAuditEnabled: true, Columns: [{ ColumnName: 'name', ColumnType: 'label' }] })),
	],
	Relations: [
		{ Subject: 'item', Relation: 'belongs_to', Object: 'shelf', OnDelete: 'cascade' },
		{ Subject: 'remark', Relation: 'has_one', Object: 'item', OnDelete: 'set_null' },
		{ Subject: 'item', Relation: 'has_many', Object: 'tag' },
		{ Subject: 'desk', Relation: 'belongs_to', Object: 'room', OnDelete: 'cascade' },
		{ Subject: 'lamp', Relation: 'has_one', Object: 'desk', OnDelete: 'set_null' },
		{ Subject: 'cable', SubjectName: 'leaving', Relation: 'belongs_to', Object: 'desk',
			ObjectName: 'from_id', OnDelete: 'cascade' },
		{ Subject: 'cable', SubjectName: 'arriving', Relation: 'belongs_to', Object: 'desk',
			ObjectName: 'to_id', OnDelete: 'cascade' },
	],
	Actions: [
		action('stock', 'shelf', [
			out('shelf', 'POST', { name: '~name' }, { Reference: 'made' }),
			out('item', 'POST', { title: 'first', shelf_id: '$made.reference_id' },
				{ Reference: 'one' }),
			out('item', 'PATCH', { reference_id: '$one.reference_id', title: 'second' }),
		], ['name', 'password', 'scan']),
		action('change', 'item', [
			out('item', 'PATCH', { reference_id: '$.reference_id', title: '~title',
				price: 1, weight: 1, big: 1, due_at: '2001-01-01', scan: 'YWJj',
				code: 'another code', secret: 'another' })], ['title']),
		action('clear', 'shelf', [out('shelf', 'DELETE', { reference_id: '$.reference_id' })]),
		action('empty', 'room', [out('room', 'DELETE', { reference_id: '$.reference_id' })]),
		action('drop', 'item', [out('item', 'DELETE', { reference_id: '$.reference_id' })]),
		action('both', 'item', [
			out('item', 'PATCH', { reference_id: '$.reference_id', title: 'both' }),
			out('remark', 'POST', { text: 'kept' })]),
		action('note', 'item', [out('remark', 'POST', { text: 'alone' })]),
		action('look', 'item', [out('client.notify', 'ACTIONRESPONSE', { message: 'x' })]),
		action('give', 'item', [out('item', 'PATCH', { reference_id: '$.reference_id',
			title: '~title' })], ['title'], { Permission: 2097151 }),
	],
};

let instance;
let root;
let alice;
let bob;

before(async () => {
	instance = await startInstance();
	({ root, alice, bob } = await settle(instance));
	await root.load('schema_stock.json', JSON.stringify(SCHEMA));
});

after(() => instance?.stop());

const sql = (text) => instance.psql(text);

const lastRun = () => sql('SELECT reference_id FROM action_run ORDER BY id DESC LIMIT 1');

/* Runs an action that must be accepted; the id of its run. */
async function run(name, entity, attributes, client = root) {
	expect(await client.action(entity, name, attributes), 200);
	return lastRun();
}

const undo = (id, client = root, members) =>
	client.action('action_run', 'undo_action_run', { action_run_id: id }, members);

let count = 0;
const shelf = async () => (await root.made('shelf', { name: `shelf ${++count}` })).id;

const item = async (attributes = {}, shelf_id) => (await root.made('item', {
	title: 'old', shelf_id: shelf_id ?? await shelf(), ...attributes })).id;

/* A row whole but for what counts changes. */
const whole = (table, id) => sql(`SELECT to_jsonb(t) - '{version,updated_at}'::text[] ` +
	`FROM ${table} t WHERE reference_id = '${id}'`);

const FULL = { price: '12345678901234567890.0123456789', weight: 0.1,
	big: '9007199254740993', due_at: '2020-02-29T12:34:56.789012Z', scan: 'aGVsbG8=',
	code: 'a code', secret: 'a secret' };

describe('records', () => {
	test('a run is kept with its maker, its inputs and its rows', async () => {
		const id = await run('stock', 'shelf', { name: 'records', password: 'hush hush',
			scan: [{ name: 'a.txt', file: 'data:;base64,c2VjcmV0', type: 'text/plain' }],
			other: 'not an input' });
		const row = expect(await root.get(`/api/action_run/${id}`), 200).json.data;
		const { attributes } = row;
		assert.equal(attributes.action_name, 'stock');
		assert.equal(attributes.entity_name, 'shelf');
		assert.equal(attributes.outcome, 'succeeded');
		assert.equal(attributes.user_account_id, (await mine(root)).id);
		assert.deepEqual(JSON.parse(attributes.attributes),
			{ name: 'records', scan: ['a.txt'] });
		const rows = JSON.parse(attributes.changed_rows);
		assert.deepEqual(rows.map(({ entity, operation }) => `${operation} ${entity}`),
			['create shelf', 'create item', 'update item']);
		assert.equal(rows[1].id, rows[2].id);
		assert.equal(attributes.changed, 3);
		assert.equal(attributes.undone_at, null);
		assert.doesNotMatch(JSON.stringify(row), /hush|c2VjcmV0/);
	});

	test('a run that changes nothing, fails or is dry is not', async () => {
		const earlier = lastRun();
		expect(await root.action('item', 'look'), 200);
		refused(await root.action('shelf', 'stock', { name: 'records' }), 409);
		expect(await root.action('shelf', 'stock', { name: 'dry' }, { dry_run: true }), 200);
		assert.equal(lastRun(), earlier);
		assert.equal(sql('SELECT count(*) FROM actd_journal WHERE run NOT IN ' +
			'(SELECT reference_id FROM action_run)'), '0');
	});

	test('history carries the run, and nothing for other changes', async () => {
		const one = await item();
		expect(await root.update('item', one, { title: 'by hand' }), 200);
		const id = await run('change', 'item', { item_id: one, title: 'new' });
		assert.equal(sql('SELECT title, coalesce(action_run, \'-\') FROM item_audit ' +
			`WHERE source_reference_id = '${one}' ORDER BY id`), `old|-\nby hand|${id}`);
	});

	test('the journal is behind no door, and holds no secret', async () => {
		const one = await item(FULL);
		const hash = sql(`SELECT code FROM item WHERE reference_id = '${one}'`);
		const id = await run('change', 'item', { item_id: one, title: 'new' });
		refused(await root.get('/api/actd_journal'), 404);
		const kept = sql(`SELECT image FROM actd_journal WHERE run = '${id}'`);
		assert.match(kept, /g1:/);
		assert.ok(!kept.includes(hash) && !kept.includes('a secret'));
	});
});

describe('undoing', () => {
	test('what was changed is as it was, to the last digit', async () => {
		const one = await item(FULL);
		const earlier = whole('item', one);
		const id = await run('change', 'item', { item_id: one, title: 'new' });
		assert.notEqual(whole('item', one), earlier);
		const answer = expect(await undo(id), 200);
		assert.match(messages(answer), /1 change/);
		assert.equal(whole('item', one), earlier);
		assert.match(sql(`SELECT undone_at FROM action_run WHERE reference_id = '${id}'`), /\d/);
		assert.equal(sql('SELECT count(*) FROM item_audit WHERE action_run = ' +
			`'${lastRun()}'`), '1');
	});

	test('what was made is gone, the last first', async () => {
		const id = await run('stock', 'shelf', { name: 'made' });
		const items = sql('SELECT count(*) FROM item');
		expect(await undo(id), 200);
		assert.equal(sql('SELECT count(*) FROM shelf WHERE name = \'made\''), '0');
		assert.equal(Number(sql('SELECT count(*) FROM item')), items - 1);
	});

	test('what was deleted is back, with what went along', async () => {
		const place = await shelf();
		const one = await item(FULL, place);
		const two = await item({}, place);
		const tag = await root.made('tag', { word: 'x' });
		expect(await root.post(`/api/item/${one}/relationships/tag_id`,
			{ data: [{ type: 'tag', id: tag.id }] }), 200, 204);
		const remark = await root.made('remark', { text: 'r', item_id: one });
		const all = () => [whole('shelf', place), whole('item', one), whole('item', two),
			whole('remark', remark.id), sql('SELECT item_id, tag_id FROM ' +
			'item_item_id_has_tag_tag_id')].join('\n');
		const earlier = all();
		const id = await run('clear', 'shelf', { shelf_id: place });
		assert.equal(sql(`SELECT count(*) FROM item WHERE reference_id = '${one}'`), '0');
		expect(await undo(id), 200);
		assert.equal(all(), earlier);
	});

	/* A room without history, and what is in it. */
	async function furnished() {
		const room = await root.made('room', { name: 'office' });
		const desks = [];
		for (const name of ['left', 'right'])
			desks.push((await root.made('desk', { name, room_id: room.id })).id);
		const lamp = await root.made('lamp', { name: 'bright', desk_id: desks[0] });
		const cables = [];
		for (const [from_id, to_id] of [desks, [...desks].reverse(), [desks[0], desks[0]]])
			cables.push((await root.made('cable', { name: 'long', from_id, to_id })).id);
		return { room: room.id, desks, lamp: lamp.id, cables,
			all: () => [whole('room', room.id), ...desks.map((id) => whole('desk', id)),
				whole('lamp', lamp.id), ...cables.map((id) => whole('cable', id))] };
	}

	const history = ({ desks, lamp, cables }, operation, table, more = '') =>
		sql(`SELECT source_reference_id, coalesce(action_run, '-') FROM ${table}_audit ` +
			`WHERE operation = '${operation}' AND source_reference_id IN ` +
			`(${[...desks, lamp, ...cables].map((id) => `'${id}'`)}) ${more} ORDER BY id`)
			.split('\n').filter(Boolean).map((line) => line.split('|'));

	test('rows with history are back that went with one without, once each', async () => {
		const place = await furnished();
		const earlier = place.all();
		const id = await run('empty', 'room', { room_id: place.room });
		assert.deepEqual(place.all().map(Boolean), [false, false, false, true, false,
			false, false]);
		assert.equal(sql(`SELECT desk_id FROM lamp WHERE reference_id = '${place.lamp}'`), '');
		assert.deepEqual(history(place, 'delete', 'desk').map((row) => row[1]), [id, id]);
		assert.deepEqual(history(place, 'delete', 'cable').map((row) => row[1]),
			[id, id, id]);
		assert.deepEqual(history(place, 'update', 'lamp'), [[place.lamp, id]]);
		expect(await undo(id), 200);
		assert.deepEqual(place.all(), earlier);
	});

	test('a deletion by hand has the history of what went along', async () => {
		const place = await furnished();
		expect(await root.delete(`/api/room/${place.room}`), 200);
		assert.deepEqual(history(place, 'delete', 'desk').map((row) => row[0]).sort(),
			[...place.desks].sort());
		assert.deepEqual(history(place, 'delete', 'cable').map((row) => row[0]).sort(),
			[...place.cables].sort());
		assert.deepEqual(history(place, 'update', 'lamp'), [[place.lamp, '-']]);
		assert.equal(sql('SELECT count(*) FROM actd_journal WHERE run NOT IN ' +
			'(SELECT reference_id FROM action_run)'), '0');
		const other = await furnished();
		refused(await bob.delete(`/api/room/${other.room}`), 403, 404);
		assert.deepEqual(history(other, 'delete', 'desk'), []);
	});

	test('an undoing can be undone, and undone again', async () => {
		const one = await item();
		const first = await run('change', 'item', { item_id: one, title: 'new' });
		const changed = whole('item', one);
		expect(await undo(first), 200);
		const second = lastRun();
		expect(await undo(second), 200);
		assert.equal(whole('item', one), changed);
		expect(await undo(lastRun()), 200);
		assert.match(whole('item', one), /"old"/);
		const gone = await run('drop', 'item', { item_id: one });
		expect(await undo(gone), 200);
		expect(await undo(lastRun()), 200);
		assert.equal(whole('item', one), '');
		expect(await undo(lastRun()), 200);
		assert.match(whole('item', one), /"old"/);
	});

	test('once is enough', async () => {
		const id = await run('change', 'item', { item_id: await item(), title: 'new' });
		const answers = await Promise.all(Array.from({ length: 8 }, () => undo(id)));
		assert.deepEqual(answers.map((answer) => answer.status).sort(),
			[200, ...Array(7).fill(409)]);
	});

	test('a dry run shows it and keeps nothing', async () => {
		const one = await item();
		const id = await run('change', 'item', { item_id: one, title: 'new' });
		const answer = expect(await undo(id, root, { dry_run: true }), 200);
		const [change] = answer.json.at(-1).changes.filter(
			(entry) => entry.entity === 'item');
		assert.equal(change.before.title, 'new');
		assert.equal(change.after.title, 'old');
		assert.match(whole('item', one), /"new"/);
		expect(await undo(id), 200);
	});

	test('tables without history stay, and that is said', async () => {
		const one = await item();
		const id = await run('both', 'item', { item_id: one });
		assert.match(messages(expect(await undo(id), 200)), /1 changes of tables without/);
		assert.match(whole('item', one), /"old"/);
		assert.equal(sql('SELECT count(*) FROM remark WHERE text = \'kept\''), '1');
		refused(await undo(await run('note', 'item', {})), 409);
	});
});

describe('what is in the way', () => {
	test('later edits and deletions are listed, and nothing is done', async () => {
		const id = await run('stock', 'shelf', { name: 'later' });
		const made = JSON.parse(sql('SELECT changed_rows FROM action_run ' +
			`WHERE reference_id = '${id}'`));
		expect(await root.update('item', made[1].id, { title: 'edited' }), 200);
		expect(await root.update('shelf', made[0].id, { name: 'edited' }), 200);
		const answer = refused(await undo(id), 409);
		assert.equal(answer.json.length, 2);
		assert.ok(messages(answer).includes(`item ${made[1].id} was changed since`));
		assert.ok(messages(answer).includes(`shelf ${made[0].id} was changed since`));
		assert.match(whole('item', made[1].id), /"edited"/);
		assert.equal(sql('SELECT undone_at IS NULL FROM action_run ' +
			`WHERE reference_id = '${id}'`), 't');
		expect(await root.delete(`/api/item/${made[1].id}`), 200);
		assert.match(messages(refused(await undo(id), 409)), /was deleted since/);
	});

	test('a later row that points to a new one keeps it', async () => {
		const id = await run('stock', 'shelf', { name: 'pointed' });
		const made = JSON.parse(sql('SELECT changed_rows FROM action_run ' +
			`WHERE reference_id = '${id}'`));
		const remark = await root.made('remark', { text: 'later', item_id: made[1].id });
		assert.match(messages(refused(await undo(id), 409)), /rows of remark/);
		expect(await root.delete(`/api/remark/${remark.id}`), 200);
		const more = await item({}, made[0].id);
		assert.match(messages(refused(await undo(id), 409)), /rows of item/);
		expect(await root.delete(`/api/item/${more}`), 200);
		expect(await undo(id), 200);
	});

	test('a deleted row whose name or place was taken stays deleted', async () => {
		const place = await shelf();
		const [name] = sql(`SELECT name FROM shelf WHERE reference_id = '${place}'`)
			.split('\n');
		const id = await run('clear', 'shelf', { shelf_id: place });
		const taken = await root.made('shelf', { name });
		refused(await undo(id), 409);
		expect(await root.delete(`/api/shelf/${taken.id}`), 200);
		expect(await undo(id), 200);
		const other = await shelf();
		const gone = await run('drop', 'item', { item_id: await item({}, other) });
		expect(await root.delete(`/api/shelf/${other}`), 200);
		refused(await undo(gone), 409);
	});
});

describe('bulk', () => {
	const csv = (text, more) => root.action('world', 'upload_csv_to_system_schema',
		{ entity_name: 'shelf', data_csv_file: [fileOf('shelves.csv', text)], ...more });

	test('is a run with its numbers, and undoing it is refused with a list', async () => {
		await root.made('shelf', { name: 'in bulk 1' });
		expect(await csv('name\nin bulk 2\nin bulk 3\n'), 200);
		const id = lastRun();
		const rows = JSON.parse(sql('SELECT changed_rows FROM action_run ' +
			`WHERE reference_id = '${id}'`));
		assert.deepEqual(rows, [{ entity: 'shelf', operation: 'create', count: 2 }]);
		assert.equal(sql(`SELECT changed FROM action_run WHERE reference_id = '${id}'`), '2');
		assert.match(messages(refused(await undo(id), 409)),
			/2 rows of shelf came in bulk \(create\)/);
		assert.equal(sql('SELECT count(*) FROM shelf WHERE name LIKE \'in bulk%\''), '3');
	});

	test('carries its run into the history', async () => {
		const one = await root.made('shelf', { name: 'in bulk 4' });
		expect(await csv('name,permission\nin bulk 4,2097151\n', { update_on: 'name' }), 200);
		assert.equal(sql('SELECT action_run FROM shelf_audit ' +
			`WHERE source_reference_id = '${one.id}'`), lastRun());
	});
});

describe('permission', () => {
	test('whoever ran it may undo it, others may not', async () => {
		const one = await item();
		expect(await root.update('world', (await worldRow(root, 'item')).id,
			{ permission: 2097151 }), 200);
		expect(await root.update('item', one, { permission: 2097151 }), 200);
		const id = await run('give', 'item', { item_id: one, title: 'given' }, alice);
		refused(await undo(id, bob), 404);
		expect(await alice.get(`/api/action_run/${id}`), 200);
		refused(await bob.get(`/api/action_run/${id}`), 404);
		expect(await root.update('item', one, { permission: 2 }), 200);
		refused(await undo(id, alice), 403, 409);
		expect(await undo(await run('give', 'item', { item_id: await shared(),
			title: 'given' }, alice), alice), 200);
	});

	const shared = async () => {
		const one = await item();
		expect(await root.update('item', one, { permission: 2097151 }), 200);
		return one;
	};

	test('without the right on the row as it is, it is refused', async () => {
		const one = await shared();
		const id = await run('give', 'item', { item_id: one, title: 'given' }, alice);
		sql(`UPDATE item SET permission = 35 WHERE reference_id = '${one}'`);
		refused(await undo(id, alice), 403);
		assert.match(whole('item', one), /"given"/);
	});

	test('unknown runs are 404, and nobody writes records', async () => {
		for (const id of [NOWHERE, 'x'])
			refused(await undo(id), 404);
		refused(await root.action('action_run', 'undo_action_run'), 400);
		refused(await root.create('action_run', { action_name: 'x' }), 403);
		refused(await root.update('action_run', lastRun(), { undone_at: null }), 403);
	});
});
