/*
 * export_test.js: exports in all formats, dumps and their way back.
 */
'use strict';

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('node:util');
const { ACTD, SANITIZED, startInstance } = require('./lib/instance.js');
const { expect, fileOf, item, messages, refused, schemaFile, settle, signIn } =
	require('./lib/client.js');
const { until } = require('./lib/wait.js');

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

describe('a table', () => {
	for (const [format, action, input] of [
		['csv', 'upload_csv_to_system_schema', 'data_csv_file'],
		['xlsx', 'upload_xls_to_system_schema', 'data_xls_file']])
		test(`in ${format} comes back with the very same texts`, async () => {
			const file = Buffer.from(item(expect(await root.action('world', 'export_data',
				{ table_name: 'book', format }), 200), 'client.file.download').content,
			'base64');
			expect(await root.action('world', action, { entity_name: `copy_${format}`,
				create_if_not_exists: true, [input]: [fileOf(`copy.${format}`, file)] }), 200);
			const texts = (table) => instance.psql(`SELECT string_agg(to_json(title)::text, ' ' ` +
				`ORDER BY title COLLATE "C") FROM ${table}`);
			assert.equal(texts(`copy_${format}`), texts('book'));
		});
});

describe('a dump made by hand', () => {
	const imported = async (name, content, members) =>
		restore(root, name, content, members);

	test('comes in all formats, with what rows lack', async () => {
		const dumps = {
			'a.json': '{"author":[{"name":"json"}]}',
			'a.yaml': '# by hand\nauthor:\n- name: yaml\n- {name: "yaml two"}\n',
			'a.toml': '[[author]]\nname = "toml"\n',
			'a.hcl': 'author {\n  name = "hcl"\n}\n',
			'a.jsonl': '{"__type":"author","name":"jsonl"}\n',
		};
		for (const [name, text] of Object.entries(dumps)) {
			expect(await imported(name, text), 200);
			const [found] = instance.psql(`SELECT reference_id IS NOT NULL, permission, ` +
				`created_at IS NOT NULL, version FROM author WHERE name = ` +
				`'${name.slice(2)}'`).split('\n');
			assert.match(found, /^t\|\d+\|t\|1$/, name);
		}
		const made = await root.made('author', { name: 'after' });
		assert.ok(made.id);
	});

	test('names every fault by table, row and column, and does nothing', async () => {
		const count = instance.psql('SELECT count(*) FROM author');
		const answer = refused(await imported('bad.json', JSON.stringify({
			author: [{ name: 'good' }, { name: null }, { name: 'x', nonsense: 1 }],
			nowhere: [{ a: 1 }],
			book: [{ title: 'b', author_id: 'nobody' }],
		})), 422);
		for (const text of [/author, row 2: name is required/, /author\.nonsense/,
			/nowhere is not known/, /book, row 1: author_id/])
			assert.match(messages(answer), text);
		assert.equal(instance.psql('SELECT count(*) FROM author'), count);
		refused(await imported('bad.json', '{"author":[{"name":"x"}'), 422);
		refused(await imported('bad.json', '{"author":[{"name":"x"} {}]}'), 422);
		refused(await imported('bad.yaml', 'author:\n- name: [\n'), 422);
		refused(await imported('bad.toml', `[[author]]\nname = "${'x'.repeat(1 << 20)}"`), 413);
		assert.equal(instance.psql('SELECT count(*) FROM author'), count);
	});

	test('leaves out what is not known where that is asked for', async () => {
		const answer = expect(await imported('some.json', JSON.stringify({
			author: [{ name: 'known', nonsense: 1 }], nowhere: [{ a: 1 }],
		}), { skip_unknown: true }), 200);
		assert.deepEqual(item(answer, 'action.response').unknown.sort(),
			['author.nonsense', 'nowhere']);
	});

	test('of 2018 has its names and permissions understood', async () => {
		expect(await imported('old.json', JSON.stringify({
			user: [{ id: 9001, name: 'old', email: 'old@example.com', permission: 127127067,
				reference_id: '11111111-1111-4111-8111-111111111111',
				user_id: 9001, deleted_at: null }],
			author: [{ name: 'of old', permission: 3003003, user_id: 9001 }],
		})), 200);
		assert.equal(instance.psql('SELECT u.permission, u.user_account_id = u.id, ' +
			'a.permission, a.user_account_id = u.id FROM user_account u, author a ' +
			`WHERE u.email = 'old@example.com' AND a.name = 'of old'`),
		'2097091|t|49539|t');
	});

	test('meets an account by its address, and keys follow', async () => {
		const id = instance.psql(
			`SELECT id FROM user_account WHERE email = 'bob@example.com'`);
		expect(await imported('meets.json', JSON.stringify({
			user_account: [{ id: 777777, name: 'Bobby', email: 'BOB@example.com' }],
			author: [{ name: 'of bob', user_account_id: 777777 }],
		})), 200);
		assert.equal(instance.psql(
			`SELECT user_account_id FROM author WHERE name = 'of bob'`), id);
		assert.equal(instance.psql(`SELECT name FROM user_account WHERE id = ${id}`), 'Bobby');
	});

	test('is nothing for plain users, whoever lets them run the action', async () => {
		refused(await restore(bob, 'a.json', '{"author":[]}'), 403);
		instance.psql(`UPDATE action SET permission = 2097151 WHERE action_name IN ` +
			`('import_data', 'export_data')`);
		instance.psql(`UPDATE world SET permission = permission | 32 WHERE table_name = 'world'`);
		await root.action('world', 'restart_daptin');
		refused(await restore(bob, 'a.json', '{"author":[]}'), 403);
	});

	test('is never wider than what a plain user may read', async () => {
		refused(await fetched(bob, { include_secrets: true }), 403);
		const dump = expect(await fetched(bob, {}), 200).json;
		const text = JSON.stringify(dump);
		assert.ok(!/\$2[aby]\$/.test(text));
		for (const [table, rows] of Object.entries(dump))
			for (const row of rows) {
				assert.ok(!('password' in row) && !('auth_version' in row), table);
				assert.ok(!('id' in row), table);
			}
		assert.deepEqual((dump.user_account ?? []).map((row) => row.email).sort(),
			expect(await bob.get('/api/user_account?page[size]=1000'), 200)
				.json.data.map((row) => row.attributes.email).sort());
	});
});

describe('on the command line', () => {
	const actd = (...words) => spawnSync(ACTD, words, { encoding: 'utf8', env: {
		...instance.environment,
		ACTD_DATABASE: `host=${instance.folder}/run user=actd dbname=actd`,
		ACTD_KEYS_FILE: path.join(instance.folder, 'keys'),
		ACTD_FILES_FOLDER: path.join(instance.folder, 'files'),
		ACTD_SCHEMA_FOLDER: path.join(instance.folder, 'schema'),
		ACTD_CONFIG: path.join(instance.folder, 'actd.yaml'),
	} });

	test('an export is a file, whole or not at all, and comes back', () => {
		const file = path.join(instance.folder, 'author.yaml');
		const out = actd('export', '--table', 'author', file);
		assert.equal(out.status, 0, out.stderr);
		assert.equal(fs.statSync(file).mode & 0o777, 0o600);
		const count = instance.psql('SELECT count(*) FROM author');
		instance.psql('DELETE FROM book');
		instance.psql('DELETE FROM author');
		const back = actd('import-dump', file);
		assert.equal(back.status, 0, back.stderr);
		assert.match(back.stdout, new RegExp(`author: ${count} created`));
		assert.equal(instance.psql('SELECT count(*) FROM author'), count);
		assert.notEqual(actd('import-dump', file).status, 0);
		assert.equal(actd('export').status, 64);
		assert.notEqual(actd('export', '--table', 'none', file).status, 0);
	});
});

describe('large dumps', () => {
	const ROWS = 200000;
	const MEGABYTE = 1024; /* of kB, as /proc has it */

	/* The most private memory of a worker of the long pool while `work` runs. */
	async function peakOf(work) {
		let most = 0;
		const look = () => {
			for (const pid of instance.processes('long worker')) {
				const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
				most = Math.max(most, Number(/RssAnon:\s+(\d+)/.exec(status)[1]));
			}
		};
		const timer = setInterval(look, 50);
		const result = await work();
		clearInterval(timer);
		return { most, result };
	}

	before(() => {
		instance.psql(`INSERT INTO author (name, permission) ` +
			`SELECT 'author number ' || g, 2097057 FROM generate_series(1, ${ROWS}) g`);
	});

	for (const format of ['json', 'yaml', 'csv', 'xlsx'])
		test(`go out as ${format} in bounded memory`, async () => {
			const { most, result } = await peakOf(
				() => fetched(root, { table_name: 'author', format }));
			expect(result, 200);
			assert.ok(SANITIZED || most < 64 * MEGABYTE, `${most} kB`);
		});

	const curl = (query, ...words) => promisify(execFile)('curl', ['-sS', '-o', '/dev/null',
		'-w', '%{http_code} %header{content-length}', ...words,
		'-H', `Authorization: Bearer ${root.token}`,
		`${instance.url}/action/world/export_data?download${query}`], { timeout: 60000 });

	test('are sent while they are made, to clients that see where they end', async () => {
		assert.equal((await curl('&table_name=author')).stdout, '200 ');
		assert.match((await curl('&table_name=author', '--http1.0')).stdout, /^200 \d{8}$/);
	});

	/* Locks book until an export waits for it, and ends what it reads by. */
	const lockedBook = (end) => promisify(execFile)('psql', [...instance.databaseArguments(),
		'-XAtq', '-c', `DO $$ BEGIN LOCK TABLE book; FOR i IN 1..1000 LOOP
			PERFORM pg_stat_clear_snapshot();
			PERFORM ${end} FROM pg_stat_activity
				WHERE application_name = 'actd long' AND wait_event_type = 'Lock';
			EXIT WHEN FOUND;
			PERFORM pg_sleep(0.01);
		END LOOP; END $$`], { env: instance.environment });

	const killWorkers = async () => {
		await until('the export waits', () => instance.psql(
			'SELECT count(*) FROM pg_stat_activity WHERE ' +
			`application_name = 'actd long' AND wait_event_type = 'Lock'`) === '1');
		for (const pid of instance.processes('long worker'))
			process.kill(pid, 'SIGKILL');
	};

	for (const [what, end, also] of [
		['whose connection breaks', 'pg_terminate_backend(pid)', () => {}],
		['whose worker is killed', 'pg_sleep(1)', killWorkers]])
		test(`${what} in the middle do not look whole`, async () => {
			const locked = lockedBook(end);
			await until('the lock', () => instance.psql('SELECT count(*) FROM pg_locks WHERE granted ' +
				`AND mode = 'AccessExclusiveLock' AND relation = 'book'::regclass`) === '1');
			const [answer] = await Promise.all([
				curl('').then(() => null, (error) => error), also(), locked]);
			assert.equal(answer?.code, 18, 'curl saw a whole answer');
			assert.match(answer.stdout, /^200/);
			expect(await fetched(root, { table_name: 'author' }), 200);
		});

	test('whose client goes away end soon', async () => {
		const stop = new AbortController();
		const answer = await fetch(
			`${instance.url}/action/world/export_data?table_name=author&download`,
			{ headers: { authorization: `Bearer ${root.token}` }, signal: stop.signal });
		assert.equal(answer.status, 200);
		stop.abort();
		await until('the end', () => instance.psql('SELECT count(*) FROM pg_stat_activity WHERE ' +
			`application_name = 'actd long' AND state <> 'idle'`) === '0');
	});

	test('that can not be made at all are refused as ever', async () => {
		const refusal = async (query, ...statuses) => refused(await root.get(
			`/action/world/export_data?download&${query}`), ...statuses);
		await refusal('table_name=nothing', 404);
		await refusal('table_name=author&format=pdf', 400);
		instance.psql('ALTER TABLE author RENAME TO author_away');
		try {
			await refusal('table_name=author', 503);
		} finally {
			instance.psql('ALTER TABLE author_away RENAME TO author');
		}
		expect(await fetched(root, { table_name: 'author' }), 200);
	});

	test('are not sent in base64', async () => {
		const answer = refused(await root.action('world', 'export_data',
			{ table_name: 'author' }), 413);
		assert.match(messages(answer), /application\/octet-stream/);
	});

	for (const format of ['json', 'yaml'])
		test(`come in as ${format} in bounded memory`, async () => {
			const dump = expect(await fetched(root, { table_name: 'author', format }), 200);
			const form = new FormData();
			form.append('dump_file', new Blob([dump.text]), `big.${format}`);
			form.append('truncate_before_insert', 'true');
			const count = instance.psql('SELECT count(*) FROM author');
			const { most, result } = await peakOf(() => fetch(
				`${instance.url}/action/world/import_data`, { method: 'POST', body: form,
					headers: { authorization: `Bearer ${root.token}` } }));
			assert.equal(result.status, 200, await result.text());
			assert.ok(SANITIZED || most < 64 * MEGABYTE, `${most} kB`);
			assert.equal(instance.psql('SELECT count(*) FROM author'), count);
		});

	test('leave nothing where the worker is killed in the middle', async () => {
		const dump = expect(await fetched(root, { table_name: 'author' }), 200);
		const count = instance.psql('SELECT count(*) FROM author');
		const form = new FormData();
		form.append('dump_file', new Blob([dump.text.replaceAll(
			/"(id|reference_id)":("[^"]*"|\d+),?/g, '')]), 'big.json');
		const answer = fetch(`${instance.url}/action/world/import_data`, { method: 'POST',
			body: form, headers: { authorization: `Bearer ${root.token}` } });
		await until('the import', () => instance.psql(`SELECT count(*) FROM pg_stat_activity WHERE ` +
			`application_name = 'actd long' AND state <> 'idle' AND query ~ 'actd_dump'`) !== '0',
		{ every: 20 });
		for (const pid of instance.processes('long worker'))
			process.kill(pid, 'SIGKILL');
		const { status } = await answer;
		assert.ok([502, 503, 504].includes(status), String(status));
		assert.equal(instance.psql('SELECT count(*) FROM author'), count);
		assert.deepEqual(fs.readdirSync(path.join(instance.folder, 'files')), []);
	});
});

describe('Imports of a schema', () => {
	test('load once', async () => {
		const folder = path.join(instance.folder, 'schema');
		fs.writeFileSync(path.join(folder, 'first.json'),
			'{"author":[{"name":"imported by schema"}]}');
		fs.writeFileSync(path.join(folder, 'pets.csv'), 'name,born\nRex,2020-01-02\n');
		fs.writeFileSync(path.join(folder, 'schema_imports.yaml'), [
			'Imports:',
			'- {FilePath: first.json, Entity: author, FileType: json}',
			'- {FilePath: pets.csv, Entity: pet, FileType: csv}',
			'- {FilePath: absent.csv, Entity: pet, FileType: csv}'].join('\n'));
		for (let i = 0; i < 2; i++)
			expect(await root.action('world', 'restart_daptin'), 200);
		assert.equal(instance.psql(
			`SELECT count(*) FROM author WHERE name = 'imported by schema'`), '1');
		assert.equal(expect(await root.get('/api/pet'), 200).json.data.length, 1);
		fs.writeFileSync(path.join(folder, 'schema_imports.yaml'),
			'Imports:\n- {FilePath: ../keys, Entity: author, FileType: json}\n');
		refused(await root.action('world', 'restart_daptin'), 422);
	});
});
