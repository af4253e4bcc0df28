/*
 * export_test.js: exports in all formats, dumps and their way back.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { expect, fileOf, item, messages, refused, schemaFile, settle, signIn } =
	require('./lib/client.js');

let instance;
let guest;
let root;
let bob;

before(async () => {
	instance = await startInstance();
	({ guest, root, bob } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	const author = await root.made('author', { name: 'Jane Austen' });
	for (const title of ['Emma', '=1+1', 'a "b", c\nd', '\'-x', 'é\u2028\u0085\ufeff'])
		await root.made('book', { title, author_id: author.id });
});

after(() => instance?.stop());

const contentOf = (answer) =>
	Buffer.from(item(expect(answer, 200), 'client.file.download').content, 'base64')
		.toString('utf8');

const fetched = (client, attributes, accept = 'application/octet-stream') =>
	client.request('POST', '/action/world/export_data', { body: { attributes },
		type: 'application/json', headers: { accept } });

describe('an export', () => {
	test('of everything is Daptin\'s dump', async () => {
		const answer = await root.action('world', 'export_data');
		const dump = JSON.parse(contentOf(answer));
		const file = item(answer, 'client.file.download');
		assert.equal(file.name, 'daptin_dump_complete.json');
		assert.equal(file.contentType, 'application/json');
		assert.equal(file.message, 'Downloading data');
		assert.equal(dump.book.length, 5);
		assert.equal(dump.book[0].__type, 'book');
		assert.equal(typeof dump.book[0].author_id, 'number');
		assert.ok(dump.user_account.length >= 4);
		assert.ok(!('password' in dump.user_account[0]));
		assert.ok(Array.isArray(dump.world));
	});

	test('comes as a plain file where that is asked for', async () => {
		const answer = expect(await fetched(root, { table_name: 'book' }), 200);
		assert.equal(answer.headers.get('content-type'), 'application/json');
		assert.match(answer.headers.get('content-disposition'),
			/attachment; filename="daptin_dump_book.json"/);
		assert.deepEqual(Object.keys(answer.json), ['book']);
		const whole = contentOf(await root.action('world', 'export_data',
			{ table_name: 'book' }));
		assert.equal(answer.text, whole);
		const got = expect(await root.get(
			'/action/world/export_data?table_name=book&format=jsonl&download'), 200);
		assert.equal(got.text.trim().split('\n').length, 5);
	});

	test('has text in CSV that no spreadsheet runs', async () => {
		const csv = contentOf(await root.action('world', 'export_csv_data',
			{ table_name: 'book' }));
		const column = csv.split('\r\n')[0].split(',').indexOf('title');
		assert.ok(column > 0, csv);
		assert.ok(csv.includes(`"'=1+1"`), csv);
		assert.ok(csv.includes(`"''-x"`), csv);
		assert.ok(csv.includes(`"a ""b"", c\nd"`), csv);
	});

	test('is read in every format that it can have', async () => {
		for (const format of ['json', 'yaml', 'jsonl', 'csv', 'xlsx'])
			for (const table_name of ['book', undefined]) {
				const answer = await fetched(root, { table_name, format });
				expect(answer, 200);
				assert.ok(answer.text.length > 100, format);
			}
	});

	test('of a subject is of the table that it describes', async () => {
		const [world] = expect(await root.get('/api/world?query=' + encodeURIComponent(
			JSON.stringify([{ column: 'table_name', operator: 'is', value: 'author' }]))),
		200).json.data;
		const dump = JSON.parse(contentOf(await root.action('world', 'export_data',
			{ world_id: world.id })));
		assert.deepEqual(Object.keys(dump), ['author']);
	});

	test('names what is wrong', async () => {
		assert.match(messages(refused(await root.action('world', 'export_data',
			{ table_name: 'nothing' }), 404)), /nothing/);
		assert.match(messages(refused(await root.action('world', 'export_data',
			{ format: 'pdf' }), 400)), /json, yaml, jsonl, csv, xlsx/);
	});

	test('is for those who may execute it, and gives them what they may see', async () => {
		refused(await bob.action('world', 'export_data'), 403);
		refused(await guest.action('world', 'export_data'), 403);
	});
});

/* Table -> digest of all its rows, as PostgreSQL writes them. */
function digests(one, leaveOut = {}) {
	const tables = one.psql('SELECT table_name FROM world ORDER BY 1').split('\n');
	const parts = tables.map((table) => {
		const row = (leaveOut[table] ?? []).reduce(
			(value, column) => `${value} - '${column}'`, 'to_jsonb(t)');
		return `SELECT '${table}' AS name, count(*) || ' ' || ` +
			`coalesce(md5(string_agg((${row})::text, E'\\n' ORDER BY id)), '') ` +
			`AS digest FROM "${table}" t`;
	});
	return JSON.parse(one.psql('SELECT json_object_agg(name, digest) FROM (' +
		`${parts.join(' UNION ALL ')}) x`));
}

const restore = (client, name, content, members) =>
	client.action('world', 'import_data', { dump_file: [fileOf(name, content)], ...members });

describe('a dump', () => {
	let other;
	let stranger;
	let wanted;

	const dumped = async (members) => expect(await fetched(root, members), 200).text;

	/* Every run of an action is kept: those tables differ, as they must. */
	const identical = (leaveOut) => {
		const [found, expected] = [digests(other, leaveOut), digests(instance, leaveOut)];
		delete found.action_run;
		delete expected.action_run;
		assert.deepEqual(found, expected);
	};

	before(async () => {
		other = await startInstance();
		({ root: stranger } = await settle(other));
		await stranger.load('schema_library.yaml', schemaFile('schema_library.yaml'));
	});

	after(() => other?.stop());

	test('without secrets makes an empty instance identical but for them', async () => {
		const dump = await dumped({});
		assert.ok(!dump.includes('$2'));
		const answer = expect(await restore(stranger, 'dump.json', dump), 200);
		assert.equal(item(answer, 'action.response').tables.book.created, 5);
		identical({ user_account: ['password', 'auth_version'] });
	});

	test('is refused where its rows are there already, and nothing is done', async () => {
		const state = digests(other);
		refused(await restore(stranger, 'dump.json', await dumped({})), 401, 409);
		stranger = await signIn(other, 'root');
		const again = refused(await restore(stranger, 'dump.json', await dumped({})), 409);
		assert.match(messages(again), /author|book/);
		assert.deepEqual(digests(other), state);
	});

	test('that truncates needs the secrets', async () => {
		const answer = refused(await restore(stranger, 'dump.json', await dumped({}),
			{ truncate_before_insert: true }), 422);
		assert.match(messages(answer), /user_account: the dump has no password/);
	});

	for (const format of ['json', 'yaml', 'jsonl'])
		test(`in ${format} with secrets makes another instance identical`, async () => {
			await stranger.made('author', { name: `Nobody of ${format}` });
			const dump = await dumped({ include_secrets: true, format });
			expect(await restore(stranger, `dump.${format}`, dump,
				{ truncate_before_insert: true }), 200);
			identical({ user_account: ['auth_version'] });
			stranger = await signIn(other, 'root');
		});
});
