/*
 * import_test.js: tables of values into entities: what their files may look
 * like, what is done with bad ones, and who may do it.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { ACTD, SANITIZED, startInstance } = require('./lib/instance.js');
const { expect, fileOf, item, messages, refused,
	settle } = require('./lib/client.js');
const { until } = require('./lib/wait.js');

let instance;
let root;
let alice;
let guest;

before(async () => {
	instance = await startInstance();
	({ root, alice, guest } = await settle(instance));
});

after(() => instance?.stop());

const csv = (client, text, attributes, members) =>
	client.action('world', 'upload_csv_to_system_schema',
		{ data_csv_file: [fileOf('people.csv', text)], ...attributes }, members);

const report = (answer) => item(answer, 'action.response');

const columnsOf = (answer) => Object.fromEntries(report(answer).columns
	.map((column) => [column.name, column.column_type]));

const make = (client, entity, text, more) =>
	csv(client, text, { entity_name: entity, create_if_not_exists: true, ...more });

/* All rows of an entity, in the order of their ids. */
async function rows(entity, client = root) {
	const answer = expect(await client.get(`/api/${entity}?sort=reference_id&page[size]=500`), 200);
	return answer.json.data.map((row) => row.attributes);
}

const count = (entity) => Number(instance.psql(`SELECT count(*) FROM ${entity}`));

describe('new entities', () => {
	test('a file makes an entity that answers the next request', async () => {
		const answer = expect(await make(root, 'people',
			'First Name,e-mail,age,joined,score,active\r\n' +
			'Ann,ann@example.com,31,2024-02-29,1.50,true\r\n' +
			'"Lee, Bob",bob@example.com,42,2023-01-01,20.25,false\r\n'), 200);
		assert.equal(report(answer).created, 2);
		assert.match(messages(answer), /Initiating system update/);
		assert.deepEqual(columnsOf(answer), { first_name: 'label', e_mail: 'email',
			age: 'measurement', joined: 'date', score: 'float', active: 'truefalse' });
		const [ann, bob] = await rows('people');
		assert.equal(ann.first_name, 'Ann');
		assert.equal(ann.age, 31);
		assert.equal(ann.joined, '2024-02-29T00:00:00Z');
		assert.equal(ann.active, true);
		assert.equal(bob.first_name, 'Lee, Bob');
		assert.equal(bob.score, 20.25);
	});

	test('types are found, and what looks like a code stays text', async () => {
		const answer = expect(await make(root, 'typed',
			'zip,big,small,clock,half,url,lat,lng,spot,doc,us,mixed,flag,empty\n' +
			'01234,4294967296,1,15:04,3:04 PM,https://example.com/a,52.5,13.4,"52.5, 13.4",' +
			'"{""a"":1}",12/31/2025,1,yes,\n' +
			'00001,5,-20,16:05:06,11:59 am,http://example.org,-1,-170,"-1.5,2.5",' +
			'"[1]",01/02/2025,x,no,\n'), 200);
		assert.deepEqual(columnsOf(answer), { zip: 'label', big: 'measurement',
			small: 'measurement', clock: 'time', half: 'time', url: 'url',
			lat: 'location.latitude', lng: 'location.longitude', spot: 'location',
			doc: 'json', us: 'date', mixed: 'label', flag: 'truefalse', empty: 'label' });
		const [row] = await rows('typed');
		assert.equal(row.zip, '01234');
		assert.equal(row.big, 4294967296);
		assert.match(row.half, /T15:04:00Z/);
		assert.equal(row.us, '2025-12-31T00:00:00Z');
		assert.equal(row.flag, true);
		assert.equal(row.empty, null);
	});

	test('dates that could be two are text', async () => {
		const answer = expect(await make(root, 'twofold', 'd\n01/02/2025\n03/04/2025\n'), 200);
		assert.deepEqual(columnsOf(answer), { d: 'label' });
	});

	test('one value in a thousand that disagrees is asked about', async () => {
		const lines = Array.from({ length: 2000 }, (_, i) => String(i + 2));
		lines[1234] = 'n/a';
		const text = `n\n${lines.join('\n')}\n`;
		const answer = refused(await make(root, 'doubtful', text), 422);
		assert.match(messages(answer), /people.csv: row 1236, column n: "n\/a".*column_types/);
		assert.equal((await root.get('/api/doubtful')).status, 404);
		const said = expect(await make(root, 'doubtful', text,
			{ column_types: { n: 'label' } }), 200);
		assert.deepEqual(columnsOf(said), { n: 'label' });
		refused(await make(root, 'doubtful_too', text, { column_types: { n: 'integer' } }), 422);
	});

	test('names are cleaned; those of standard columns get col_', async () => {
		const answer = expect(await make(root, 'My Names!',
			'First Name,my 2nd col,u i d,permission,name,date,???,1st\na,b,c,d,e,f,g,h\n'),
		200);
		assert.equal(report(answer).entity, 'my_names');
		assert.deepEqual(report(answer).columns.map((column) => column.name),
			['first_name', 'my2nd_col', 'u_id', 'col_permission', 'name', 'date',
				'col_7', 'col_1st']);
	});

	test('rows belong to who made them, with the entity\'s permission', async () => {
		const row = instance.psql('SELECT DISTINCT u.name, p.permission, p.version FROM people p ' +
			'JOIN user_account u ON u.id = p.user_account_id');
		assert.equal(row, 'root|2097057|1');
		assert.match(instance.psql('SELECT reference_id FROM people LIMIT 1'),
			/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
	});
});

describe('existing entities', () => {
	before(async () => {
		await root.load('schema_stock.yaml', `
Tables:
  - TableName: shelf
    Permission: 2097151
    DefaultPermission: 2097151
    Columns:
      - {ColumnName: label, ColumnType: label, DataType: varchar(50)}
  - TableName: item
    Permission: 2097151
    DefaultGroups: [users]
    Columns:
      - {ColumnName: sku, ColumnType: label, DataType: varchar(20), IsUnique: true}
      - {ColumnName: amount, ColumnType: measurement, DataType: int(11)}
      - {ColumnName: note, ColumnType: label, DataType: varchar(10), IsNullable: true}
      - {ColumnName: kind, ColumnType: label, DataType: varchar(10), DefaultValue: "'plain'"}
    Validations:
      - {ColumnName: note, Tags: "omitempty,alpha"}
Relations:
  - {Subject: item, Relation: belongs_to, Object: shelf}
`);
	});

	const items = (client, text, more) => csv(client, text, { entity_name: 'item', ...more });

	async function shelf(client = root) {
		return (await client.made('shelf', { label: 'one' })).id;
	}

	test('rows with keys, defaults and group links', async () => {
		const id = await shelf();
		const answer = expect(await items(root,
			`sku,amount,kind,shelf_id,unknown\na1,5,,${id},x\na2,6,odd,${id},y\n`), 200);
		assert.equal(report(answer).created, 2);
		assert.match(messages(answer), /column unknown of the file is none of item/);
		const all = await rows('item');
		assert.deepEqual(all.map((row) => [row.sku, row.amount, row.kind, row.shelf_id]),
			[['a1', 5, 'plain', id], ['a2', 6, 'odd', id]]);
		assert.equal(count('item_item_id_has_usergroup_usergroup_id'), 2);
	});

	test('every fault is told with row, column and value, and nothing is done', async () => {
		const id = await shelf();
		const before = count('item');
		const answer = refused(await items(root, 'sku,amount,note,shelf_id\n' +
			`b1,5,fine,${id}\nb2,many,fine,${id}\nb3,7,much too long,nowhere\n` +
			`b4,,fine,${id}\n`), 422);
		const told = messages(answer);
		assert.match(told, /people.csv: row 3, column amount, value "many": amount must be/);
		assert.match(told, /row 4, column note, value "much too long"/);
		assert.match(told, /row 5, column amount: amount is required/);
		assert.equal(count('item'), before);
	});

	test('values that must be unique: in the file, and beside the table', async () => {
		const id = await shelf();
		const before = count('item');
		const answer = refused(await items(root, 'sku,amount,shelf_id\n' +
			`c1,1,${id}\nc1,2,${id}\na1,3,${id}\n`), 422);
		assert.match(messages(answer), /row 3, column sku, value "c1".*earlier row/);
		assert.match(messages(answer), /row 4, column sku, value "a1": There is a item/);
		assert.equal(count('item'), before);
	});

	test('a key must lead to a row that the caller may refer to', async () => {
		const id = await shelf();
		const hidden = await shelf();
		instance.psql(`UPDATE shelf SET permission = 3, user_account_id = NULL ` +
			`WHERE reference_id = '${id}'`);
		instance.psql(`UPDATE shelf SET permission = 0, user_account_id = NULL ` +
			`WHERE reference_id = '${hidden}'`);
		const world = instance.psql('SELECT reference_id FROM action WHERE action_name = ' +
			'\'upload_csv_to_system_schema\'');
		expect(await root.update('action', world, { permission: 2097151 }), 200);
		const answer = refused(await items(alice, 'sku,amount,shelf_id\n' +
			`d1,1,${id}\nd2,1,${hidden}\nd3,1,00000000-0000-4000-8000-000000000000\n`), 422);
		assert.match(messages(answer), /row 2, column shelf_id.*may refer to/);
		assert.match(messages(answer), /row 3, column shelf_id.*is there/);
		assert.match(messages(answer), /row 4, column shelf_id.*is there/);
	});

	test('who may import makes no entities, columns or rights', async () => {
		refused(await make(alice, 'hers', 'a\n1\n'), 403);
		refused(await items(alice, 'sku,amount,extra\ne1,1,2\n',
			{ add_missing_columns: true }), 403);
		refused(await items(alice, 'sku,amount,permission\ne1,1,2097151\n'), 422);
		refused(await csv(guest, 'a\n1\n', { entity_name: 'world' }), 403, 422);
		for (const entity of ['usergroup', 'user_account', 'world', 'action',
			'user_account_user_account_id_has_usergroup_usergroup_id'])
			refused(await csv(root, 'name\nx\n', { entity_name: entity }), 422);
		instance.psql('UPDATE world SET permission = 2097151 - 4 - 512 - 65536 ' +
			'WHERE table_name = \'shelf\'');
		expect(await root.action('world', 'restart_daptin'), 200);
		refused(await csv(alice, 'label\nx\n', { entity_name: 'shelf' }), 403);
	});

	test('on_error: skip takes the good rows and gives the bad ones back', async () => {
		const id = await shelf();
		const before = count('item');
		const answer = expect(await items(root, 'sku,amount,note,shelf_id\n' +
			`f1,1,"fine",${id}\nf2,x,"quo""ted",${id}\na1,2,,${id}\nf3,3,,\n` +
			`f4,4,a b,${id}\nf5,5\n`, { on_error: 'skip' }), 200);
		assert.equal(report(answer).bad, 5);
		assert.equal(count('item'), before + 1);
		const file = item(answer, 'client.file.download');
		const text = Buffer.from(file.content, 'base64').toString();
		assert.match(text, /^row,reason,"sku","amount","note","shelf_id"\r\n/);
		assert.match(text, /^3,".*; amount must be.*","f2","x","quo""ted",/m);
		assert.match(text, /^4,"There is a item with this sku already.","a1","2",,/m);
		assert.match(text, /^7,"there are 2 fields, and 4 headings.","f5","5"\r$/m);
		assert.equal(text.trim().split('\r\n').length, 6);
	});

	test('update_on changes rows that are there and makes the others', async () => {
		const id = await shelf();
		const version = () => instance.psql(
			'SELECT version, amount, kind FROM item WHERE sku = \'a1\'');
		const before = version();
		const answer = expect(await items(root,
			`sku,amount,shelf_id\na1,77,${id}\ng1,78,${id}\n`, { update_on: 'sku' }), 200);
		assert.equal(report(answer).created, 1);
		assert.equal(report(answer).updated, 1);
		const [was, is] = [before, version()].map((text) => Number(text.split('|')[0]));
		assert.equal(is, was + 1);
		assert.equal(version().split('|').slice(1).join(), '77,plain');
		refused(await items(root, `sku,amount,shelf_id\nh,1,${id}\nh,2,${id}\n`,
			{ update_on: 'sku' }), 422);
		refused(await items(root, 'sku,amount\nh,1\n', { update_on: 'nothing' }), 422);
		const several = refused(await items(root, `kind,sku,amount,shelf_id\nplain,k1,1,${id}\n`,
			{ update_on: 'kind' }), 422);
		assert.match(messages(several), /row 2, column kind, value "plain".*several/);
	});

	test('update_on changes nothing that the caller may not change', async () => {
		instance.psql('UPDATE item SET permission = 3, user_account_id = NULL ' +
			'WHERE sku = \'a2\'');
		instance.psql('DELETE FROM item_item_id_has_usergroup_usergroup_id');
		const answer = refused(await items(alice, 'sku,amount\na2,1\n',
			{ update_on: 'sku' }), 422);
		assert.match(messages(answer), /may not change|required/);
	});

	test('dry_run tells what would happen, and does nothing', async () => {
		const before = count('item');
		const id = await shelf();
		const answer = expect(await items(root, 'sku,amount,color,shelf_id\n' +
			`i1,1,#aabbcc,${id}\ni2,x,#ffffff,${id}\n`,
		{ dry_run: true, add_missing_columns: true }), 200);
		const said = report(answer);
		assert.equal(said.rows, 2);
		assert.equal(said.bad, 1);
		assert.deepEqual(said.faults.map(({ row, column, value }) => [row, column, value]),
			[[3, 'amount', 'x']]);
		assert.ok(said.columns.find((column) => column.name === 'color').is_new);
		assert.equal(count('item'), before);
		assert.doesNotMatch(instance.psql('SELECT column_name FROM information_schema.columns ' +
			'WHERE table_name = \'item\''), /color/);
		expect(await make(root, 'never', 'a\n1\n', { dry_run: true }), 200);
		assert.equal((await root.get('/api/never')).status, 404);
	});

	test('add_missing_columns adds them', async () => {
		const id = await shelf();
		expect(await items(root, `sku,amount,weight,shelf_id\nj1,1,2.50,${id}\n`,
			{ add_missing_columns: true }), 200);
		const row = (await rows('item')).find(({ sku }) => sku === 'j1');
		assert.equal(row.weight, 2.5);
	});

	test('own exports come back as they were', async () => {
		expect(await make(root, 'formulas', 'text\n\'=1+1\n\'@x\n\'plain\n'), 200);
		assert.deepEqual((await rows('formulas')).map((row) => row.text),
			['=1+1', '@x', '\'plain']);
	});

	test('an entity that is not there', async () => {
		refused(await csv(root, 'a\n1\n', { entity_name: 'nowhere' }), 404);
		refused(await csv(root, 'a\n1\n', {}), 400);
		refused(await csv(root, 'a\n1\n', { entity_name: '!!!', create_if_not_exists: true }),
			422);
	});
});

describe('bad files', () => {
	const BAD = [
		['an unclosed quote', 'a,b\n1,"x\n2,y\n', /row 2/],
		['a quote within a field', 'a,b\n1,x"y\n', /row 2/],
		['a NUL', 'a,b\n1,x\0y\n', /row 2/],
		['bytes that are no UTF-8', Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x0a]), /row 2/],
		['more fields than headings', 'a,b\n1,2\n1,2,3\n', /row 3: there are 3 fields/],
		['fewer fields than headings', 'a,b\n1\n', /row 2: there are 1 fields/],
		['a heading twice', 'a,A\n1,2\n', /Multiple indices with the same name 'A'/],
		['an empty heading', 'a,,b\n1,2,3\n', /row 1: column 2 has no heading/],
		['100,000 columns', `${'a,'.repeat(100000)}b\n`, /row 1/],
		['a field without end', `a\n"${'x'.repeat(5 << 20)}`, /row 2/],
		['nothing', '', /nothing in it/],
		['a header alone', 'a,b\n', /less than 2 rows/],
	];

	for (const [what, text, told] of BAD)
		test(`CSV: ${what}`, async () => {
			const answer = refused(await make(root, 'bad', text), 422);
			assert.match(messages(answer), told);
			assert.equal((await root.get('/api/bad')).status, 404);
		});

	test('inputs that are none', async () => {
		refused(await make(root, 'bad', 'a\n1\n', { delimiter: 'x' }), 422);
		refused(await make(root, 'bad', 'a\n1\n', { encoding: 'ebcdic' }), 422);
		refused(await make(root, 'bad', 'a\n1\n', { on_error: 'ignore' }), 400);
		refused(await make(root, 'bad', 'a\n1\n', { column_types: { b: 'label' } }), 422);
		refused(await make(root, 'bad', 'a\n1\n', { column_types: { a: 'blob' } }), 422);
		refused(await root.action('world', 'upload_csv_to_system_schema',
			{ entity_name: 'bad' }), 400);
		refused(await root.action('world', 'upload_csv_to_system_schema',
			{ entity_name: 'bad', data_csv_file: [{ name: 'x.csv', spool: 0 }] }), 400);
		refused(await root.action('world', 'upload_csv_to_system_schema',
			{ entity_name: 'bad', data_csv_file: [{ name: 'x.csv', file: '!!' }] }), 400);
	});

	test('files that are no spreadsheets', async () => {
		const upload = (name, bytes) => root.action('world', 'upload_xls_to_system_schema', {
			data_xls_file: [fileOf(name, bytes)], entity_name: 'bad',
			create_if_not_exists: true });
		refused(await upload('x.xlsx', 'plain text'), 422);
		refused(await upload('x.xls', 'plain text'), 422);
		refused(await upload('x.xlsx', Buffer.from('PK\x03\x04rest', 'latin1')), 422);
		refused(await upload('x.xls', Buffer.concat([
			Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(4096, 0x41)])), 422);
		refused(await upload('x.pdf', 'plain'), 422);
	});
});

describe('ways in', () => {
	async function send(client, body, { query = '', headers = {} } = {}) {
		const response = await fetch(
			`${instance.url}/action/world/upload_csv_to_system_schema${query}`, {
				method: 'POST', body, duplex: 'half',
				headers: { authorization: `Bearer ${client.token}`, ...headers },
			});
		const text = await response.text();
		return { status: response.status, text, json: JSON.parse(text), sent: '',
			asked: 'POST /action/world/upload_csv_to_system_schema',
			headers: response.headers };
	}

	const rowsOf = (n) => Array.from({ length: n }, (_, i) => `${i},row ${i}`).join('\n');

	function formOf(fields, text) {
		const form = new FormData();
		for (const [name, value] of Object.entries(fields))
			form.append(name, value);
		form.append('data_csv_file', new Blob([text], { type: 'text/csv' }), 'form.csv');
		return form;
	}

	test('multipart/form-data', async () => {
		const answer = expect(await send(root, formOf({ entity_name: 'by_form',
			create_if_not_exists: 'true', column_types: '{"t": "content"}' },
		`n,t\n${rowsOf(50000)}\n`)), 200);
		assert.equal(report(answer).created, 50000);
		assert.equal(columnsOf(answer).t, 'content');
	});

	test('forms that end early or lack a name are refused', async () => {
		const type = { 'content-type': 'multipart/form-data; boundary=xx' };
		for (const body of ['--xx\r\nContent-Disposition: form-data; name="data_csv_file"; ' +
			'filename="a.csv"\r\n\r\na\n1\n', '--xx\r\nA: b\r\n\r\nc\r\n--xx--\r\n',
		'nothing', '--xx\r\n'])
			refused(await send(root, body, { headers: type }), 400);
	});

	test('a raw body, with a query for its inputs', async () => {
		const answer = expect(await send(root, `n;t\n${rowsOf(20000).replaceAll(',', ';')}\n`, {
			query: '?entity_name=by_body&create_if_not_exists=true',
			headers: { 'content-type': 'text/csv' } }), 200);
		assert.equal(report(answer).created, 20000);
		const latin = expect(await send(root, Buffer.from('t\ncaf\xe9\n', 'latin1'), {
			query: '?entity_name=by_latin&create_if_not_exists=true',
			headers: { 'content-type': 'text/csv; charset=windows-1252' } }), 200);
		assert.equal(report(latin).created, 1);
		assert.equal((await rows('by_latin'))[0].t, 'café');
	});

	test('base64 beyond 16 MiB is 413 and names the other ways', async () => {
		const answer = refused(await make(root, 'large', `a\n${'x'.repeat(17 << 20)}\n`), 413);
		assert.match(messages(answer), /multipart\/form-data/);
	});

	test('the same file under the same key is taken once', async () => {
		const key = { 'idempotency-key': 'import-once' };
		const form = () => send(root, 'a\n1\n2\n', { headers: { 'content-type': 'text/csv',
			...key }, query: '?entity_name=once&create_if_not_exists=true' });
		const first = expect(await form(), 200);
		const second = expect(await form(), 200);
		assert.equal(second.text, first.text);
		assert.equal(count('once'), 2);
		refused(await send(root, 'a\n3\n', { headers: { 'content-type': 'text/csv', ...key },
			query: '?entity_name=once&create_if_not_exists=true' }), 422);
	});

	test('in the background, with its file', async () => {
		const before = await send(root, formOf({ entity_name: 'later',
			create_if_not_exists: 'true' }, `n,t\n${rowsOf(5000)}\n`),
		{ headers: { prefer: 'respond-async' } });
		expect(before, 202);
		const job = before.headers.get('location');
		await until('the import', async () => {
			const { state, error } = expect(await root.get(job), 200).json.data.attributes;
			assert.ok(!['failed', 'cancelled'].includes(state), `${state}: ${error}`);
			return state === 'succeeded';
		}, { limit: 30000 });
		assert.equal(count('later'), 5000);
	});

	test('a job that is cancelled leaves nothing', async () => {
		const answer = expect(await send(root, formOf({ entity_name: 'cancelled',
			create_if_not_exists: 'true' }, `n,t\n${rowsOf(300000)}\n`),
		{ headers: { prefer: 'respond-async' } }), 202);
		const job = answer.headers.get('location');
		const id = job.split('/').at(-1);
		const attributes = async () => expect(await root.get(job), 200).json.data.attributes;
		const { unit } = await until('progress', async () => {
			const now = await attributes();
			return now.done > 0 && now;
		});
		assert.equal(unit, 'bytes');
		expect(await root.action('job', 'cancel_job', { job_id: id }), 200);
		await until('the end', async () => (await attributes()).state === 'cancelled');
		assert.equal((await root.get('/api/cancelled')).status, 404);
		assert.equal(instance.psql('SELECT to_regclass(\'cancelled\') IS NULL'), 't');
	});

	/* Private bytes of the largest of the long workers and their children. */
	function privateBytes() {
		const sizeOf = (pid) => {
			try {
				const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
				return [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)]
					.reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0) * 1024;
			} catch {
				return 0; /* it has just ended */
			}
		};
		return Math.max(...instance.processes('long worker').map(sizeOf));
	}

	test('200,000 rows take little memory', { skip: SANITIZED }, async () => {
		const line = (i) => `${i},name ${i},user${i}@example.com,${i}.25,2024-02-29,x y z\n`;
		const text = 'n,name,mail,price,day,words\n' +
			Array.from({ length: 200000 }, (_, i) => line(i)).join('');
		let peak = 0;
		const watch = setInterval(() => { peak = Math.max(peak, privateBytes()); }, 25);
		try {
			const answer = expect(await send(root, text, { headers: {
				'content-type': 'text/csv' },
			query: '?entity_name=many&create_if_not_exists=true' }), 200);
			assert.equal(report(answer).created, 200000);
			expect(await send(root, formOf({ entity_name: 'many', update_on: 'n' }, text)), 200);
		} finally {
			clearInterval(watch);
		}
		assert.ok(peak > 0 && peak < 64 << 20, `${peak} bytes`);
		assert.equal(count('many'), 200000);
	});

	test('a worker that is killed in the middle leaves nothing', async () => {
		const text = `n,t\n${rowsOf(300000)}\n`;
		const wait = send(root, text, { headers: { 'content-type': 'text/csv' },
			query: '?entity_name=killed&create_if_not_exists=true' }).catch(() => null);
		await until('COPY', () => instance.psql(`SELECT pid FROM pg_stat_activity
			WHERE application_name = 'actd long' AND query LIKE 'COPY%'
			AND state = 'active'`), { every: 5 });
		for (const pid of instance.processes('long worker'))
			process.kill(pid, 'SIGKILL');
		const answer = await wait;
		assert.ok(!answer || answer.status >= 500, answer?.text);
		await until('its connection to be gone', () => instance.psql(`SELECT count(*)
			FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()`) === '0');
		assert.equal((await root.get('/api/killed')).status, 404);
		assert.equal(instance.psql('SELECT to_regclass(\'killed\') IS NULL'), 't');
	});

	test('a connection that ends early leaves nothing', async () => {
		const before = instance.psql('SELECT count(*) FROM world');
		const body = 'a,b\n1,2\n';
		const { rawHttp } = require('./lib/raw.js');
		await rawHttp(instance, ['POST /action/world/upload_csv_to_system_schema' +
			'?entity_name=cut_off&create_if_not_exists=true HTTP/1.1', 'Host: x',
		`Authorization: Bearer ${root.token}`, 'Content-Type: text/csv',
		`Content-Length: ${body.length + 100}`], body, { milliseconds: 300 });
		assert.equal(instance.psql('SELECT count(*) FROM world'), before);
	});
});

describe('the command line', () => {
	function actd(...words) {
		const run = spawnSync(ACTD, words, { encoding: 'utf8', env: {
			...instance.environment, ACTD_KEYS_FILE: path.join(instance.folder, 'keys'),
			ACTD_DATABASE: `host='${instance.folder}/run' user=actd dbname=actd` } });
		return { status: run.status, text: run.stdout + run.stderr };
	}

	test('actd import', () => {
		const file = path.join(instance.folder, 'by hand.csv');
		fs.writeFileSync(file, 'name,n\nAnn,1\nBob,2\n');
		const made = actd('import', file, 'by_hand', '--create');
		assert.equal(made.status, 0, made.text);
		assert.match(made.text, /"created":2/);
		assert.equal(count('by_hand'), 2);
		assert.equal(instance.psql('SELECT DISTINCT u.name FROM by_hand b ' +
			'JOIN user_account u ON u.id = b.user_account_id'), 'root');
		fs.writeFileSync(file, 'name,n\nEve,1\nBob,x\n');
		const bad = actd('import', file, 'by_hand');
		assert.notEqual(bad.status, 0);
		assert.match(bad.text, /by hand.csv: row 3, column n, value "x"/);
		assert.equal(count('by_hand'), 2);
		assert.equal(actd('import', file, 'by_hand', '--skip').status, 0);
		assert.equal(count('by_hand'), 3);
		assert.equal(actd('import', file).status, 64);
		assert.notEqual(actd('import', `${file}.none`, 'by_hand').status, 0);
	});
});
