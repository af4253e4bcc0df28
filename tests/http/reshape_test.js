/*
 * reshape_test.js: remove_column, rename_column, remove_table: who may, what
 * is refused, and that what is gone stays gone by every way that could bring
 * it back: restart, files of the schema folder, another node.
 */
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, expect, item, messages, refused, settle, worldRow } =
	require('./lib/client.js');

const OPEN = 2097151;
let instance;
let people;
let other;

const column = (ColumnName, more = {}) => ({ ColumnName, ColumnType: 'label',
	DataType: 'varchar(100)', IsNullable: true, ...more });
const relation = (Subject, Relation, Object, more) => ({ Subject, Relation, Object, ...more });
const table = (TableName, Columns, more = {}) => ({ TableName, Columns,
	Permission: OPEN, DefaultPermission: OPEN, ...more });

const BOOKS = {
	Tables: [
		table('book', [column('title', { IsIndexed: true }), column('isbn', { IsUnique: true }),
			column('blurb', { IsFullText: true }), column('shelf'), column('place'),
			column('used'), column('seen'), column('again'), column('kept')],
		{ IsAuditEnabled: true, CompositeKeys: [['shelf', 'place']], DefaultOrder: '-title',
			Validations: [{ ColumnName: 'blurb', Tags: 'omitempty,min=2' },
				{ ColumnName: 'again', Tags: 'omitempty,eqfield=kept' }] }),
		table('author', [column('name')]),
		table('loan', [column('who')], { IsStateTrackingEnabled: true, IsAuditEnabled: true }),
	],
	Relations: [
		relation('book', 'has_one', 'author'),
		relation('loan', 'belongs_to', 'book'),
		relation('author', 'has_many', 'loan', { ObjectName: 'loans', SubjectName: 'authors' }),
	],
	Streams: [{ StreamName: 'seen_books', RootEntityName: 'book', Transformations: [
		{ Operation: 'select', Attributes: { Columns: ['seen'] } }] }],
	Actions: [{ Name: 'use', Label: 'Use', OnType: 'book', InstanceOptional: false,
		InFields: [], OutFields: [{ Type: 'client.notify', Method: 'ACTIONRESPONSE',
			Attributes: { message: 'It has $.used', title: 'title', type: 'success' } }] },
	{ Name: 'lend', Label: 'Lend', OnType: 'loan', InstanceOptional: true, Permission: OPEN,
		InFields: [], OutFields: [{ Type: 'client.notify', Method: 'ACTIONRESPONSE',
			Attributes: { message: 'lent' } }] }],
};

before(async () => {
	instance = await startInstance();
	people = await settle(instance);
	await people.root.load('schema_books.json', JSON.stringify(BOOKS));
	other = new Client(await startNode(instance), people.root.token);
});

after(() => instance?.stop());

async function reshape(client, action, name, inputs = {}, members) {
	const { id } = await worldRow(people.root, name);
	return client.action('world', action, { world_id: id, ...inputs }, members);
}

const remove = (column_name, name = 'book') =>
	reshape(people.root, 'remove_column', name, { column_name });
const rename = (column_name, new_column_name, name = 'book') =>
	reshape(people.root, 'rename_column', name, { column_name, new_column_name });

async function downloaded() {
	const answer = expect(await people.root.action('world', 'download_system_schema'), 200);
	return JSON.parse(Buffer.from(item(answer, 'client.file.download').content, 'base64'));
}

const columnsIn = (schema, name) => schema.Tables.find((one) => one.TableName === name)
	?.Columns.map((one) => one.ColumnName);
const stored = () => instance.psql('SELECT json_schema FROM json_schema WHERE ' +
	'schema_name = \'schema_books.json\'');
const columnsOf = (name) => instance.psql('SELECT attname FROM pg_attribute WHERE attrelid = ' +
	`'${name}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1`).split('\n');

/* Whether `check` holds within some seconds. */
async function soon(what, check) {
	const end = Date.now() + 5000;
	while (!await check())
		assert.ok(Date.now() < end, what);
}

test('only administrators', async () => {
	const { id } = await worldRow(people.root, 'book');
	for (const client of [people.alice, people.guest])
		for (const action of ['remove_column', 'rename_column', 'remove_table'])
			assert.ok([401, 403, 404].includes((await client.action('world', action,
				{ world_id: id, column_name: 'kept', new_column_name: 'x' })).status));
	instance.psql('UPDATE action SET permission = 2097151 WHERE action_name = \'remove_column\';' +
		'UPDATE world SET permission = 2097151 WHERE table_name IN (\'world\', \'book\')');
	refused(await people.alice.action('world', 'remove_column',
		{ world_id: id, column_name: 'kept' }), 403);
});

test('what can\'t be changed is refused, and nothing happens', async () => {
	for (const [name, status] of [['nothing', 400], ['id', 403], ['reference_id', 403],
		['permission', 403], ['user_account_id', 403], ['', 400]])
		refused(await remove(name), status);
	refused(await remove('email', 'user_account'), 403);
	refused(await remove('source_reference_id', 'book_audit'), 403);
	refused(await remove('authors', 'author_authors_has_loan_loans'), 403);
	refused(await rename('title', 'isbn'), 409);
	refused(await rename('title', 'author_id'), 409);
	refused(await rename('title', 'operation'), 409);
	refused(await rename('title', 'ctid'), 400);
	refused(await rename('title', '9 lives;'), 400);
	refused(await reshape(people.root, 'remove_table', 'user_account'), 403);
	refused(await reshape(people.root, 'remove_table', 'book_audit'), 403);
	refused(await people.root.action('world', 'remove_table', {
		world_id: '00000000-0000-4000-8000-00000000dead' }), 404);
});

test('what mentions it stands in the way, all of it named', async () => {
	assert.match(messages(refused(await remove('used'), 409)), /action use of book/);
	assert.match(messages(refused(await rename('used', 'worn'), 409)), /action use of book/);
	assert.match(messages(refused(await remove('seen'), 409)), /stream seen_books/);
	assert.match(messages(refused(await remove('shelf'), 409)), /composite key/);
	assert.match(messages(refused(await remove('title'), 409)), /default order/);
	assert.match(messages(refused(await remove('kept'), 409)), /rule of again/);
	const answer = refused(await reshape(people.root, 'remove_table', 'book'), 409);
	assert.match(messages(answer), /stream seen_books/);
	assert.match(messages(answer), /column loan.book_id/);
});

test('a dry run shows the statements and does nothing', async () => {
	const answer = expect(await reshape(people.root, 'rename_column', 'book',
		{ column_name: 'title', new_column_name: 'name' }, { dry_run: true }), 200);
	const { statements } = item(answer, 'action.response');
	assert.ok(statements.includes('ALTER TABLE "book" RENAME COLUMN "title" TO "name"'), answer.text);
	assert.ok(statements.includes('ALTER TABLE "book_audit" RENAME COLUMN "title" TO "name"'));
	assert.ok(!statements.some((one) => /DROP|CREATE/.test(one)), answer.text);
	assert.ok(columnsOf('book').includes('title'));
	expect(await people.root.get('/api/book?sort=title'), 200);
	assert.equal(instance.psql('SELECT count(*) FROM actd_schema_change'), '0');
});

test('a renamed column keeps its values, indexes, history and rules', async () => {
	const { id } = await people.root.made('book', { title: 'Emma', blurb: 'long', shelf: 'a', place: '1' });
	expect(await people.root.update('book', id, { title: 'Emma!' }), 200);
	expect(await other.get('/api/book'), 200);
	const indexes = () => instance.psql('SELECT count(*) FROM pg_index WHERE indrelid = \'book\'::regclass');
	const before = indexes();
	const answer = expect(await rename('title', 'Full Name'), 200);
	assert.equal(messages(answer), 'Column renamed');
	assert.deepEqual((await rename('full_name', 'full name')).json, []);
	expect(await rename('blurb', 'summary'), 200);
	expect(await rename('place', 'spot'), 200);
	assert.equal(indexes(), before);
	const names = instance.psql('SELECT relname FROM pg_class WHERE relname LIKE \'book.%\'').split('\n');
	for (const name of ['book.full_name.idx', 'book.summary.fts', 'book.shelf,spot.key'])
		assert.ok(names.includes(name), `${name} in ${names}`);

	const { json } = expect(await people.root.get(`/api/book/${id}`), 200);
	assert.equal(json.data.attributes.full_name, 'Emma!');
	assert.ok(!('title' in json.data.attributes));
	refused(await people.root.get('/api/book?sort=title'), 400);
	const history = expect(await people.root.get('/api/book_audit?sort=full_name'), 200);
	assert.ok(history.json.data.some((row) => row.attributes.full_name === 'Emma'));
	refused(await people.root.create('book', { summary: 'x' }), 422);
	refused(await people.root.create('book', { shelf: 'a', spot: '1' }), 409);
	await soon('the other node', async () => (await other.get('/api/book?sort=full_name')).status === 200);

	const schema = await downloaded();
	assert.ok(columnsIn(schema, 'book').includes('full_name'));
	assert.ok(!columnsIn(schema, 'book').includes('title'));
	const book = schema.Tables.find((one) => one.TableName === 'book');
	assert.deepEqual(book.CompositeKeys, [['shelf', 'spot']]);
	assert.equal(book.DefaultOrder, '-full_name');
	assert.deepEqual(book.Validations.map((one) => one.ColumnName).sort(), ['again', 'summary']);
	assert.match(stored(), /"full_name"/);
	assert.ok(!stored().includes('"title"') || JSON.parse(stored()).Tables[0].Columns
		.every((one) => one.ColumnName !== 'title'));
});

test('a renamed key keeps its relation', async () => {
	const author = await people.root.made('author', { name: 'Ann' });
	const book = await people.root.made('book', { author_id: author.id, shelf: 'b' });
	expect(await rename('author_id', 'writer_id'), 200);
	const { json } = expect(await people.root.get(`/api/book/${book.id}?included_relations=writer_id`), 200);
	assert.equal(json.data.relationships.writer_id.data.id, author.id);
	assert.equal(json.included[0].attributes.name, 'Ann');
	assert.ok(!('author_id' in json.data.relationships));
	assert.equal(instance.psql('SELECT conname FROM pg_constraint WHERE conname LIKE ' +
		'\'book.%_id.fkey\' ORDER BY 1'), 'book.user_account_id.fkey\nbook.writer_id.fkey');
	assert.equal(instance.psql('SELECT count(*) FROM pg_index i JOIN pg_attribute a ON ' +
		'a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE a.attname = \'writer_id\' AND ' +
		'i.indrelid = \'book\'::regclass'), '1');
	const schema = await downloaded();
	assert.deepEqual(schema.Relations.filter((one) => one.Subject === 'book' && one.Object === 'author')
		.map((one) => one.ObjectName), ['writer_id']);
});

test('a removed column is gone everywhere, also from history', async () => {
	const { id } = await people.root.made('book', { again: 'once', kept: 'once', shelf: 'c' });
	expect(await people.root.update('book', id, { shelf: 'd' }), 200);
	const answer = expect(await remove('again'), 200);
	assert.equal(messages(answer), 'Column deleted');
	assert.ok(!columnsOf('book').includes('again'));
	assert.ok(!columnsOf('book_audit').includes('again'));
	const { json } = expect(await people.root.get(`/api/book/${id}`), 200);
	assert.ok(!('again' in json.data.attributes));
	refused(await people.root.get('/api/book?sort=again'), 400);
	assert.ok(!columnsIn(await downloaded(), 'book').includes('again'));
	assert.ok(!stored().includes('again'));
	assert.ok(!(await people.root.get('/jsmodel/book')).text.includes('"again"'));
	await soon('the other node', async () => (await other.get('/api/book?sort=again')).status === 400);
	expect(await other.get('/api/book'), 200);
});

test('a removed key takes its relation along', async () => {
	expect(await remove('writer_id'), 200);
	const schema = await downloaded();
	assert.ok(!schema.Relations.some((one) => one.Subject === 'book' && one.Object === 'author'));
	const { json } = expect(await people.root.get('/jsmodel/author'), 200);
	assert.ok(!Object.values(json.ColumnModel).some((one) => one.type === 'book'));
});

test('a table is removed with its history, states, links and actions', async () => {
	await people.root.load('schema_hold.json', JSON.stringify({ Relations: [
		relation('book', 'has_one', 'loan', { ObjectName: 'held_id', SubjectName: 'holders' })] }));
	assert.match(messages(refused(await reshape(people.root, 'remove_table', 'loan'), 409)),
		/column book.held_id/);
	expect(await remove('held_id'), 200);
	const answer = expect(await reshape(people.root, 'remove_table', 'loan'), 200);
	assert.equal(messages(answer), 'Table deleted');
	assert.equal(instance.psql('SELECT string_agg(relname, \' \') FROM pg_class WHERE ' +
		'relkind = \'r\' AND relname LIKE \'%loan%\''), '');
	assert.equal(instance.psql('SELECT count(*) FROM world WHERE table_name LIKE \'%loan%\''), '0');
	assert.equal(instance.psql('SELECT count(*) FROM action WHERE action_name = \'lend\''), '0');
	refused(await people.root.get('/api/loan'), 404);
	assert.ok(!JSON.stringify(await downloaded()).includes('loan'));
	assert.ok(!stored().includes('"loan"'));
	await soon('the other node', async () => (await other.get('/api/loan')).status === 404);
});

test('neither a restart nor a file of the folder brings it back', async () => {
	fs.writeFileSync(path.join(instance.folder, 'schema/schema_books.json'), JSON.stringify(
		{ ...BOOKS, Streams: [] }));
	const check = async () => {
		const names = columnsOf('book');
		for (const name of ['title', 'blurb', 'place', 'again', 'author_id', 'writer_id', 'held_id'])
			assert.ok(!names.includes(name), name);
		assert.ok(names.includes('full_name'));
		assert.equal(instance.psql('SELECT count(*) FROM world WHERE table_name = \'loan\''), '0');
		expect(await people.root.get('/api/book?sort=full_name'), 200);
	};
	expect(await people.root.action('world', 'restart_daptin'), 200);
	await check();
	instance.command('stop');
	instance.command('start');
	/* connections that were kept alive are not any more */
	await soon('it answers again', () => people.root.get('/api/book')
		.then((answer) => answer.status === 200, () => false));
	await check();
});

test('an upload brings it back, for it says so', async () => {
	await people.root.load('schema_again.json', JSON.stringify({ Tables: [
		{ TableName: 'book', Columns: [column('again')] }, table('loan', [column('who')])] }));
	assert.ok(columnsOf('book').includes('again'));
	expect(await people.root.action('world', 'restart_daptin'), 200);
	assert.ok(columnsOf('book').includes('again'));
	assert.ok(!columnsOf('book').includes('title'));
	expect(await people.root.get('/api/loan'), 200);
});

test('reads go on while columns come and go', async () => {
	let done = false;
	const statuses = new Set();
	after(() => done = true);
	const readers = Array.from({ length: 4 }, async (_, i) => {
		while (!done)
			statuses.add((await (i % 2 ? other : people.root).get('/api/book')).status);
	});
	for (let i = 0; i < 4; i++) {
		await people.root.load('schema_turn.json', JSON.stringify({ Tables: [
			{ TableName: 'book', Columns: [column('turn')] }] }));
		expect(await rename('turn', 'turned'), 200);
		expect(await remove('turned'), 200);
	}
	done = true;
	await Promise.all(readers);
	for (const status of statuses)
		assert.ok([200, 409, 503].includes(status), `${status}`);
});
